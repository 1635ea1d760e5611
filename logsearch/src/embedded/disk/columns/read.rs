//! Finding the values of a group again. Nothing in it is trusted: bytes that make no sense are no group.

use std::collections::HashMap;

use super::{BOOL, FLOAT, HEXADECIMAL, INT, PLAIN, TEXT};
use crate::record::{Level, LogRecord, Value};

/// Bounds of texts in bytes that follow each other.
type Spans = Vec<(usize, usize)>;

/// A parsed group.
#[derive(Debug)]
pub struct Columns {
    shapes: Vec<Shape>,
    shape_ids: Vec<usize>,
    /// Where the cells of each record begin.
    first_cells: Vec<usize>,
    /// For each field of each record its row in the column: counting them for one record alone would
    /// cost more than everything else about it.
    cells: Vec<u32>,
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
        let (mut cells, mut first_cells) = (Vec::new(), Vec::with_capacity(count));
        for shape in &shape_ids {
            first_cells.push(cells.len());
            // Each cell takes a byte or more.
            if cells.len() > raw.len() {
                return None;
            }
            for (_, column) in &shapes[*shape].fields {
                cells.push(u32::try_from(rows[*column]).ok()?);
                rows[*column] += 1;
            }
        }
        let values = kinds
            .into_iter()
            .zip(rows)
            .map(|(kind, rows)| reader.column(kind, rows))
            .collect::<Option<_>>()?;
        let size = raw.len() * 2 + cells.len() * size_of::<u32>();
        Some(Self {
            shapes,
            shape_ids,
            first_cells,
            cells,
            timestamps,
            sequences,
            message,
            values,
            size,
        })
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.shape_ids.len()
    }

    /// Approximate memory usage in bytes.
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
        let cells = self.cells.get(*self.first_cells.get(at)?..)?;
        let fields = shape.fields.iter().zip(cells).map(|((name, column), row)| {
            Some((name.clone(), self.values[*column].value(*row as usize)?))
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

/// Reads primitives; `None` at the first invalid byte or at the end.
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
