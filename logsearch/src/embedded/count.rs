//! How many records match, in all and per level over time.

use std::sync::Arc;

use super::budget::Budget;
use super::partition::{PartitionError, View};
use super::search::{Snapshot, weight};
use super::segment::{BLOCK, Segment};
use super::walk::{Collector, Docs, Mode, views_in, walk};
use crate::query::{Matchable, Query};
use crate::store::{Bucket, TimeRange};

/// The number of matching records.
pub fn count(
    snapshot: &Snapshot,
    range: TimeRange,
    query: &Query,
    budget: &Budget,
) -> Result<u64, PartitionError> {
    let mut counter = Counter(0);
    // Partitions that lie inside are asked for sums; the others are walked.
    let mut rest = Snapshot { views: Vec::new(), ..snapshot.share() };
    for view in views_in(snapshot, range) {
        if range.from <= view.span.0 && view.span.1 < range.to && !budget.is_over() {
            counter.0 += count_view(snapshot, view, query, budget)?;
        } else {
            rest.views.push(Arc::clone(view));
        }
    }
    walk(&rest, range, query, budget, &mut counter)?;
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
    let weight = weight(view, query, &snapshot.cache, budget)?;
    let mut count = 0;
    for segment in view.segments()? {
        count += u64::from(weight.count(&segment.reader)?);
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

/// Matching records per level and interval; `start` is the first of `buckets` intervals.
pub fn histogram(
    snapshot: &Snapshot,
    range: TimeRange,
    query: &Query,
    (start, interval, buckets): (i64, i64, usize),
    budget: &Budget,
) -> Result<Vec<Bucket>, PartitionError> {
    let counts = vec![[0; 5]; buckets];
    let mut histogram = Histogram { start, interval, counts, segment: None };
    walk(snapshot, range, query, budget, &mut histogram)?;
    let starts = (0..).map(|index: i64| start + index * interval);
    Ok(starts.zip(histogram.counts).map(|(start, counts)| Bucket { start, counts }).collect())
}

struct Histogram {
    start: i64,
    interval: i64,
    counts: Vec<[u64; 5]>,
    segment: Option<Arc<Segment>>,
}

impl Histogram {
    fn bucket(&self, time: i64) -> usize {
        let index = time.saturating_sub(self.start) / self.interval;
        usize::try_from(index).unwrap_or(0).min(self.counts.len() - 1)
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
            let zone = segment.zones.zone(span.start / BLOCK);
            let first = self.bucket(zone.oldest);
            if first == self.bucket(zone.newest) {
                let sums = self.counts[first].iter_mut().zip(zone.levels);
                sums.for_each(|(sum, count)| *sum += u64::from(count));
                return;
            }
        }
        let (mut times, mut levels) = ([0; BLOCK as usize], [0; BLOCK as usize]);
        let times = docs.read(segment.time.as_ref(), &mut times);
        let levels = docs.read(segment.level.as_ref(), &mut levels);
        // Neighbors are nearly always in one interval, and a division is what this loop costs.
        let (mut bucket, mut from, mut to) = (0, 0, 0);
        for (time, level) in times.iter().zip(levels) {
            if *time < from || *time >= to {
                bucket = self.bucket(*time);
                from = self.start + bucket as i64 * self.interval;
                to = from.saturating_add(self.interval);
            }
            self.counts[bucket][(*level).min(4) as usize] += 1;
        }
    }

    fn record<R: Matchable>(&mut self, timestamp: i64, record: &R) {
        let bucket = self.bucket(timestamp);
        self.counts[bucket][record.level() as usize] += 1;
    }
}
