//! Going through all matching records: the frame every aggregation shares. Where columns can answer
//! they are read in blocks; where they cannot, records are built one by one and the deadline rules.

use std::ops::Range;
use std::sync::Arc;

use tantivy::columnar::ColumnValues;
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId};

use crate::embedded::budget::Budget;
use crate::embedded::disk::fetch::Fetcher;
use crate::embedded::disk::partition::{PartitionError, View};
use crate::embedded::disk::segment::{BLOCK, Segment};
use crate::embedded::search::prepared::{PreparedSearch, for_each_block};
use crate::embedded::search::snapshot::Snapshot;
use crate::query::{Matchable, Matcher, Query};
use crate::store::TimeRange;

/// Matching documents of a segment.
pub enum Docs<'a> {
    /// All documents of a range.
    Span(Range<DocId>),
    /// These, in order.
    List(&'a [DocId]),
}

impl Docs<'_> {
    /// Number of values.
    pub fn len(&self) -> u64 {
        match self {
            Self::Span(span) => u64::from(span.end - span.start),
            Self::List(list) => list.len() as u64,
        }
    }

    /// Reads a column that has a value for every document. `out` must have room.
    pub fn read<'o, T: Copy + PartialOrd + 'static>(
        &self,
        values: &dyn ColumnValues<T>,
        out: &'o mut [T; BLOCK as usize],
    ) -> &'o [T] {
        match self {
            Self::Span(span) => {
                let out = &mut out[..(span.end - span.start) as usize];
                values.get_range(u64::from(span.start), out);
                out
            }
            Self::List(list) => {
                let out = &mut out[..list.len()];
                values.get_vals(list, out);
                out
            }
        }
    }

    /// Calls back for each document.
    pub fn for_each(&self, each: impl FnMut(DocId)) {
        match self {
            Self::Span(span) => span.clone().for_each(each),
            Self::List(list) => list.iter().copied().for_each(each),
        }
    }
}

/// How a collector wants the documents of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As documents; it reads the columns itself.
    Columns,
    /// As records.
    Records,
}

/// Collects matching records into an answer.
pub trait Collector {
    /// Starts a segment; the following documents belong to it.
    fn enter(&mut self, view: &Arc<View>, segment: &Arc<Segment>) -> Result<Mode, PartitionError>;

    /// At most [`BLOCK`] documents of the segment; a span never crosses blocks.
    fn docs(&mut self, docs: &Docs<'_>);

    /// Ends the current segment.
    fn leave(&mut self) -> Result<(), PartitionError> {
        Ok(())
    }

    /// A record that is in no segment, or that was asked for.
    fn record<R: Matchable>(&mut self, timestamp: i64, record: &R);
}

/// Shows a collector every matching record once. Stops early when the budget is over. A partition that
/// fails is taken out of later searches, so that asking again gives the answer over the others.
pub fn scan(
    snapshot: &Snapshot,
    range: TimeRange,
    query: &Query,
    budget: &Budget,
    collector: &mut impl Collector,
) -> Result<(), PartitionError> {
    let matcher = Matcher::new(query);
    for tail in snapshot.tail.iter().filter(|tail| tail.may_have(range)) {
        if budget.is_over() {
            return Ok(());
        }
        for (_, view) in tail.records_from(snapshot.next) {
            let time = view.timestamp();
            if range.from <= time && time < range.to && matcher.matches(&view) {
                collector.record(time, &view);
            }
        }
    }
    for view in views_in(snapshot, range) {
        if let Err(error) = scan_view(snapshot, view, range, query, budget, collector) {
            view.fail(&error);
            return Err(error);
        }
    }
    Ok(())
}

fn scan_view(
    snapshot: &Snapshot,
    view: &Arc<View>,
    range: TimeRange,
    query: &Query,
    budget: &Budget,
    collector: &mut impl Collector,
) -> Result<(), PartitionError> {
    let prepared = PreparedSearch::new(view, query, &snapshot.cache, budget)?;
    for segment in view.segments()? {
        if segment.zones.docs_in(range).is_empty() || budget.is_over() {
            continue;
        }
        let mode = collector.enter(view, segment)?;
        let mut source = Source { view, segment, range, budget, all: matches!(query, Query::All) };
        match mode {
            Mode::Columns => source.documents(&prepared, |docs| collector.docs(docs))?,
            Mode::Records => source.records(snapshot, &prepared, collector)?,
        }
        collector.leave()?;
    }
    Ok(())
}

/// The partitions that may have a record inside.
pub fn views_in(snapshot: &Snapshot, range: TimeRange) -> impl Iterator<Item = &Arc<View>> {
    let within = move |view: &&Arc<View>| view.span.0 < range.to && range.from <= view.span.1;
    snapshot.views.iter().filter(within)
}

/// One segment under one query.
struct Source<'a> {
    view: &'a Arc<View>,
    segment: &'a Arc<Segment>,
    range: TimeRange,
    budget: &'a Budget,
    all: bool,
}

impl Source<'_> {
    fn documents(
        &mut self,
        prepared: &PreparedSearch,
        mut visit: impl FnMut(&Docs<'_>),
    ) -> Result<(), PartitionError> {
        if self.all {
            self.blocks(visit);
            return Ok(());
        }
        let (segment, range) = (self.segment, self.range);
        let window = segment.zones.docs_in(range);
        let inside = range.from <= segment.zones.oldest() && segment.zones.newest() < range.to;
        // Columns are read fastest many documents at a time.
        let mut kept = Vec::with_capacity(BLOCK as usize);
        let mut until_check = 0_usize;
        for_each_block(segment, prepared, window, |docs| {
            if inside {
                kept.extend_from_slice(docs);
            } else {
                let mut times = [0; COLLECT_BLOCK_BUFFER_LEN];
                segment.time.get_vals(docs, &mut times[..docs.len()]);
                let within = |time: i64| range.from <= time && time < range.to;
                kept.extend(docs.iter().zip(times).filter(|(_, t)| within(*t)).map(|(d, _)| *d));
            }
            if kept.len() + COLLECT_BLOCK_BUFFER_LEN > BLOCK as usize {
                visit(&Docs::List(&kept));
                kept.clear();
            }
            until_check = until_check.wrapping_add(1);
            !until_check.is_multiple_of(16) || !self.budget.is_over()
        })?;
        if !kept.is_empty() {
            visit(&Docs::List(&kept));
        }
        Ok(())
    }

    /// Every document, block by block.
    fn blocks(&self, mut visit: impl FnMut(&Docs<'_>)) {
        let (segment, range) = (self.segment, self.range);
        let docs = segment.zones.docs_in(range);
        let mut kept = Vec::with_capacity(BLOCK as usize);
        for start in docs.clone().step_by(BLOCK as usize) {
            if self.budget.is_over() {
                return;
            }
            let block = start..(start + BLOCK).min(docs.end);
            if segment.zones.is_inside(start / BLOCK, range) {
                visit(&Docs::Span(block));
                continue;
            }
            let mut times = [0; BLOCK as usize];
            let times = Docs::Span(block.clone()).read(segment.time.as_ref(), &mut times);
            let within = |time: i64| range.from <= time && time < range.to;
            kept.clear();
            kept.extend(block.zip(times).filter(|(_, time)| within(**time)).map(|(doc, _)| doc));
            visit(&Docs::List(&kept));
        }
    }

    fn records(
        &mut self,
        snapshot: &Snapshot,
        prepared: &PreparedSearch,
        collector: &mut impl Collector,
    ) -> Result<(), PartitionError> {
        let rows = Arc::clone(&self.view.partition.rows);
        let mut fetcher = Fetcher::new(rows, Arc::clone(&snapshot.cache));
        let (segment, budget) = (Arc::clone(self.segment), self.budget.clone());
        let mut failure = None;
        self.documents(prepared, |docs| {
            docs.for_each(|doc| {
                if failure.is_some() || budget.is_over() {
                    return;
                }
                match fetcher.record(segment.sequence.get_val(doc)) {
                    Ok(record) => collector.record(record.timestamp, &record),
                    Err(error) => failure = Some(error),
                }
            });
        })?;
        failure.map_or(Ok(()), |error| Err(error.into()))
    }
}
