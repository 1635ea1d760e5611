//! The query language: one tree, its parser, its printer and its meaning.
//!
//! Everything a person types is a query ([`parse`]); what is not structure is text, and every such
//! decision is a [`Notice`]. [`Query`]'s `Display` is the inverse of [`parse`]; [`Matcher`] is the
//! reference meaning that every store must agree with. Time is not part of a query.
//!
//! # Meaning
//!
//! A value has a *text form*: a string itself, a whole number in decimal digits, other numbers as
//! Rust prints them, `true` and `false`. Two texts are *equal in any case* when they are equal after
//! [`fold`]. `level`, `target`, `message` and `event.sequence` are looked up like fields.
//!
//! | kind of field ([`Kind`](crate::fields::Kind)) | `Eq`, `PhraseIn`, `In` | `Wild` |
//! |---|---|---|
//! | text | the [`tokens`] of the value contain those of the operand, in order and adjacent, any case; an operand without a token asks only that the field is there | see [`Pattern`] |
//! | every other | the text form equals the operand in any case; a [`Operand::Number`] equals numbers by value and strings by their text form | the whole text form, any case |
//!
//! `Text` and `Phrase` are the text rule on any of [`FREE_TEXT`](crate::fields::FREE_TEXT); without a
//! token they match every record. `Exact` compares text forms with regard to case (a level has none).
//! `Regex` is found anywhere in the text form, in any case unless it says `(?-i)`; see
//! [`compile_regex`]. `Compare` and `Range` of numbers hold for numbers only, never for digits in a
//! string; `Range` of texts compares folded text forms by code point. Typed numbers are multiplied by
//! [`Field::scale`] first. `Not` also holds for records that lack the field.

mod chips;
mod clause;
mod complete;
mod glob;
mod highlight;
mod matches;
mod notice;
mod number;
mod parse;
mod print;
mod scan;
mod text;

pub use crate::record::Matchable;
pub use chips::{Chip, Chips};
pub use complete::{Completing, Completion, complete};
pub use glob::Pattern;
pub use highlight::Highlighter;
pub use matches::{Matcher, compare_int, compile_regex, number_text};
pub use notice::Notice;
pub use parse::{MAX_CHARS, MAX_CLAUSES, MAX_DEPTH, MAX_PATTERN_CHARS, Parsed, parse};
pub use text::{
    MAX_TOKEN_BYTES, Token, Tokens, contains_phrase, equals_folded, fold, folded_tokens, tokens,
};

use crate::fields;

/// A parsed query. Field names are canonical (aliases resolved by the parser against `fields`).
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Every record.
    All,
    /// No record: an empty disjunction.
    Nothing,
    /// Words of the message (and error) text, all of them in order and adjacent, any case.
    Text(String),
    /// A quoted phrase of the message (and error) text.
    Phrase(String),
    /// The field equals the value, any case. Text operands are folded.
    Eq(Field, Operand),
    /// The field equals the value, same case.
    Exact(Field, String),
    /// The field equals the quoted text, or has the phrase if it is a text; any case.
    PhraseIn(Field, String),
    /// `*` any run, `?` one character, any case, over the whole value (for texts see [`Pattern`]).
    Wild(Field, String),
    /// A regular expression found in the value, any case.
    Regex(Field, String),
    /// Comparison of a number, in the unit of the typed name.
    Compare(Field, Comparison, f64),
    /// Both bounds inclusive; both numbers or both folded texts.
    Range(Field, Operand, Operand),
    /// One of; never empty.
    In(Field, Vec<Operand>),
    /// The record has the field.
    Exists(Field),
    /// Not.
    Not(Box<Query>),
    /// All of; at least two, none of them an `And`.
    And(Vec<Query>),
    /// Any of; never empty, none of them an `Or`. A single one is a list of one value, `level:(error)`.
    Or(Vec<Query>),
}

impl Query {
    /// The field of a single clause on a field.
    pub fn field(&self) -> Option<&Field> {
        match self {
            Self::Eq(field, _)
            | Self::Exact(field, _)
            | Self::PhraseIn(field, _)
            | Self::Wild(field, _)
            | Self::Regex(field, _)
            | Self::Compare(field, ..)
            | Self::Range(field, ..)
            | Self::In(field, _)
            | Self::Exists(field) => Some(field),
            _ => None,
        }
    }

    /// Whether a record matches. To test many records make a [`Matcher`] once.
    pub fn matches(&self, record: &impl Matchable) -> bool {
        Matcher::new(self).matches(record)
    }
}

/// The name of a field as it was typed and as records know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// As typed, kept by the printer: `status`.
    pub typed: String,
    /// Canonical: `http.response.status_code`.
    pub name: String,
    /// Stored units per unit of a typed number: 1,000 for `duration`, typed in milliseconds and
    /// stored in microseconds.
    pub scale: u32,
}

/// What is typed before the name of a field that is neither known nor dotted, so that it is not taken
/// for a word with a colon: `fields.listener:site`.
const UNKNOWN_PREFIX: &str = "fields.";

impl Field {
    /// The field a person means by this name: a known one, or a dotted path, where `fields.name` is the
    /// unknown field `name`.
    pub fn parse(typed: &str) -> Option<Self> {
        let typed = typed.strip_prefix('@').unwrap_or(typed);
        if let Some((definition, spelling, scale)) = fields::resolve(typed) {
            return Some(Self { typed: spelling.into(), name: definition.name.into(), scale });
        }
        let is_path = typed.contains('.') && is_field_name(typed);
        is_path.then(|| {
            let short = typed.strip_prefix(UNKNOWN_PREFIX).filter(|name| !name.contains('.'));
            Self { typed: typed.into(), name: short.unwrap_or(typed).into(), scale: 1 }
        })
    }

    /// The field of that canonical name, spelled as people type it and with numbers in stored units.
    pub fn of(name: &str) -> Self {
        let typed = match fields::definition(name) {
            // The name that people prefer may have another unit.
            Some(known) if known.kind != fields::Kind::Microseconds => known.short_name().into(),
            None if !name.contains('.') => format!("{UNKNOWN_PREFIX}{name}"),
            _ => name.to_owned(),
        };
        Self { typed, name: name.into(), scale: 1 }
    }

    /// What the field holds.
    pub fn kind(&self) -> fields::Kind {
        fields::kind(&self.name)
    }

    /// A typed number in stored units.
    pub fn stored(&self, typed: f64) -> f64 {
        typed * f64::from(self.scale)
    }
}

/// Whether these characters can be typed as a field name: segments of letters, digits, `_` and `-`
/// with dots between them, the first starting with a letter or `_`.
fn is_field_name(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_segment = |segment: &str| {
        !segment.is_empty()
            && segment.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    };
    starts && name.split('.').all(is_segment)
}

/// A value to compare with.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A number, in the unit of the typed name.
    Number(f64),
    /// Anything else, folded.
    Text(String),
}

/// How to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}
