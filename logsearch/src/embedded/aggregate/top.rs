//! The most frequent values of fields.

use std::collections::HashMap;
use std::sync::Arc;

use super::scan::{Collector, Docs, Mode, scan};
use super::values::{Counter, Place, place_of};
use crate::embedded::budget::Budget;
use crate::embedded::disk::partition::{PartitionError, View};
use crate::embedded::disk::segment::Segment;
use crate::embedded::search::snapshot::Snapshot;
use crate::fields;
use crate::query::Query;
use crate::record::{Matchable, ValueRef};
use crate::store::{TimeRange, TopValues};

/// The most frequent values of each field, most frequent first, ties by value.
pub fn top_values(
    snapshot: &Snapshot,
    range: TimeRange,
    query: &Query,
    names: &[String],
    size: usize,
    budget: &Budget,
) -> Result<Vec<TopValues>, PartitionError> {
    let top = |name| Top { name, counts: HashMap::new(), missing: 0, counters: Vec::new() };
    let mut tops = Tops(names.iter().map(|name| top(name)).collect());
    scan(snapshot, range, query, budget, &mut tops)?;
    Ok(tops.0.into_iter().map(|top| top.finish(size)).collect())
}

/// The value of a field, those that every record has included.
pub fn value_of<'a, R: Matchable>(record: &'a R, name: &str) -> Option<ValueRef<'a>> {
    match name {
        fields::LEVEL => Some(ValueRef::Str(record.level().as_str())),
        fields::TARGET => Some(ValueRef::Str(record.target())),
        fields::MESSAGE => Some(ValueRef::Str(record.message())),
        _ => record.field(name),
    }
}

/// Entries most frequent first, ties by value, at most so many; and the sum of the others.
pub fn most_frequent<T>(
    entries: HashMap<String, T>,
    size: usize,
    count: impl Fn(&T) -> u64,
) -> (Vec<(String, T)>, u64) {
    let mut entries: Vec<_> = entries.into_iter().collect();
    let order = |(a, left): &(String, T), (b, right): &(String, T)| {
        count(right).cmp(&count(left)).then_with(|| a.cmp(b))
    };
    let mut others = 0;
    if size < entries.len() {
        if size > 0 {
            entries.select_nth_unstable_by(size - 1, order);
        }
        others = entries.drain(size..).map(|(_, entry)| count(&entry)).sum();
    }
    entries.sort_by(order);
    (entries, others)
}

/// Several fields at once, so that what matches is found once.
struct Tops<'a>(Vec<Top<'a>>);

impl Collector for Tops<'_> {
    fn enter(&mut self, view: &Arc<View>, segment: &Arc<Segment>) -> Result<Mode, PartitionError> {
        let mut mode = Mode::Columns;
        for top in &mut self.0 {
            // Records that are built for one field have the others too.
            if top.enter(view, segment)? == Mode::Records {
                mode = Mode::Records;
            }
        }
        Ok(mode)
    }

    fn docs(&mut self, docs: &Docs<'_>) {
        self.0.iter_mut().for_each(|top| top.docs(docs));
    }

    fn leave(&mut self) -> Result<(), PartitionError> {
        self.0.iter_mut().try_for_each(Collector::leave)
    }

    fn record<R: Matchable>(&mut self, timestamp: i64, record: &R) {
        self.0.iter_mut().for_each(|top| top.record(timestamp, record));
    }
}

struct Top<'a> {
    name: &'a str,
    counts: HashMap<String, u64>,
    missing: u64,
    counters: Vec<Counter>,
}

impl Top<'_> {
    fn finish(self, size: usize) -> TopValues {
        let (values, others) = most_frequent(self.counts, size, |count| *count);
        TopValues { field: self.name.to_owned(), values, others, missing: self.missing }
    }
}

impl Collector for Top<'_> {
    fn enter(&mut self, view: &Arc<View>, segment: &Arc<Segment>) -> Result<Mode, PartitionError> {
        self.counters = match place_of(view, segment, self.name)? {
            Place::Records => return Ok(Mode::Records),
            Place::Level => vec![Counter::Level(Arc::clone(segment), [0; 5])],
            Place::Columns(sources) => sources.into_iter().map(Counter::new).collect(),
        };
        Ok(Mode::Columns)
    }

    fn docs(&mut self, docs: &Docs<'_>) {
        let found: u64 = self.counters.iter_mut().map(|counter| counter.add(docs)).sum();
        self.missing += docs.len() - found;
    }

    fn leave(&mut self) -> Result<(), PartitionError> {
        for counter in self.counters.drain(..) {
            counter.finish(|text, count| match self.counts.get_mut(text) {
                Some(sum) => *sum += count,
                None => drop(self.counts.insert(text.to_owned(), count)),
            })?;
        }
        Ok(())
    }

    fn record<R: Matchable>(&mut self, _: i64, record: &R) {
        match value_of(record, self.name) {
            None => self.missing += 1,
            Some(value) => *self.counts.entry(value.text().into_owned()).or_default() += 1,
        }
    }
}
