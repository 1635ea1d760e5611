//! A group of records laid out column by column, before compression: one column per field name and
//! kind, small dictionaries for repeated text, hexadecimal text packed. Decoding is lazy: parsing
//! finds the values, [`Columns::record`] builds only the record asked for. No I/O, no compression.

use std::collections::HashMap;

use crate::codec::{RecordView, ValueRef};
use crate::record::{Level, LogRecord, Value};

const BOOL: u8 = 0;
const INT: u8 = 1;
const FLOAT: u8 = 2;
const TEXT: u8 = 3;

const PLAIN: u8 = 0;
const DICTIONARY: u8 = 1;
const HEXADECIMAL: u8 = 2;

/// A finished group.
#[derive(Debug)]
pub struct Raw {
    /// The columns.
    pub bytes: Vec<u8>,
    /// Number of records.
    pub count: u32,
    /// Sequence of the first record.
    pub first: u64,
    /// Sequence of the last record.
    pub last: u64,
    /// Oldest timestamp.
    pub oldest: i64,
    /// Newest timestamp.
    pub newest: i64,
}

/// Collects the records of one group.
#[derive(Debug, Default)]
pub struct ColumnsWriter {
    size: usize,
    shapes: HashMap<Vec<u8>, usize>,
    /// Per shape its columns in the order of the fields.
    shape_columns: Vec<Vec<usize>>,
    shape_bytes: Vec<u8>,
    column_of: HashMap<Vec<u8>, usize>,
    columns: Vec<ColumnWriter>,
    shape_ids: Vec<usize>,
    times: Vec<(i64, u64)>,
    message: TextWriter,
    key: Vec<u8>,
}

#[derive(Debug)]
enum ColumnWriter {
    Fixed(Vec<u8>),
    Text(TextWriter),
}

#[derive(Debug, Default)]
struct TextWriter {
    ends: Vec<usize>,
    bytes: Vec<u8>,
}

impl ColumnsWriter {
    /// Encoded bytes of the records collected.
    pub fn bytes(&self) -> usize {
        self.size
    }

    /// Number of records collected.
    pub fn len(&self) -> usize {
        self.shape_ids.len()
    }

    /// Adds a record.
    pub fn push(&mut self, view: &RecordView<'_>) {
        self.size += view.as_bytes().len();
        self.times.push((view.timestamp(), view.sequence()));
        self.message.push(view.message());
        let shape = self.shape_of(view);
        self.shape_ids.push(shape);
        for (column, (_, value)) in self.shape_columns[shape].iter().zip(view.fields()) {
            match (&mut self.columns[*column], value) {
                (ColumnWriter::Fixed(out), ValueRef::Bool(value)) => out.push(u8::from(value)),
                (ColumnWriter::Fixed(out), ValueRef::Int(value)) => put_signed(out, value),
                (ColumnWriter::Fixed(out), ValueRef::Float(value)) => {
                    out.extend_from_slice(&value.to_le_bytes());
                }
                (ColumnWriter::Text(out), ValueRef::Str(value)) => out.push(value),
                (ColumnWriter::Fixed(_), ValueRef::Str(_)) | (ColumnWriter::Text(_), _) => {}
            }
        }
    }

    fn shape_of(&mut self, view: &RecordView<'_>) -> usize {
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        key.push(view.level() as u8);
        put_text(&mut key, view.target());
        let fields = view.fields().count();
        put_unsigned(&mut key, fields as u64);
        for (name, value) in view.fields() {
            key.push(kind_of(value));
            put_text(&mut key, name);
        }
        let shape = match self.shapes.get(&key) {
            Some(shape) => *shape,
            None => self.add_shape(&key, view),
        };
        self.key = key;
        shape
    }

    fn add_shape(&mut self, key: &[u8], view: &RecordView<'_>) -> usize {
        let shape = self.shape_columns.len();
        self.shapes.insert(key.to_vec(), shape);
        self.shape_bytes.extend_from_slice(key);
        let columns = view.fields().map(|(name, value)| self.column(name, value)).collect();
        self.shape_columns.push(columns);
        shape
    }

    fn column(&mut self, name: &str, value: ValueRef<'_>) -> usize {
        let mut key = vec![kind_of(value)];
        key.extend_from_slice(name.as_bytes());
        let columns = &mut self.columns;
        *self.column_of.entry(key).or_insert_with(|| {
            columns.push(match value {
                ValueRef::Str(_) => ColumnWriter::Text(TextWriter::default()),
                _ => ColumnWriter::Fixed(Vec::new()),
            });
            columns.len() - 1
        })
    }

    /// Lays out the group and starts a new one. There must be a record.
    pub fn finish(&mut self) -> Raw {
        let this = std::mem::take(self);
        let mut out = Vec::with_capacity(this.size);
        put_unsigned(&mut out, this.shape_ids.len() as u64);
        put_unsigned(&mut out, this.shape_columns.len() as u64);
        out.extend_from_slice(&this.shape_bytes);
        this.shape_ids.iter().for_each(|shape| put_unsigned(&mut out, *shape as u64));
        let mut previous = (0_i64, 0_u64);
        for (timestamp, _) in &this.times {
            put_signed(&mut out, timestamp.wrapping_sub(previous.0));
            previous.0 = *timestamp;
        }
        for (_, sequence) in &this.times {
            put_unsigned(&mut out, sequence.wrapping_sub(previous.1));
            previous.1 = *sequence;
        }
        this.message.finish(&mut out);
        for column in &this.columns {
            match column {
                ColumnWriter::Fixed(bytes) => out.extend_from_slice(bytes),
                ColumnWriter::Text(text) => text.finish(&mut out),
            }
        }
        let timestamps = || this.times.iter().map(|(timestamp, _)| *timestamp);
        Raw {
            bytes: out,
            count: u32::try_from(this.times.len()).unwrap_or(u32::MAX),
            first: this.times.first().map_or(0, |time| time.1),
            last: this.times.last().map_or(0, |time| time.1),
            oldest: timestamps().min().unwrap_or(0),
            newest: timestamps().max().unwrap_or(0),
        }
    }
}

impl TextWriter {
    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(self.bytes.len());
    }

    fn values(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let value = &self.bytes[start..*end];
            start = *end;
            value
        })
    }

    /// Dictionaries win where values repeat at least once on average; they and the identifiers are
    /// what the entropy coder handles best.
    fn finish(&self, out: &mut Vec<u8>) {
        let mut ids: HashMap<&[u8], usize> = HashMap::new();
        let mut entries: Vec<&[u8]> = Vec::new();
        let mut column = Vec::with_capacity(self.ends.len());
        for value in self.values() {
            let next = entries.len();
            column.push(*ids.entry(value).or_insert_with(|| {
                entries.push(value);
                next
            }));
        }
        if entries.len() * 4 <= self.ends.len() * 3 {
            out.push(DICTIONARY);
            put_unsigned(out, entries.len() as u64);
            put_values(out, &entries);
            for id in column {
                put_unsigned(out, id as u64);
            }
        } else {
            out.push(PLAIN);
            put_values(out, &self.values().collect::<Vec<_>>());
        }
    }
}

/// A mode for the bytes, the lengths, then the bytes.
fn put_values(out: &mut Vec<u8>, values: &[&[u8]]) {
    let packed = values.iter().all(|value| is_hexadecimal(value));
    out.push(if packed { HEXADECIMAL } else { PLAIN });
    for value in values {
        put_unsigned(out, value.len() as u64);
    }
    for value in values {
        if packed {
            out.extend(value.chunks_exact(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])));
        } else {
            out.extend_from_slice(value);
        }
    }
}

fn is_hexadecimal(value: &[u8]) -> bool {
    value.len().is_multiple_of(2)
        && value.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn nibble(digit: u8) -> u8 {
    if digit <= b'9' { digit & 15 } else { digit - b'a' + 10 }
}

fn kind_of(value: ValueRef<'_>) -> u8 {
    match value {
        ValueRef::Bool(_) => BOOL,
        ValueRef::Int(_) => INT,
        ValueRef::Float(_) => FLOAT,
        ValueRef::Str(_) => TEXT,
    }
}

/// Bounds of texts in bytes that follow each other.
type Spans = Vec<(usize, usize)>;

/// A parsed group.
#[derive(Debug)]
pub struct Columns {
    shapes: Vec<Shape>,
    shape_ids: Vec<usize>,
    timestamps: Vec<i64>,
    sequences: Vec<u64>,
    message: TextColumn,
    values: Vec<Column>,
    size: usize,
}

#[derive(Debug)]
struct Shape {
    level: Level,
    target: String,
    fields: Vec<(String, usize)>,
}

#[derive(Debug)]
enum Column {
    Bool(Vec<bool>),
    Int(Vec<i64>),
    Float(Vec<f64>),
    Text(TextColumn),
}

#[derive(Debug)]
struct TextColumn {
    text: Vec<u8>,
    /// Bounds of the values in `text`.
    spans: Spans,
    /// Per row its value; empty when each row has its own.
    ids: Vec<usize>,
}

impl Columns {
    /// Finds the values in the bytes of a group; `None` when they are malformed.
    pub fn parse(raw: &[u8]) -> Option<Self> {
        let mut reader = Reader { rest: raw };
        let count = reader.length()?;
        let (shapes, kinds) = read_shapes(&mut reader)?;
        let shape_ids =
            reader.many(count, |reader| reader.length().filter(|shape| *shape < shapes.len()))?;
        let mut timestamp = 0_i64;
        let timestamps = reader.many(count, |reader| {
            timestamp = timestamp.wrapping_add(reader.signed()?);
            Some(timestamp)
        })?;
        let mut sequence = 0_u64;
        let sequences = reader.many(count, |reader| {
            sequence = sequence.wrapping_add(reader.unsigned()?);
            Some(sequence)
        })?;
        let message = reader.text_column(count)?;
        let mut rows = vec![0; kinds.len()];
        for shape in &shape_ids {
            shapes[*shape].fields.iter().for_each(|(_, column)| rows[*column] += 1);
        }
        let values = kinds
            .into_iter()
            .zip(rows)
            .map(|(kind, rows)| reader.column(kind, rows))
            .collect::<Option<_>>()?;
        let size = raw.len() * 2;
        Some(Self { shapes, shape_ids, timestamps, sequences, message, values, size })
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.shape_ids.len()
    }

    /// About how many bytes of memory this takes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Where the record of that sequence is.
    pub fn position(&self, sequence: u64) -> Option<usize> {
        self.sequences.binary_search(&sequence).ok()
    }

    /// Builds the record at a position.
    pub fn record(&self, at: usize) -> Option<LogRecord> {
        let shape = self.shapes.get(*self.shape_ids.get(at)?)?;
        let mut before = vec![0_usize; self.shapes.len()];
        self.shape_ids[..at].iter().for_each(|shape| before[*shape] += 1);
        let row_of = |column: usize| -> usize {
            let has = |shape: &Shape| shape.fields.iter().any(|(_, other)| *other == column);
            self.shapes.iter().zip(&before).filter(|(shape, _)| has(shape)).map(|(_, n)| n).sum()
        };
        let fields = shape.fields.iter().map(|(name, column)| {
            Some((name.clone(), self.values[*column].value(row_of(*column))?))
        });
        Some(LogRecord {
            timestamp: self.timestamps[at],
            sequence: self.sequences[at],
            level: shape.level,
            target: shape.target.clone(),
            message: self.message.text(at)?.to_owned(),
            fields: fields.collect::<Option<_>>()?,
        })
    }
}

/// The shapes and the kind of each column, in the order columns first appear in shapes.
fn read_shapes(reader: &mut Reader<'_>) -> Option<(Vec<Shape>, Vec<u8>)> {
    let mut kinds = Vec::new();
    let mut column_of: HashMap<(u8, String), usize> = HashMap::new();
    let count = reader.length()?;
    let shapes = reader.many(count, |reader| {
        let level = *Level::ALL.get(usize::from(reader.byte()?))?;
        let target = reader.text()?.to_owned();
        let count = reader.length()?;
        let fields = reader.many(count, |reader| {
            let kind = reader.byte()?;
            let name = reader.text()?.to_owned();
            let column = *column_of.entry((kind, name.clone())).or_insert_with(|| {
                kinds.push(kind);
                kinds.len() - 1
            });
            Some((name, column))
        })?;
        Some(Shape { level, target, fields })
    })?;
    Some((shapes, kinds))
}

impl Column {
    fn value(&self, row: usize) -> Option<Value> {
        Some(match self {
            Self::Bool(values) => Value::Bool(*values.get(row)?),
            Self::Int(values) => Value::Int(*values.get(row)?),
            Self::Float(values) => Value::Float(*values.get(row)?),
            Self::Text(column) => Value::Str(column.text(row)?.to_owned()),
        })
    }
}

impl TextColumn {
    fn text(&self, row: usize) -> Option<&str> {
        let id = if self.ids.is_empty() { row } else { *self.ids.get(row)? };
        let (start, end) = *self.spans.get(id)?;
        std::str::from_utf8(self.text.get(start..end)?).ok()
    }
}

/// Reads primitives; `None` at the first thing that makes no sense.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// A number of things, each of which takes at least one byte or is counted in memory already.
    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.unsigned()?).ok().filter(|length| *length <= 1 << 24)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    fn many<T>(
        &mut self,
        count: usize,
        mut one: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut all = Vec::with_capacity(count.min(self.rest.len()));
        for _ in 0..count {
            all.push(one(self)?);
        }
        Some(all)
    }

    fn column(&mut self, kind: u8, rows: usize) -> Option<Column> {
        Some(match kind {
            BOOL => Column::Bool(self.many(rows, |reader| reader.byte().map(|byte| byte != 0))?),
            INT => Column::Int(self.many(rows, Self::signed)?),
            FLOAT => Column::Float(self.many(rows, |reader| {
                reader.take(8)?.first_chunk().copied().map(f64::from_le_bytes)
            })?),
            TEXT => Column::Text(self.text_column(rows)?),
            _ => return None,
        })
    }

    fn text_column(&mut self, rows: usize) -> Option<TextColumn> {
        if self.byte()? == PLAIN {
            let (text, spans) = self.values(rows)?;
            return Some(TextColumn { text, spans, ids: Vec::new() });
        }
        let entries = self.length()?;
        let (text, spans) = self.values(entries)?;
        let ids = self.many(rows, |reader| reader.length().filter(|id| *id < entries))?;
        Some(TextColumn { text, spans, ids })
    }

    fn values(&mut self, count: usize) -> Option<(Vec<u8>, Spans)> {
        let packed = self.byte()? == HEXADECIMAL;
        let mut end = 0;
        let spans = self.many(count, |reader| {
            let start = end;
            end += reader.length()?;
            Some((start, end))
        })?;
        let text = if packed {
            let digit = |value: u8| char::from_digit(u32::from(value), 16).map(|c| c as u8);
            let bytes = self.take(end / 2)?.iter();
            bytes.flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect::<Option<_>>()?
        } else {
            self.take(end)?.to_vec()
        };
        Some((text, spans))
    }
}

fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_unsigned(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_unsigned(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<i32>().prop_map(|number| Value::Float(f64::from(number) / 8.0)),
            "[0-9a-f]{0,8}".prop_map(Value::Str),
            any::<String>().prop_map(Value::Str),
        ]
    }

    prop_compose! {
        fn record()(
            timestamp in any::<i64>(),
            level in prop::sample::select(Level::ALL.to_vec()),
            target in "[a-c]{0,2}",
            message in prop_oneof![any::<String>(), "[a-b]{1}"],
            fields in prop::collection::btree_map("[a-e]{1,2}", value(), 0..6),
        ) -> LogRecord {
            let fields = fields.into_iter().collect();
            LogRecord { timestamp, sequence: 0, level, target, message, fields }
        }
    }

    proptest! {
        #[test]
        fn a_group_gives_back_its_records(
            mut records in prop::collection::vec(record(), 1..60),
            gaps in prop::collection::vec(1_u64..9, 60),
        ) {
            let mut writer = ColumnsWriter::default();
            let mut sequence = 0;
            for (record, gap) in records.iter_mut().zip(gaps) {
                sequence += gap;
                record.sequence = sequence;
                let mut bytes = Vec::new();
                codec::encode(record, &mut bytes);
                writer.push(&RecordView::parse(&bytes).expect("whole"));
            }
            let columns = Columns::parse(&writer.finish().bytes).expect("well formed");
            prop_assert_eq!(columns.len(), records.len());
            for (at, record) in records.iter().enumerate() {
                prop_assert_eq!(columns.position(record.sequence), Some(at));
                prop_assert_eq!(columns.record(at), Some(record.clone()));
            }
        }

        #[test]
        fn foreign_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Some(columns) = Columns::parse(&bytes) {
                (0..columns.len()).for_each(|at| drop(columns.record(at)));
            }
        }
    }
}
