//! How many records match, in all and per level over time.

use std::sync::Arc;

use super::scan::{Collector, Docs, Mode, scan, views_in};
use crate::embedded::budget::Budget;
use crate::embedded::disk::partition::{PartitionError, View};
use crate::embedded::disk::segment::{BLOCK, Segment};
use crate::embedded::search::prepared::PreparedSearch;
use crate::embedded::search::snapshot::Snapshot;
use crate::query::Query;
use crate::record::Matchable;
use crate::store::{Bucket, TimeRange};

/// The number of matching records.
pub fn count(
    snapshot: &Snapshot,
    range: TimeRange,
    query: &Query,
    budget: &Budget,
) -> Result<u64, PartitionError> {
    let mut counter = Counter(0);
    // Partitions that lie inside are asked for sums; the others are scanned.
    let mut rest = Snapshot { views: Vec::new(), ..snapshot.share() };
    for view in views_in(snapshot, range) {
        if range.from <= view.span.0 && view.span.1 < range.to && !budget.is_over() {
            counter.0 += count_view(snapshot, view, query, budget)?;
        } else {
            rest.views.push(Arc::clone(view));
        }
    }
    scan(&rest, range, query, budget, &mut counter)?;
    Ok(counter.0)
}

fn count_view(
    snapshot: &Snapshot,
    view: &View,
    query: &Query,
    budget: &Budget,
) -> Result<u64, PartitionError> {
    if matches!(query, Query::All) {
        return Ok(view.records());
    }
    let prepared = PreparedSearch::new(view, query, &snapshot.cache, budget)?;
    let mut count = 0;
    for segment in view.segments()? {
        count += prepared.count(segment)?;
    }
    Ok(count)
}

struct Counter(u64);

impl Collector for Counter {
    fn enter(&mut self, _: &Arc<View>, _: &Arc<Segment>) -> Result<Mode, PartitionError> {
        Ok(Mode::Columns)
    }

    fn docs(&mut self, docs: &Docs<'_>) {
        self.0 += docs.len();
    }

    fn record<R: Matchable>(&mut self, _: i64, _: &R) {
        self.0 += 1;
    }
}

/// Fills contiguous intervals with the matching records per level.
pub fn histogram(
    snapshot: &Snapshot,
    range: TimeRange,
    query: &Query,
    interval: i64,
    buckets: Vec<Bucket>,
    budget: &Budget,
) -> Result<Vec<Bucket>, PartitionError> {
    let Some(first) = buckets.first() else { return Ok(buckets) };
    let mut histogram = Histogram { start: first.start, interval, buckets, segment: None };
    scan(snapshot, range, query, budget, &mut histogram)?;
    Ok(histogram.buckets)
}

struct Histogram {
    start: i64,
    interval: i64,
    buckets: Vec<Bucket>,
    segment: Option<Arc<Segment>>,
}

impl Histogram {
    fn bucket(&self, time: i64) -> usize {
        let index = time.saturating_sub(self.start) / self.interval;
        usize::try_from(index).unwrap_or(0).min(self.buckets.len() - 1)
    }
}

impl Collector for Histogram {
    fn enter(&mut self, _: &Arc<View>, segment: &Arc<Segment>) -> Result<Mode, PartitionError> {
        self.segment = Some(Arc::clone(segment));
        Ok(Mode::Columns)
    }

    fn docs(&mut self, docs: &Docs<'_>) {
        let Some(segment) = self.segment.clone() else { return };
        if let Docs::Span(span) = docs
            && span.start % BLOCK == 0
        {
            let block = span.start / BLOCK;
            let zone = segment.zones.zone(block);
            let first = self.bucket(zone.oldest);
            if first == self.bucket(zone.newest) {
                let sums = self.buckets[first].counts.iter_mut().zip(segment.levels(block));
                sums.for_each(|(sum, count)| *sum += u64::from(*count));
                return;
            }
        }
        let (mut times, mut levels) = ([0; BLOCK as usize], [0; BLOCK as usize]);
        let times = docs.read(segment.time.as_ref(), &mut times);
        let levels = docs.read(segment.level.as_ref(), &mut levels);
        // Neighbors are nearly always in one interval, and a division is what this loop costs.
        let (mut bucket, mut from, mut to) = (0, i64::MAX, i64::MAX);
        for (time, level) in times.iter().zip(levels) {
            if *time < from || *time >= to {
                bucket = self.bucket(*time);
                from = self.buckets[bucket].start;
                to = from.saturating_add(self.interval);
            }
            self.buckets[bucket].counts[(*level).min(4) as usize] += 1;
        }
    }

    fn record<R: Matchable>(&mut self, timestamp: i64, record: &R) {
        let bucket = self.bucket(timestamp);
        self.buckets[bucket].counts[record.level() as usize] += 1;
    }
}
