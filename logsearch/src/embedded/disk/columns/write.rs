//! Laying out a group.

use std::collections::HashMap;

use super::{BOOL, DICTIONARY, FLOAT, HEXADECIMAL, INT, PLAIN, TEXT};
use crate::codec::{RecordView, ValueRef};

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
