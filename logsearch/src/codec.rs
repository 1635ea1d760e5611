//! The compact binary form of a record: what the layer writes, the write-ahead log keeps and the
//! memory tail scans. Encoding reuses its buffers and never allocates once they have grown; a
//! [`RecordView`] borrows. Framing and checksums are the log's business (`wal`), names are `fields`'.
//!
//! All integers are little-endian:
//!
//! ```text
//! u32 length of the whole record | u8 level | u8 flags (1: durable) | u16 number of fields
//! i64 timestamp | u64 sequence | u16 target length | u16 message length
//! target | message | fields: u8 name length, u8 kind, name, value
//! value: nothing for false and true, 8 bytes for i64 and f64, u16 length and text for text
//! ```

mod view;

use std::fmt;

pub use self::view::{Batch, FieldsIter, RecordView, records};
use self::view::{field_at, text_of};
pub use crate::record::ValueRef;
use crate::record::{Level, LogRecord};

/// The most bytes an encoded record has. What does not fit is cut, see [`TRUNCATED`].
pub const MAX_RECORD: usize = 64 * 1024;
/// The most fields a record has, the marks of a cut record included.
pub const MAX_FIELDS: usize = 64;
/// Set to `true` on a record that lost text or fields to the limits.
pub const TRUNCATED: &str = "log.truncated";
/// The bytes a cut record would have had.
pub const ORIGINAL_BYTES: &str = "log.original_bytes";

const HEADER: usize = 28;
const SEQUENCE_AT: usize = 16;
/// Module paths are far shorter; a made-up target must not eat the record.
const MAX_TARGET: usize = 256;
const MAX_NAME: usize = 255;
/// One text leaves room for the others: a huge message does not push out the request id.
const MAX_TEXT: usize = 56 * 1024;
/// Records of a few hundred bytes are the rule; a thread keeps no more than this between two of them.
const USUAL_MEMORY: usize = 32 * 1024;
/// Bytes kept free for the two marks of a cut record.
const MARKS: usize = 64;
/// What message and fields share.
const MAX_BODY: usize = MAX_RECORD - HEADER - MAX_TARGET - MARKS;
/// Fields before the marks.
const MAX_OWN_FIELDS: usize = MAX_FIELDS - 2;

const FALSE: u8 = 0;
const TRUE: u8 = 1;
const INT: u8 = 2;
const FLOAT: u8 = 3;
const TEXT: u8 = 4;

/// Encoded fields, each name once: the first one wins.
///
/// A span keeps one of these with its own fields; an event copies them behind its own.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    bytes: Vec<u8>,
    count: usize,
    /// One bit per name, to skip the search for a duplicate nearly always.
    seen: u64,
    /// Bytes that did not fit.
    lost: usize,
}

impl Fields {
    /// Forgets all fields and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
        self.seen = 0;
        self.lost = 0;
    }

    /// Adds a field, unless there is one of that name.
    pub fn put(&mut self, name: &str, value: ValueRef<'_>) {
        self.put_within(name, value, MAX_BODY);
    }

    /// Replaces a field or adds it.
    pub fn set(&mut self, name: &str, value: ValueRef<'_>) {
        self.remove(name);
        self.put(name, value);
    }

    /// Adds a text field as a type formats it, unless there is one of that name. `format` is called
    /// at most once and should only write; what it writes over the limit is counted and cut.
    pub fn put_with(&mut self, name: &str, format: impl FnOnce(&mut Text<'_>)) {
        self.put_text_within(name, MAX_BODY, format);
    }

    /// Removes a field.
    pub fn remove(&mut self, name: &str) {
        let name = cut(name, MAX_NAME);
        if self.seen & bit(name) == 0 {
            return;
        }
        let mut start = 0;
        while let Some((found, _, length)) = field_at(&self.bytes[start..]) {
            if found == name {
                self.bytes.drain(start..start + length);
                self.count -= 1;
                return;
            }
            start += length;
        }
    }

    /// The fields in the order they were put.
    pub fn iter(&self) -> FieldsIter<'_> {
        FieldsIter::new(&self.bytes)
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn has(&self, name: &str) -> bool {
        self.seen & bit(name) != 0 && self.iter().any(|(known, _)| known == name)
    }

    fn put_within(&mut self, name: &str, value: ValueRef<'_>, limit: usize) {
        if let ValueRef::Str(text) = value {
            return self.put_text_within(name, limit, |out| out.push(text));
        }
        let name = cut(name, MAX_NAME);
        if !self.admit(name, 8, limit) {
            return;
        }
        match value {
            ValueRef::Bool(value) => self.head(name, if value { TRUE } else { FALSE }),
            ValueRef::Int(value) => {
                self.head(name, INT);
                self.bytes.extend_from_slice(&value.to_le_bytes());
            }
            ValueRef::Float(value) => {
                self.head(name, FLOAT);
                self.bytes.extend_from_slice(&value.to_le_bytes());
            }
            ValueRef::Str(_) => {}
        }
    }

    fn put_text_within(&mut self, name: &str, limit: usize, format: impl FnOnce(&mut Text<'_>)) {
        let name = cut(name, MAX_NAME);
        if !self.admit(name, 2, limit) {
            return;
        }
        self.head(name, TEXT);
        let length_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0, 0]);
        let limit = limit.min(length_at + 2 + MAX_TEXT);
        let mut text = Text { start: length_at + 2, limit, lost: 0, bytes: &mut self.bytes };
        format(&mut text);
        self.lost += text.lost;
        let length = to_u16(self.bytes.len() - length_at - 2);
        self.bytes[length_at..length_at + 2].copy_from_slice(&length.to_le_bytes());
    }

    /// Whether a field of that name and value size may be added; counts it as lost when it is full.
    fn admit(&mut self, name: &str, value: usize, limit: usize) -> bool {
        if self.has(name) {
            return false;
        }
        if self.count >= MAX_OWN_FIELDS || self.bytes.len() + 2 + name.len() + value > limit {
            self.lost += 2 + name.len() + value;
            return false;
        }
        true
    }

    fn head(&mut self, name: &str, kind: u8) {
        self.bytes.extend_from_slice(&[to_u8(name.len()), kind]);
        self.bytes.extend_from_slice(name.as_bytes());
        self.seen |= bit(name);
        self.count += 1;
    }

    fn append(&mut self, other: &Self, limit: usize) {
        self.lost += other.lost;
        let fits = self.count + other.count <= MAX_OWN_FIELDS
            && self.bytes.len() + other.bytes.len() <= limit;
        if fits && self.seen & other.seen == 0 {
            self.bytes.extend_from_slice(&other.bytes);
            self.count += other.count;
            self.seen |= other.seen;
            return;
        }
        for (name, value) in other {
            self.put_within(name, value, limit);
        }
    }
}

impl<'a> IntoIterator for &'a Fields {
    type Item = (&'a str, ValueRef<'a>);
    type IntoIter = FieldsIter<'a>;

    fn into_iter(self) -> FieldsIter<'a> {
        self.iter()
    }
}

/// One bit of 64 for a name; equal names have equal bits.
fn bit(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return 1 };
    let middle = bytes[bytes.len() / 2];
    let mixed = u32::from(*first)
        .wrapping_mul(31)
        .wrapping_add(u32::from(*last).wrapping_mul(7))
        .wrapping_add(u32::from(middle).wrapping_mul(3))
        .wrapping_add(u32::from(to_u8(bytes.len())));
    1 << (mixed % 64)
}

/// Text under construction inside a record.
#[derive(Debug)]
pub struct Text<'a> {
    bytes: &'a mut Vec<u8>,
    start: usize,
    limit: usize,
    lost: usize,
}

impl Text<'_> {
    /// Appends text as far as it fits.
    pub fn push(&mut self, text: &str) {
        let room = if self.lost > 0 { 0 } else { self.limit.saturating_sub(self.bytes.len()) };
        let kept = cut(text, room);
        self.bytes.extend_from_slice(kept.as_bytes());
        self.lost += text.len() - kept.len();
    }

    /// Appends what a value formats itself as. Should it fail, what it wrote until then stays.
    pub fn format(&mut self, arguments: fmt::Arguments<'_>) {
        let _ = fmt::Write::write_fmt(self, arguments);
    }

    /// Clears the buffer.
    pub fn clear(&mut self) {
        self.bytes.truncate(self.start);
        self.lost = 0;
    }

    /// Takes back what was written behind so many bytes of it.
    ///
    /// # Panics
    /// When that is inside of a character.
    pub fn truncate(&mut self, length: usize) {
        assert!(self.as_str().is_char_boundary(length), "cannot cut inside of a character");
        self.bytes.truncate(self.start + length);
    }

    /// Puts another text in place of what was written; what was lost before stays lost.
    pub fn replace(&mut self, text: &str) {
        let lost = self.lost;
        self.clear();
        self.push(text);
        self.lost += lost;
    }

    /// What was written so far.
    pub fn as_str(&self) -> &str {
        text_of(&self.bytes[self.start..])
    }
}

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

/// Builds encoded records one after the other in the same memory.
#[derive(Debug, Default)]
pub struct Encoder {
    message: Vec<u8>,
    message_lost: usize,
    fields: Fields,
    durable: bool,
}

impl Encoder {
    /// Forgets the record under construction and keeps the memory.
    pub fn clear(&mut self) {
        self.message.clear();
        self.message_lost = 0;
        self.fields.clear();
        self.durable = false;
    }

    /// Asks for the record to be synced at once whatever its level, as for audit records.
    pub fn set_durable(&mut self) {
        self.durable = true;
    }

    /// Whether a record of that level would be synced at once.
    pub fn is_urgent(&self, level: Level) -> bool {
        self.durable || level >= Level::Error
    }

    /// The fields so far.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Whether this memory is larger than usual records need.
    pub fn is_bloated(&self) -> bool {
        self.message.capacity() + self.fields.bytes.capacity() > USUAL_MEMORY
    }

    /// Writes the message; a second one replaces the first.
    pub fn message_with(&mut self, format: impl FnOnce(&mut Text<'_>)) {
        self.message.clear();
        let limit = MAX_TEXT.min(MAX_BODY - self.fields.bytes.len());
        let mut text = Text { bytes: &mut self.message, start: 0, limit, lost: 0 };
        format(&mut text);
        self.message_lost = text.lost;
    }

    /// Adds a field, unless there is one of that name.
    pub fn put(&mut self, name: &str, value: ValueRef<'_>) {
        self.fields.put_within(name, value, MAX_BODY - self.message.len());
    }

    /// Adds a text field as a type formats it, unless there is one of that name.
    pub fn put_with(&mut self, name: &str, format: impl FnOnce(&mut Text<'_>)) {
        self.fields.put_text_within(name, MAX_BODY - self.message.len(), format);
    }

    /// Adds those fields of a span whose names are not taken.
    pub fn put_all(&mut self, fields: &Fields) {
        self.fields.append(fields, MAX_BODY - self.message.len());
    }

    /// Marks the record when it was cut. Call it after the last field.
    pub fn seal(&mut self, target: &str) {
        let target_lost = target.len() - cut(target, MAX_TARGET).len();
        let lost = self.fields.lost + self.message_lost + target_lost;
        if lost == 0 {
            return;
        }
        let original = self.length(target) + lost;
        for name in [TRUNCATED, ORIGINAL_BYTES] {
            self.fields.remove(name);
        }
        self.fields.head(TRUNCATED, TRUE);
        self.fields.head(ORIGINAL_BYTES, INT);
        let original = i64::try_from(original).unwrap_or(i64::MAX);
        self.fields.bytes.extend_from_slice(&original.to_le_bytes());
        // A second call must not mark again.
        (self.fields.lost, self.message_lost) = (0, 0);
    }

    /// Bytes the record takes in a buffer.
    pub fn length(&self, target: &str) -> usize {
        HEADER + cut(target, MAX_TARGET).len() + self.message.len() + self.fields.bytes.len()
    }

    /// Appends the record. The sequence is for the log's writer to set: [`set_sequence`].
    pub fn write(&self, out: &mut Vec<u8>, level: Level, timestamp: i64, target: &str) {
        let target = cut(target, MAX_TARGET);
        let mut header = [0; HEADER];
        header[0..4].copy_from_slice(&to_u32(self.length(target)).to_le_bytes());
        header[4] = level as u8;
        header[5] = u8::from(self.durable);
        header[6..8].copy_from_slice(&to_u16(self.fields.count).to_le_bytes());
        header[8..16].copy_from_slice(&timestamp.to_le_bytes());
        header[24..26].copy_from_slice(&to_u16(target.len()).to_le_bytes());
        header[26..28].copy_from_slice(&to_u16(self.message.len()).to_le_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(target.as_bytes());
        out.extend_from_slice(&self.message);
        out.extend_from_slice(&self.fields.bytes);
    }
}

/// Appends the encoded form of a record, its sequence included.
pub fn encode(record: &LogRecord, out: &mut Vec<u8>) {
    let mut encoder = Encoder::default();
    encoder.message_with(|text| text.push(&record.message));
    for (name, value) in &record.fields {
        encoder.put(name, value.into());
    }
    encoder.seal(&record.target);
    let start = out.len();
    encoder.write(out, record.level, record.timestamp, &record.target);
    set_sequence(&mut out[start..], record.sequence);
}

/// Numbers an encoded record.
///
/// # Panics
/// When `record` is not the start of an encoded record.
pub fn set_sequence(record: &mut [u8], sequence: u64) {
    record[SEQUENCE_AT..SEQUENCE_AT + 8].copy_from_slice(&sequence.to_le_bytes());
}

/// The longest prefix of at most `limit` bytes that ends between two characters.
fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit { text } else { &text[..text.floor_char_boundary(limit)] }
}

fn to_u8(length: usize) -> u8 {
    u8::try_from(length).unwrap_or(u8::MAX)
}

fn to_u16(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

fn to_u32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
