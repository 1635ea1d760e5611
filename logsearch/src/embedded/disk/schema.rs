//! What the index keeps of a record, and under which name. A partition is read with the layout found
//! in its own schema, so a field added to the catalogue later only concerns new partitions. Records
//! themselves are in `rows`: nothing is stored in the index.

use std::collections::HashMap;

use tantivy::Index;
use tantivy::schema::{
    FAST, Field, FieldType, INDEXED, IndexRecordOption, JsonObjectOptions, Schema,
    TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::TextAnalyzer;

use super::tokenizer::{FoldTokenizer, WordTokenizer};
use crate::fields::{self, CATALOGUE, Definition};

/// Grows when partitions written before cannot be read any more; they are rebuilt from their rows.
pub const VERSION: u32 = 2;

const WORDS: &str = "words";
const FOLDED: &str = "folded";
const DECODED: &str = "decoded";
const RAW: &str = "raw";

/// Column of the timestamp, microseconds.
pub const TIME: &str = "@time";
/// Column of the sequence.
pub const SEQUENCE: &str = "@sequence";
/// Column of the level, as its number.
pub const LEVEL: &str = "@level";
/// Keyword: the target.
pub const TARGET: &str = "@target";
/// Text: the message.
pub const MESSAGE: &str = "@message";
/// Index field for all fields without an index field of their own.
pub const MORE: &str = "@more";
/// Terms: the names of fields that have no column, see [`present`] and [`hidden`].
pub const NAMES: &str = "@names";

/// The term in [`NAMES`] of a record that has this identifier or text.
pub fn present(name: &str) -> String {
    format!("!{name}")
}

/// The term in [`NAMES`] of a record that has this field and nothing of it in the index but the name.
pub fn hidden(name: &str) -> String {
    format!("?{name}")
}

/// The second term of a value that is not all ASCII. No folded text has upper case, so that no value and no
/// query has this term.
pub const FOREIGN: &str = "FOREIGN";

/// How a field of the catalogue is indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole text, any case, with a column.
    Keyword,
    /// Whole text, any case, without a column: nearly every record has its own.
    Identifier,
    /// Words of a text with their positions.
    Text,
    /// A column of whole numbers, each also a term.
    Code,
    /// A column of whole numbers.
    Measure,
}

/// A field with a place of its own in the index.
#[derive(Clone, Debug)]
pub struct Typed {
    /// The field of the index.
    pub field: Field,
    /// The name of its column.
    pub column: String,
    /// How the field is indexed.
    pub kind: Kind,
}

/// Where everything is in the index of one partition.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The schema this describes.
    pub schema: Schema,
    /// Index field of the timestamp, [`TIME`].
    pub time: Field,
    /// Index field of the sequence, [`SEQUENCE`].
    pub sequence: Field,
    /// Index field of the level, [`LEVEL`].
    pub level: Field,
    /// Index field of the target, [`TARGET`].
    pub target: Field,
    /// Index field of the message, [`MESSAGE`].
    pub message: Field,
    /// Index field of all dynamic fields, [`MORE`].
    pub more: Field,
    /// Index field of the field names, [`NAMES`].
    pub names: Field,
    /// By canonical name.
    pub typed: HashMap<String, Typed>,
}

impl Layout {
    /// The layout of new partitions.
    pub fn current() -> Self {
        let mut builder = Schema::builder();
        builder.add_i64_field(TIME, FAST);
        builder.add_u64_field(SEQUENCE, FAST);
        builder.add_u64_field(LEVEL, FAST | INDEXED);
        builder.add_text_field(TARGET, keyword());
        builder.add_text_field(MESSAGE, words());
        builder.add_json_field(MORE, more());
        builder.add_text_field(NAMES, identifier(RAW));
        for definition in CATALOGUE {
            let Some(kind) = kind_of(definition) else { continue };
            let name = inner_name(definition.name);
            match kind {
                Kind::Keyword if fields::is_encoded(definition.name) => {
                    builder.add_text_field(&name, identifier(DECODED).set_fast(RAW))
                }
                Kind::Keyword => builder.add_text_field(&name, keyword()),
                Kind::Identifier => builder.add_text_field(&name, identifier(FOLDED)),
                Kind::Text => builder.add_text_field(&name, words()),
                Kind::Code => builder.add_i64_field(&name, FAST | INDEXED),
                Kind::Measure => builder.add_i64_field(&name, FAST),
            };
        }
        Self::of(&builder.build()).expect("the schema was just built with these fields")
    }

    /// The layout a schema describes; `None` when it is not one of ours.
    pub fn of(schema: &Schema) -> Option<Self> {
        let field = |name| schema.get_field(name).ok();
        let typed = schema.fields().filter_map(|(field, entry)| {
            let name = outer_name(entry.name())?;
            let kind = kept_kind(entry.field_type())?;
            Some((name, Typed { field, column: entry.name().to_owned(), kind }))
        });
        Some(Self {
            schema: schema.clone(),
            time: field(TIME)?,
            sequence: field(SEQUENCE)?,
            level: field(LEVEL)?,
            target: field(TARGET)?,
            message: field(MESSAGE)?,
            more: field(MORE)?,
            names: field(NAMES)?,
            typed: typed.collect(),
        })
    }
}

/// Tells an index how the schema's texts are cut into terms.
pub fn register(index: &mut Index) {
    let manager = index.tokenizers();
    manager.register(WORDS, TextAnalyzer::from(WordTokenizer::default()));
    manager.register(FOLDED, TextAnalyzer::from(FoldTokenizer::default()));
    manager.register(DECODED, TextAnalyzer::from(FoldTokenizer::decoding()));
}

/// The path of a field inside [`MORE`] as columns spell it: dots are part of the name.
pub fn more_column(name: &str) -> String {
    format!("{MORE}.{}", escape(name))
}

/// A name as one segment of a path.
pub fn escape(name: &str) -> String {
    name.replace('\\', "\\\\").replace('.', "\\.")
}

/// Names that the index has characters of its own for, or that are not worth a column.
pub fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= 128 && !name.chars().any(char::is_control)
}

/// Dots would be read as paths.
fn inner_name(name: &str) -> String {
    format!("f/{}", name.replace('.', "/"))
}

fn outer_name(name: &str) -> Option<String> {
    name.strip_prefix("f/").map(|name| name.replace('/', "."))
}

/// How new partitions keep a field; `None` for what every record has, which is kept apart.
fn kind_of(definition: &Definition) -> Option<Kind> {
    Some(match definition.kind {
        // Nearly every record has its own value: a column would be as large as the rows.
        _ if fields::is_id(definition.name) => Kind::Identifier,
        _ if definition.name == fields::STATUS => Kind::Code,
        _ if definition.name == fields::SEQUENCE => return None,
        _ if definition.name == fields::TARGET => return None,
        _ if definition.name == fields::MESSAGE => return None,
        fields::Kind::Level => return None,
        fields::Kind::Text => Kind::Text,
        fields::Kind::Integer | fields::Kind::Microseconds => Kind::Measure,
        fields::Kind::Keyword | fields::Kind::Dynamic => Kind::Keyword,
    })
}

fn kept_kind(field_type: &FieldType) -> Option<Kind> {
    Some(match field_type {
        FieldType::Str(options) if options.is_fast() => Kind::Keyword,
        FieldType::Str(options) => {
            if options.get_indexing_options()?.tokenizer() == WORDS {
                Kind::Text
            } else {
                Kind::Identifier
            }
        }
        FieldType::I64(options) if options.is_indexed() => Kind::Code,
        FieldType::I64(_) => Kind::Measure,
        _ => return None,
    })
}

fn indexing(tokenizer: &str, option: IndexRecordOption) -> TextFieldIndexing {
    TextFieldIndexing::default()
        .set_tokenizer(tokenizer)
        .set_index_option(option)
        .set_fieldnorms(false)
}

fn keyword() -> TextOptions {
    identifier(FOLDED).set_fast(RAW)
}

fn identifier(tokenizer: &str) -> TextOptions {
    TextOptions::default().set_indexing_options(indexing(tokenizer, IndexRecordOption::Basic))
}

fn words() -> TextOptions {
    TextOptions::default()
        .set_indexing_options(indexing(WORDS, IndexRecordOption::WithFreqsAndPositions))
}

fn more() -> JsonObjectOptions {
    JsonObjectOptions::default()
        .set_indexing_options(indexing(FOLDED, IndexRecordOption::Basic))
        .set_fast(RAW)
}
