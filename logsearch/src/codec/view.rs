//! Reading encoded records without decoding them.

use super::{FALSE, FLOAT, HEADER, INT, SEQUENCE_AT, TEXT, TRUE};
use crate::record::{Level, LogRecord, Matchable, ValueRef};

/// An encoded record, borrowed. Reading a part costs no allocation.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    /// Exactly this record.
    bytes: &'a [u8],
    level: Level,
    message_at: usize,
    fields_at: usize,
}

impl<'a> RecordView<'a> {
    /// The record at the start of `bytes`; `None` when there is no whole one.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let length = usize::try_from(u32::from_le_bytes(array(bytes, 0)?)).ok()?;
        let bytes = bytes.get(..length)?;
        let level = *Level::ALL.get(usize::from(*bytes.get(4)?))?;
        let message_at = HEADER + usize::from(u16::from_le_bytes(array(bytes, 24)?));
        let fields_at = message_at + usize::from(u16::from_le_bytes(array(bytes, 26)?));
        (fields_at <= length).then_some(Self { bytes, level, message_at, fields_at })
    }

    /// The encoded record itself.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Microseconds since the Unix epoch.
    pub fn timestamp(&self) -> i64 {
        array(self.bytes, 8).map_or(0, i64::from_le_bytes)
    }

    /// Sequence number assigned by the log.
    pub fn sequence(&self) -> u64 {
        array(self.bytes, SEQUENCE_AT).map_or(0, u64::from_le_bytes)
    }

    /// Level of the record.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Whether it must be on the disk as soon as possible: an error, or asked for by its emitter.
    pub fn is_urgent(&self) -> bool {
        self.level >= Level::Error || self.bytes.get(5).is_some_and(|flags| flags & 1 != 0)
    }

    /// The module path or name the emitting code gave.
    pub fn target(&self) -> &'a str {
        text_of(&self.bytes[HEADER..self.message_at])
    }

    /// Message of the event.
    pub fn message(&self) -> &'a str {
        text_of(&self.bytes[self.message_at..self.fields_at])
    }

    /// Names and values, the event's own first, then from the inner span to the outer.
    pub fn fields(&self) -> FieldsIter<'a> {
        FieldsIter { rest: &self.bytes[self.fields_at..] }
    }

    /// The value of a field by its canonical name; level, target and message are not fields.
    pub fn field(&self, name: &str) -> Option<ValueRef<'a>> {
        self.fields().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

impl Matchable for RecordView<'_> {
    fn timestamp(&self) -> i64 {
        self.timestamp()
    }

    fn each_field(&self, look: &mut dyn FnMut(&str, ValueRef<'_>)) {
        self.fields().for_each(|(name, value)| look(name, value));
    }

    fn sequence(&self) -> u64 {
        self.sequence()
    }

    fn level(&self) -> Level {
        self.level
    }

    fn target(&self) -> &str {
        self.target()
    }

    fn message(&self) -> &str {
        self.message()
    }

    fn field(&self, name: &str) -> Option<ValueRef<'_>> {
        self.field(name)
    }
}

impl From<RecordView<'_>> for LogRecord {
    fn from(view: RecordView<'_>) -> Self {
        Self {
            timestamp: view.timestamp(),
            sequence: view.sequence(),
            level: view.level(),
            target: view.target().to_owned(),
            message: view.message().to_owned(),
            fields: view
                .fields()
                .map(|(name, value)| (name.to_owned(), value.to_value()))
                .collect(),
        }
    }
}

/// The fields of a record in order. Ends at the first invalid byte.
#[derive(Clone, Debug)]
pub struct FieldsIter<'a> {
    rest: &'a [u8],
}

impl<'a> FieldsIter<'a> {
    pub(super) fn new(encoded: &'a [u8]) -> Self {
        Self { rest: encoded }
    }
}

impl<'a> Iterator for FieldsIter<'a> {
    type Item = (&'a str, ValueRef<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value, length) = field_at(self.rest)?;
        self.rest = &self.rest[length..];
        Some((name, value))
    }
}

/// Encoded records that follow each other, numbered without gaps or with, always growing.
#[derive(Debug)]
pub struct Batch {
    /// The sequence of the first record.
    pub first: u64,
    /// Sequence after the last record.
    pub next: u64,
    /// The records.
    pub bytes: Vec<u8>,
}

impl Batch {
    /// The records in order.
    pub fn records(&self) -> Records<'_> {
        records(&self.bytes)
    }
}

/// The records in these bytes, in order.
pub fn records(bytes: &[u8]) -> Records<'_> {
    Records { rest: bytes }
}

/// Iterator over encoded records. Ends at the first bytes that are no record.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = RecordView<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let view = RecordView::parse(self.rest)?;
        self.rest = &self.rest[view.bytes.len()..];
        Some(view)
    }
}

/// The field at the start of `bytes`, with its length.
pub(super) fn field_at(bytes: &[u8]) -> Option<(&str, ValueRef<'_>, usize)> {
    let value_at = 2 + usize::from(*bytes.first()?);
    let name = text_of(bytes.get(2..value_at)?);
    let (value, length) = match *bytes.get(1)? {
        FALSE => (ValueRef::Bool(false), 0),
        TRUE => (ValueRef::Bool(true), 0),
        INT => (ValueRef::Int(i64::from_le_bytes(array(bytes, value_at)?)), 8),
        FLOAT => (ValueRef::Float(f64::from_le_bytes(array(bytes, value_at)?)), 8),
        TEXT => {
            let length = usize::from(u16::from_le_bytes(array(bytes, value_at)?));
            let text = bytes.get(value_at + 2..value_at + 2 + length)?;
            (ValueRef::Str(text_of(text)), 2 + length)
        }
        _ => return None,
    };
    Some((name, value, value_at + length))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Encoders write nothing but UTF-8 and frames are checksummed, so the fallback is for foreign bytes.
pub(super) fn text_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("\u{fffd}")
}
