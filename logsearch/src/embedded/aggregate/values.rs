//! Reading columns in blocks for aggregations: values of a field wherever it has a column, one source
//! per column, since one field may have texts in some records and numbers in others.

#![expect(clippy::cast_possible_truncation, reason = "ordinals index what is in memory")]

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;
use std::sync::Arc;

use tantivy::columnar::{Column, RowId, StrColumn};
use tantivy::{DocId, Term};

use super::scan::Docs;
use crate::embedded::disk::partition::{PartitionError, View};
use crate::embedded::disk::schema::{self, Kind};
use crate::embedded::disk::segment::{BLOCK, Segment};
use crate::fields;
use crate::record::{Level, ValueRef};

/// Reads the values of the documents that have one. Returns how many have.
pub fn each_value<T: Copy + PartialOrd + Default + Send + Sync + std::fmt::Debug + 'static>(
    column: &Column<T>,
    docs: &Docs<'_>,
    mut each: impl FnMut(T),
) -> u64 {
    match docs {
        Docs::Span(span) => {
            // The values of neighbors are neighbors, so that no document has to be looked up.
            let rows = column.index.docid_range_to_rowids(span.clone());
            let mut values = [T::default(); BLOCK as usize];
            let values = &mut values[..(rows.end - rows.start) as usize];
            column.values.get_range(u64::from(rows.start), values);
            values.iter().copied().for_each(&mut each);
            values.len() as u64
        }
        Docs::List(_) => {
            let mut found = Found::default();
            found.read(column, docs);
            found.values.iter().copied().for_each(each);
            found.values.len() as u64
        }
    }
}

/// The documents of a block that have a value, and the values. Keeps its memory from block to block.
#[derive(Default)]
pub struct Found<T> {
    /// In order.
    pub docs: Vec<DocId>,
    /// One for each document.
    pub values: Vec<T>,
    rows: Vec<RowId>,
}

impl<T: Copy + PartialOrd + Default + Send + Sync + std::fmt::Debug + 'static> Found<T> {
    /// Reads a column. Documents without a value cost nothing, and those with one are found together:
    /// looking up each by itself takes several times as long.
    pub fn read(&mut self, column: &Column<T>, docs: &Docs<'_>) {
        self.docs.clear();
        match docs {
            Docs::Span(span) => {
                let rows = column.index.docid_range_to_rowids(span.clone());
                self.find_docs(column, span, &rows);
                self.values.resize((rows.end - rows.start) as usize, T::default());
                column.values.get_range(u64::from(rows.start), &mut self.values);
            }
            Docs::List(list) => {
                self.rows.clear();
                column.row_ids_for_docs(list, &mut self.docs, &mut self.rows);
                self.values.resize(self.rows.len(), T::default());
                column.values.get_vals(&self.rows, &mut self.values);
            }
        }
    }

    /// The documents of neighboring rows. Asking the documents for their rows is faster than asking the
    /// rows for their documents, unless there are few rows.
    fn find_docs(&mut self, column: &Column<T>, span: &Range<DocId>, rows: &Range<RowId>) {
        if rows.len() == span.len() {
            self.docs.extend(span.clone());
        } else if rows.len() * 2 < span.len() {
            self.docs.extend(rows.clone());
            column.index.select_batch_in_place(span.start, &mut self.docs);
        } else {
            let mut asked = [0; BLOCK as usize];
            let asked = &mut asked[..span.len()];
            asked.iter_mut().zip(span.clone()).for_each(|(asked, doc)| *asked = doc);
            self.rows.clear();
            column.row_ids_for_docs(asked, &mut self.docs, &mut self.rows);
        }
    }
}

/// Where the values of a field are in a segment.
pub enum Place {
    /// The level.
    Level,
    /// In these columns; a document has a value in at most one.
    Columns(Vec<Source>),
    /// Only in the records.
    Records,
}

/// One column of a field.
pub enum Source {
    Text(StrColumn),
    Int(Column<i64>),
    Unsigned(Column<u64>),
    Float(Column<f64>),
    Bool(Column<bool>),
}

/// Finds the values of a field.
pub fn place_of(view: &View, segment: &Segment, name: &str) -> Result<Place, PartitionError> {
    let layout = &view.partition.layout;
    let mut sources = Vec::new();
    match name {
        fields::LEVEL => return Ok(Place::Level),
        fields::MESSAGE => return Ok(Place::Records),
        fields::TARGET => {
            sources.extend(segment.columns(schema::TARGET)?.text.clone().map(Source::Text));
            return Ok(Place::Columns(sources));
        }
        _ => {}
    }
    let hidden = Term::from_field_text(layout.names, &schema::hidden(name));
    if !schema::is_plain(name) || view.searcher.doc_freq(&hidden)? > 0 {
        return Ok(Place::Records);
    }
    let mut columns = vec![schema::more_column(name)];
    if let Some(typed) = layout.typed.get(name) {
        match typed.kind {
            Kind::Identifier | Kind::Text => return Ok(Place::Records),
            Kind::Keyword | Kind::Code | Kind::Measure => columns.push(typed.column.clone()),
        }
    }
    for column in columns {
        let found = segment.columns(&column)?;
        sources.extend(found.text.clone().map(Source::Text));
        sources.extend(found.int.clone().map(Source::Int));
        sources.extend(found.unsigned.clone().map(Source::Unsigned));
        sources.extend(found.float.clone().map(Source::Float));
        sources.extend(found.bool.clone().map(Source::Bool));
    }
    Ok(Place::Columns(sources))
}

/// Counts the values of one column.
pub enum Counter {
    Level(Arc<Segment>, [u64; 5]),
    Text(StrColumn, Vec<u64>),
    Int(Column<i64>, HashMap<i64, u64>),
    Unsigned(Column<u64>, HashMap<u64, u64>),
    Float(Column<f64>, HashMap<u64, u64>),
    Bool(Column<bool>, [u64; 2]),
}

impl Counter {
    /// A counter over a column.
    pub fn new(source: Source) -> Self {
        match source {
            Source::Text(column) => {
                let counts = vec![0; column.dictionary().num_terms()];
                Self::Text(column, counts)
            }
            Source::Int(column) => Self::Int(column, HashMap::new()),
            Source::Unsigned(column) => Self::Unsigned(column, HashMap::new()),
            Source::Float(column) => Self::Float(column, HashMap::new()),
            Source::Bool(column) => Self::Bool(column, [0; 2]),
        }
    }

    /// Counts the values of some documents; returns how many documents have one.
    pub fn add(&mut self, docs: &Docs<'_>) -> u64 {
        fn bump<K: Eq + Hash>(counts: &mut HashMap<K, u64>, key: K) {
            *counts.entry(key).or_default() += 1;
        }
        match self {
            Self::Level(segment, counts) => {
                let mut levels = [0; BLOCK as usize];
                let levels = docs.read(segment.level.as_ref(), &mut levels);
                for level in levels {
                    counts[(*level).min(4) as usize] += 1;
                }
                docs.len()
            }
            Self::Text(column, counts) => each_value(column.ords(), docs, |ord| {
                if let Some(count) = counts.get_mut(ord as usize) {
                    *count += 1;
                }
            }),
            Self::Int(column, counts) => each_value(column, docs, |value| bump(counts, value)),
            Self::Unsigned(column, counts) => each_value(column, docs, |value| bump(counts, value)),
            Self::Float(column, counts) => {
                each_value(column, docs, |value| bump(counts, value.to_bits()))
            }
            Self::Bool(column, counts) => {
                each_value(column, docs, |value| counts[usize::from(value)] += 1)
            }
        }
    }

    /// Hands over every value with its count.
    pub fn finish(self, mut each: impl FnMut(&str, u64)) -> Result<(), PartitionError> {
        match self {
            Self::Level(_, counts) => {
                let named = Level::ALL.iter().zip(counts).filter(|(_, count)| *count > 0);
                named.for_each(|(level, count)| each(level.as_str(), count));
            }
            Self::Text(column, counts) => {
                each_term(&column, &counts, |count| *count > 0, |text, count| each(text, *count))?;
            }
            Self::Int(_, counts) => counts
                .into_iter()
                .for_each(|(value, count)| each(&ValueRef::Int(value).text(), count)),
            Self::Unsigned(_, counts) => {
                for (value, count) in counts {
                    each(&value.to_string(), count);
                }
            }
            Self::Float(_, counts) => counts.into_iter().for_each(|(bits, count)| {
                each(&ValueRef::Float(f64::from_bits(bits)).text(), count);
            }),
            Self::Bool(_, counts) => {
                let named = ["false", "true"].into_iter().zip(counts);
                named.filter(|(_, count)| *count > 0).for_each(|(text, count)| each(text, count));
            }
        }
        Ok(())
    }
}

/// Calls back with the text of each ordinal that has something.
pub fn each_term<T>(
    column: &StrColumn,
    by_ord: &[T],
    has: impl Fn(&T) -> bool,
    mut each: impl FnMut(&str, &T),
) -> Result<(), PartitionError> {
    let mut stream = column.dictionary().stream()?;
    let mut ord = 0;
    while stream.advance() {
        if let Some(entry) = by_ord.get(ord).filter(|entry| has(entry)) {
            each(&String::from_utf8_lossy(stream.key()), entry);
        }
        ord += 1;
    }
    Ok(())
}
