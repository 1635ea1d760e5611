//! A store in memory, for tests and as the executable meaning of [`LogStore`]: every answer is what
//! looking at every record gives. Nothing is indexed and nothing is ever dropped.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use async_trait::async_trait;
use parking_lot::RwLock;

use crate::fields;
use crate::percentile;
use crate::query::{Matcher, Query};
use crate::record::{LogRecord, Matchable, ValueRef};
use crate::store::{
    Aggregate, Aggregation, Bucket, Cursor, EventType, LogStore, MAX_PAGE, PercentileGroup, Search,
    SearchPage, StoreError, StoreStatus, TimeRange, TopValues,
};

/// Records in memory, in order of time.
#[derive(Debug, Default)]
pub struct MemoryStore {
    records: RwLock<BTreeMap<Cursor, LogRecord>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `look` with every matching record, oldest first.
    fn each(&self, range: TimeRange, query: &Query, mut look: impl FnMut(&LogRecord)) {
        if range.from >= range.to {
            return;
        }
        let matcher = Matcher::new(query);
        let records = self.records.read();
        for record in records.range((range.from, 0)..(range.to, 0)).map(|(_, record)| record) {
            if matcher.matches(record) {
                look(record);
            }
        }
    }
}

#[async_trait]
impl LogStore for MemoryStore {
    /// Keeps the sequences that are given; a record of the same time and sequence is replaced.
    async fn append(&self, batch: Vec<LogRecord>) -> Result<(), StoreError> {
        let placed = batch.into_iter().map(|record| ((record.timestamp, record.sequence), record));
        self.records.write().extend(placed);
        Ok(())
    }

    async fn search(&self, search: &Search) -> Result<SearchPage, StoreError> {
        let Some(bounds) = bounds(search) else { return Ok(SearchPage::default()) };
        let matcher = Matcher::new(&search.query);
        let limit = search.limit.clamp(1, MAX_PAGE);
        let records = self.records.read();
        let found = records.range(bounds).map(|(_, record)| record);
        let matching = |record: &&LogRecord| matcher.matches(*record);
        // One more than asked tells whether there is a next page.
        let mut found: Vec<LogRecord> = if search.ascending {
            found.filter(matching).take(limit + 1).cloned().collect()
        } else {
            found.rev().filter(matching).take(limit + 1).cloned().collect()
        };
        let has_more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().map(|record| (record.timestamp, record.sequence));
        Ok(SearchPage { records: found, next: last.filter(|_| has_more), ..SearchPage::default() })
    }

    async fn aggregate(
        &self,
        range: TimeRange,
        query: &Query,
        aggregation: &Aggregation,
    ) -> Result<Aggregate, StoreError> {
        Ok(match aggregation {
            Aggregation::Count => {
                let mut count = 0;
                self.each(range, query, |_| count += 1);
                Aggregate::Count(count)
            }
            Aggregation::Histogram { interval } => {
                let mut buckets = Bucket::empty(range, *interval)?;
                let first = range.from.div_euclid(*interval);
                self.each(range, query, |record| {
                    let at = record.timestamp.div_euclid(*interval) - first;
                    if let Some(bucket) =
                        usize::try_from(at).ok().and_then(|at| buckets.get_mut(at))
                    {
                        bucket.counts[record.level as usize] += 1;
                    }
                });
                Aggregate::Histogram(buckets)
            }
            Aggregation::TopValues { fields, size } => {
                let top = fields.iter().map(|field| self.top_values(range, query, field, *size));
                Aggregate::TopValues(top.collect())
            }
            Aggregation::Percentiles { field, by, size, percents } => {
                let groups = self.numbers(range, query, field, by.as_deref());
                Aggregate::Percentiles(percentiles(groups, by.is_some(), *size, percents))
            }
            Aggregation::EventTypes { size } => {
                Aggregate::EventTypes(self.event_types(range, query, *size))
            }
        })
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        let records = self.records.read();
        Ok(StoreStatus {
            records: records.len() as u64,
            oldest: records.first_key_value().map(|((timestamp, _), _)| *timestamp),
            searchable_until: i64::MAX,
            ..StoreStatus::default()
        })
    }
}

/// The places a search looks at, `None` when there is no such place.
fn bounds(search: &Search) -> Option<(Bound<Cursor>, Bound<Cursor>)> {
    let TimeRange { from, to } = search.range;
    let (mut low, mut high) = (Bound::Included((from, 0)), Bound::Excluded((to, 0)));
    match search.after {
        Some(after) if search.ascending && after >= (from, 0) => low = Bound::Excluded(after),
        Some(after) if !search.ascending && after < (to, 0) => high = Bound::Excluded(after),
        _ => {}
    }
    let (Bound::Included(first) | Bound::Excluded(first)) = low else { return None };
    let Bound::Excluded(end) = high else { return None };
    // A map refuses an empty range between excluded bounds.
    (first < end).then_some((low, high))
}

/// The value of a field, those that every record has included.
fn value<'a>(record: &'a LogRecord, field: &str) -> Option<ValueRef<'a>> {
    match field {
        fields::LEVEL => Some(ValueRef::Str(record.level.as_str())),
        fields::TARGET => Some(ValueRef::Str(&record.target)),
        fields::MESSAGE => Some(ValueRef::Str(&record.message)),
        _ => Matchable::field(record, field),
    }
}

/// Sorts by count, descending, ties by value.
fn by_count<T>(entries: HashMap<String, T>, count: impl Fn(&T) -> u64) -> Vec<(String, T)> {
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_by(|(a, left), (b, right)| count(right).cmp(&count(left)).then(a.cmp(b)));
    entries
}

impl MemoryStore {
    fn top_values(&self, range: TimeRange, query: &Query, field: &str, size: usize) -> TopValues {
        let mut counts: HashMap<String, u64> = HashMap::new();
        let mut missing = 0;
        self.each(range, query, |record| match value(record, field) {
            Some(value) => *counts.entry(value.text().into_owned()).or_default() += 1,
            None => missing += 1,
        });
        let mut values = by_count(counts, |count| *count);
        let others = values.drain(size.min(values.len())..).map(|(_, count)| count).sum();
        TopValues { field: field.to_owned(), values, others, missing }
    }

    /// The numbers of a field by the value of another one, or all under an empty value.
    fn numbers(
        &self,
        range: TimeRange,
        query: &Query,
        field: &str,
        by: Option<&str>,
    ) -> HashMap<String, Vec<f64>> {
        let mut groups: HashMap<String, Vec<f64>> = HashMap::new();
        self.each(range, query, |record| {
            let group = match by {
                Some(by) => value(record, by).map(|value| value.text().into_owned()),
                None => Some(String::new()),
            };
            if let (Some(group), Some(number)) = (group, number(record, field)) {
                groups.entry(group).or_default().push(number);
            }
        });
        groups
    }

    fn event_types(&self, range: TimeRange, query: &Query, size: usize) -> Vec<EventType> {
        let mut types: HashMap<String, EventType> = HashMap::new();
        self.each(range, query, |record| {
            let callsite = match Matchable::field(record, fields::CALLSITE) {
                Some(callsite) => callsite.text().into_owned(),
                None => record.target.clone(),
            };
            let seen = types.entry(callsite.clone()).or_insert_with(|| EventType {
                callsite,
                count: 0,
                level: record.level,
                example: String::new(),
                seen: (record.timestamp, record.timestamp),
            });
            seen.count += 1;
            // Oldest first, so the last one is the newest.
            seen.level = record.level;
            seen.example.clone_from(&record.message);
            seen.seen.1 = record.timestamp;
        });
        let types = by_count(types, |event_type| event_type.count);
        types.into_iter().take(size).map(|(_, event_type)| event_type).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "percentiles are given to 2 %")]
fn number(record: &LogRecord, field: &str) -> Option<f64> {
    match Matchable::field(record, field)? {
        ValueRef::Int(value) => Some(value as f64),
        ValueRef::Float(value) => Some(value),
        ValueRef::Bool(_) | ValueRef::Str(_) => None,
    }
}

fn percentiles(
    groups: HashMap<String, Vec<f64>>,
    is_grouped: bool,
    size: usize,
    percents: &[f64],
) -> Vec<PercentileGroup> {
    let mut groups = by_count(groups, |numbers| numbers.len() as u64);
    if !is_grouped && groups.is_empty() {
        groups.push((String::new(), Vec::new()));
    }
    let group = |(value, mut numbers): (String, Vec<f64>)| {
        numbers.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
        let percentiles =
            percents.iter().filter_map(|percent| percentile::of_sorted(&numbers, *percent));
        PercentileGroup { value, count: numbers.len() as u64, percentiles: percentiles.collect() }
    };
    groups.into_iter().take(size.max(usize::from(!is_grouped))).map(group).collect()
}
