//! One immutable segment of a partition, opened for searching: its columns and a zone map, the oldest
//! and newest time of every 1,024 documents.
//!
//! Documents are in the order of arrival, nearly but not exactly that of time. The zone map makes
//! that safe: every early stop is decided on what the skipped blocks can hold at most, so that a clock
//! that went backwards, or a merge in an unexpected order, costs time and never an answer.
//!
//! What a block can hold is known from the groups of rows its records are in, so that opening a segment
//! reads two sequences a block and no times.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tantivy::columnar::{Column, ColumnType, ColumnValues, DynamicColumn, StrColumn};
use tantivy::{DocId, SegmentReader};

use super::keyword::Keyword;
use super::picked::PickedCache;
use super::rows::Group;
use super::schema;
use crate::record::Value;
use crate::store::TimeRange;

/// Documents of a block.
pub const BLOCK: u32 = 1_024;

type Values<T> = Arc<dyn ColumnValues<T>>;

/// A segment ready to be searched.
pub struct Segment {
    /// tantivy's own view of it.
    pub reader: SegmentReader,
    /// Timestamps, microseconds.
    pub time: Values<i64>,
    /// Sequences.
    pub sequence: Values<u64>,
    /// Levels as numbers.
    pub level: Values<u64>,
    /// What times are where.
    pub zones: Zones,
    /// What searches for words picked from the values.
    pub picked: PickedCache,
    levels: OnceLock<Vec<[u16; 5]>>,
    columns: Mutex<HashMap<String, Arc<FieldColumns>>>,
    /// Whether the values of a place are all ASCII.
    plain: Mutex<HashMap<Keyword, bool>>,
}

/// The columns of one field of any type.
#[derive(Default)]
pub struct FieldColumns {
    /// Texts as written.
    pub text: Option<StrColumn>,
    /// Whole numbers.
    pub int: Option<Column<i64>>,
    /// Whole numbers of a column in which none is negative.
    pub unsigned: Option<Column<u64>>,
    /// Numbers of a column in which some have a fraction.
    pub float: Option<Column<f64>>,
    /// True and false.
    pub bool: Option<Column<bool>>,
    /// Value ranges of the blocks, computed once by [`FieldColumns::ranges`].
    ranges: OnceLock<Vec<(i64, i64)>>,
}

impl FieldColumns {
    /// Whether no document of the segment has the field.
    pub fn is_empty(&self) -> bool {
        self.text.is_none() && !self.has_numbers() && self.bool.is_none()
    }

    /// Whether some document has a number.
    pub fn has_numbers(&self) -> bool {
        self.int.is_some() || self.unsigned.is_some() || self.float.is_some()
    }

    /// The least and the greatest of the whole numbers of each block of documents; the other way round
    /// where a block has none. All are read at the first call.
    pub fn ranges(&self, docs: u32) -> &[(i64, i64)] {
        self.ranges.get_or_init(|| {
            let Some(column) = &self.int else { return Vec::new() };
            let mut numbers = [0; BLOCK as usize];
            let range = |start: u32| {
                let block = start..(start + BLOCK).min(docs);
                let rows = column.index.docid_range_to_rowids(block);
                let numbers = &mut numbers[..(rows.end - rows.start) as usize];
                column.values.get_range(u64::from(rows.start), numbers);
                let (least, greatest) = (numbers.iter().min(), numbers.iter().max());
                (least.copied().unwrap_or(i64::MAX), greatest.copied().unwrap_or(i64::MIN))
            };
            (0..docs).step_by(BLOCK as usize).map(range).collect()
        })
    }

    /// The number of a document.
    pub fn number(&self, doc: DocId) -> Option<Value> {
        let int = || self.int.as_ref()?.first(doc).map(Value::Int);
        let unsigned = || {
            let value = self.unsigned.as_ref()?.first(doc)?;
            // The column is unsigned because no value was negative; what was put in fits.
            i64::try_from(value).ok().map(Value::Int)
        };
        let float = || self.float.as_ref()?.first(doc).map(Value::Float);
        int().or_else(unsigned).or_else(float)
    }
}

impl Segment {
    /// Opens the columns. The groups are those of the partition's rows.
    pub fn open(reader: SegmentReader, groups: &[Group]) -> tantivy::Result<Self> {
        let fields = reader.fast_fields();
        let time = fields.i64(schema::TIME)?.values;
        let sequence = fields.u64(schema::SEQUENCE)?.values;
        let level = fields.u64(schema::LEVEL)?.values;
        let zones = Zones::read(sequence.as_ref(), time.as_ref(), groups, reader.max_doc());
        Ok(Self {
            reader,
            time,
            sequence,
            level,
            zones,
            picked: PickedCache::default(),
            levels: OnceLock::new(),
            columns: Mutex::default(),
            plain: Mutex::default(),
        })
    }

    /// Number of documents.
    pub fn len(&self) -> u32 {
        self.reader.max_doc()
    }

    /// How many documents of a block have each level. All are counted at the first call.
    pub fn levels(&self, block: u32) -> &[u16; 5] {
        let count = |start: u32| {
            let mut levels = [0; BLOCK as usize];
            let levels = &mut levels[..(self.len() - start).min(BLOCK) as usize];
            self.level.get_range(u64::from(start), levels);
            let mut counts = [0; 5];
            for level in levels.iter() {
                counts[(*level).min(4) as usize] += 1;
            }
            counts
        };
        let all = || (0..self.len()).step_by(BLOCK as usize).map(count).collect();
        &self.levels.get_or_init(all)[block as usize]
    }

    /// Whether all values of a place are ASCII.
    pub fn is_plain(&self, place: &Keyword) -> io::Result<bool> {
        if let Some(plain) = self.plain.lock().get(place) {
            return Ok(*plain);
        }
        let index = self.reader.inverted_index(place.field()).map_err(io::Error::other)?;
        let foreign = index.get_term_info(&place.foreign()).map_err(io::Error::other)?;
        let plain = foreign.is_none();
        self.plain.lock().insert(place.clone(), plain);
        Ok(plain)
    }

    /// The columns of a field by the name columns know it under.
    pub fn columns(&self, name: &str) -> tantivy::Result<Arc<FieldColumns>> {
        if let Some(columns) = self.columns.lock().get(name) {
            return Ok(Arc::clone(columns));
        }
        let mut columns = FieldColumns::default();
        for handle in self.reader.fast_fields().dynamic_column_handles(name)? {
            let supported = matches!(
                handle.column_type(),
                ColumnType::Str
                    | ColumnType::I64
                    | ColumnType::U64
                    | ColumnType::F64
                    | ColumnType::Bool
            );
            if !supported {
                continue;
            }
            match handle.open()? {
                DynamicColumn::Str(column) => columns.text = Some(column),
                DynamicColumn::I64(column) => columns.int = Some(column),
                DynamicColumn::U64(column) => columns.unsigned = Some(column),
                DynamicColumn::F64(column) => columns.float = Some(column),
                DynamicColumn::Bool(column) => columns.bool = Some(column),
                _ => {}
            }
        }
        let columns = Arc::new(columns);
        self.columns.lock().insert(name.to_owned(), Arc::clone(&columns));
        Ok(columns)
    }
}

/// Bounds of the times of one block.
#[derive(Clone, Copy, Debug)]
pub struct Zone {
    /// Lower bound of the timestamps.
    pub oldest: i64,
    /// Upper bound of the timestamps.
    pub newest: i64,
}

impl Zone {
    const NOTHING: Self = Self { oldest: i64::MAX, newest: i64::MIN };

    fn with(self, oldest: i64, newest: i64) -> Self {
        Self { oldest: self.oldest.min(oldest), newest: self.newest.max(newest) }
    }

    /// Of records with these sequences, both ends included; `None` when some are in no group.
    fn of_groups(groups: &[Group], first: u64, last: u64) -> Option<Self> {
        let start = groups.partition_point(|group| group.last < first);
        let (mut zone, mut next) = (Self::NOTHING, first);
        for group in &groups[start..] {
            if group.first > next {
                return None;
            }
            zone = zone.with(group.oldest, group.newest);
            next = group.last.saturating_add(1);
            if next > last {
                return Some(zone);
            }
        }
        None
    }

    fn of_times(times: &[i64]) -> Self {
        times.iter().fold(Self::NOTHING, |zone, time| zone.with(*time, *time))
    }
}

/// The zone map of a segment.
#[derive(Debug)]
pub struct Zones {
    blocks: Vec<Zone>,
    /// Newest time of a block and all before it.
    newest_until: Vec<i64>,
    /// Oldest time of a block and all behind it.
    oldest_from: Vec<i64>,
    docs: u32,
}

impl Zones {
    fn read(
        sequence: &dyn ColumnValues<u64>,
        time: &dyn ColumnValues<i64>,
        groups: &[Group],
        docs: u32,
    ) -> Self {
        let mut times = [0; BLOCK as usize];
        let zone = |start: u32| {
            let count = (docs - start).min(BLOCK);
            let (first, last) = (sequence.get_val(start), sequence.get_val(start + count - 1));
            // With records missing between, or another order, the sequences in the middle are unknown.
            let is_dense = last.checked_sub(first) == Some(u64::from(count - 1));
            let known = is_dense.then(|| Zone::of_groups(groups, first, last)).flatten();
            known.unwrap_or_else(|| {
                let times = &mut times[..count as usize];
                time.get_range(u64::from(start), times);
                Zone::of_times(times)
            })
        };
        Self::new((0..docs).step_by(BLOCK as usize).map(zone).collect(), docs)
    }

    fn new(zones: Vec<Zone>, docs: u32) -> Self {
        let mut newest = i64::MIN;
        let newest_until = zones.iter().map(|zone| {
            newest = newest.max(zone.newest);
            newest
        });
        let newest_until = newest_until.collect();
        let mut oldest = i64::MAX;
        let mut oldest_from: Vec<i64> = zones
            .iter()
            .rev()
            .map(|zone| {
                oldest = oldest.min(zone.oldest);
                oldest
            })
            .collect();
        oldest_from.reverse();
        Self { blocks: zones, newest_until, oldest_from, docs }
    }

    /// The newest time of the segment, `i64::MIN` when it is empty.
    pub fn newest(&self) -> i64 {
        self.newest_until.last().copied().unwrap_or(i64::MIN)
    }

    /// The oldest time of the segment, `i64::MAX` when it is empty.
    pub fn oldest(&self) -> i64 {
        self.oldest_from.first().copied().unwrap_or(i64::MAX)
    }

    /// The newest time of all blocks that start before a document, `i64::MIN` when there is none.
    pub fn newest_before(&self, doc: DocId) -> i64 {
        let block = doc.div_ceil(BLOCK);
        block.checked_sub(1).map_or(i64::MIN, |block| self.newest_until[block as usize])
    }

    /// The oldest time at or behind the block of a document, `i64::MAX` when there is none.
    pub fn oldest_from(&self, doc: DocId) -> i64 {
        self.oldest_from.get((doc / BLOCK) as usize).copied().unwrap_or(i64::MAX)
    }

    /// The blocks outside of which nothing is inside the range, as documents.
    pub fn docs_in(&self, range: TimeRange) -> Range<DocId> {
        // Both lists are sorted whatever the order of the documents.
        let first = self.newest_until.partition_point(|newest| *newest < range.from);
        let last = self.oldest_from.partition_point(|oldest| *oldest < range.to);
        let doc = |block: usize| {
            u32::try_from(block).unwrap_or(u32::MAX).saturating_mul(BLOCK).min(self.docs)
        };
        doc(first)..doc(last).max(doc(first))
    }

    /// Whether every document of the block is inside the range.
    pub fn is_inside(&self, block: u32, range: TimeRange) -> bool {
        let zone = &self.blocks[block as usize];
        range.from <= zone.oldest && zone.newest < range.to
    }

    /// The zone of a block.
    pub fn zone(&self, block: u32) -> &Zone {
        &self.blocks[block as usize]
    }
}
