//! Pages of matching records. Partitions, segments and the memory tail are visited from the end the
//! page starts at, each in windows that grow, and as soon as nothing outside what was seen can belong
//! on the page, the rest is not looked at. So a page costs about the same over a day and over a month.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;

use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId};

use super::prepared::{PreparedSearch, for_each_block};
use super::snapshot::Snapshot;
use crate::codec::RecordView;
use crate::embedded::budget::Budget;
use crate::embedded::disk::fetch::Fetcher;
use crate::embedded::disk::partition::PartitionError;
use crate::embedded::disk::segment::{BLOCK, Segment};
use crate::query::Matcher;
use crate::record::LogRecord;
use crate::store::{Cursor, Search, SearchPage, TimeRange};

/// Documents of the first window; most pages are full after it.
const FIRST_WINDOW: u32 = 2 * BLOCK;
/// Each window is so many times the one before, so that a rare match costs few restarts.
const GROWTH: u32 = 4;

/// The place of a record in the asked order: greater comes first.
type Rank = (i64, u64);

/// Location of a record of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Row(usize),
    Tail(usize, usize),
}

struct Page<'a> {
    search: &'a Search,
    best: BinaryHeap<Reverse<(Rank, Place)>>,
    limit: usize,
    /// Documents of the next window. It grows over segments and partitions: where one has few matches the
    /// next one has hardly more, and each restart looks up the terms again.
    window: u32,
    /// A partition failed or waits for its new index: there may be more matches.
    has_hole: bool,
}

impl<'a> Page<'a> {
    fn new(search: &'a Search, limit: usize) -> Self {
        let best = BinaryHeap::with_capacity(limit + 1);
        Self { search, best, limit, window: FIRST_WINDOW, has_hole: false }
    }

    fn rank(&self, (timestamp, sequence): Cursor) -> Rank {
        if self.search.ascending { (!timestamp, !sequence) } else { (timestamp, sequence) }
    }

    /// Whether a record of this time at best may still belong on the page.
    fn may_take(&self, timestamp: i64) -> bool {
        let best = if self.search.ascending { !timestamp } else { timestamp };
        self.worst().is_none_or(|worst| best >= worst.0)
    }

    fn worst(&self) -> Option<Rank> {
        let worst = self.best.peek().filter(|_| self.best.len() >= self.limit);
        worst.map(|Reverse((rank, _))| *rank)
    }

    /// Whether the record belongs on the page as far as is known.
    fn wants(&self, cursor: Cursor) -> bool {
        let (range, rank) = (self.search.range, self.rank(cursor));
        range.from <= cursor.0
            && cursor.0 < range.to
            && self.search.after.is_none_or(|after| rank < self.rank(after))
            && self.worst().is_none_or(|worst| rank > worst)
    }

    fn take(&mut self, cursor: Cursor, place: Place) {
        self.best.push(Reverse((self.rank(cursor), place)));
        if self.best.len() > self.limit {
            self.best.pop();
        }
    }

    /// Whether records of this span, both ends included, may belong on the page.
    fn may_reach(&self, (oldest, newest): (i64, i64)) -> bool {
        let range = self.range();
        oldest < range.to
            && range.from <= newest
            && self.may_take(if self.search.ascending { oldest } else { newest })
    }

    /// The range with the cursor taken into account.
    fn range(&self) -> TimeRange {
        let mut range = self.search.range;
        match self.search.after {
            Some((after, _)) if self.search.ascending => range.from = range.from.max(after),
            Some((after, _)) => range.to = range.to.min(after.saturating_add(1)),
            None => {}
        }
        range
    }
}

/// One page of a search.
pub fn page(snapshot: &Snapshot, search: &Search, limit: usize, budget: &Budget) -> SearchPage {
    let mut page = Page::new(search, limit.saturating_add(1));
    search_tail(snapshot, &mut page, budget);
    search_views(snapshot, &mut page, budget);
    page.has_hole |= snapshot.holes.iter().any(|span| page.may_reach(*span));
    let mut best = std::mem::take(&mut page.best).into_sorted_vec();
    // One more than asked for tells whether there is a next page.
    let more = best.len() > limit;
    best.truncate(limit);
    let records = fetch(snapshot, search, &best);
    let still_indexing = page.has_hole || records.len() < best.len();
    let partial = budget.is_over() || still_indexing;
    let last = records.last().map(|record| (record.timestamp, record.sequence));
    SearchPage { next: last.filter(|_| more || partial), records, partial, still_indexing }
}

fn search_tail(snapshot: &Snapshot, page: &mut Page<'_>, budget: &Budget) {
    let matcher = Matcher::new(&page.search.query);
    let range = page.range();
    let mut order: Vec<usize> = (0..snapshot.tail.len()).collect();
    if !page.search.ascending {
        order.reverse();
    }
    for index in order {
        let tail = &snapshot.tail[index];
        let edge = if page.search.ascending { tail.oldest } else { tail.newest };
        if !tail.may_have(range) || !page.may_take(edge) {
            continue;
        }
        if budget.is_over() {
            return;
        }
        for (at, view) in tail.records_from(snapshot.next) {
            let cursor = (view.timestamp(), view.sequence());
            if page.wants(cursor) && matcher.matches(&view) {
                page.take(cursor, Place::Tail(index, at));
            }
        }
    }
}

fn search_views(snapshot: &Snapshot, page: &mut Page<'_>, budget: &Budget) {
    let ascending = page.search.ascending;
    let edge = |span: (i64, i64)| if ascending { !span.0 } else { span.1 };
    let range = page.range();
    let mut order: Vec<usize> = (0..snapshot.views.len()).collect();
    order.sort_by_key(|index| Reverse(edge(snapshot.views[*index].span)));
    for index in order {
        let view = &snapshot.views[index];
        let (oldest, newest) = view.span;
        if oldest >= range.to || newest < range.from {
            continue;
        }
        if !page.may_take(if ascending { oldest } else { newest }) {
            break;
        }
        // One broken partition must not hide the others.
        if let Err(error) = search_view(snapshot, index, page, budget) {
            view.fail(&error);
            page.has_hole = true;
        }
    }
}

fn search_view(
    snapshot: &Snapshot,
    index: usize,
    page: &mut Page<'_>,
    budget: &Budget,
) -> Result<(), PartitionError> {
    let view = &snapshot.views[index];
    let prepared = PreparedSearch::new(view, &page.search.query, &snapshot.cache, budget)?;
    let mut segments: Vec<&Arc<Segment>> = view.segments()?.iter().collect();
    let ascending = page.search.ascending;
    segments.sort_by_key(
        |segment| {
            if ascending { segment.zones.oldest() } else { !segment.zones.newest() }
        },
    );
    for segment in segments {
        search_segment(segment, &prepared, index, page, budget)?;
    }
    Ok(())
}

fn search_segment(
    segment: &Segment,
    prepared: &PreparedSearch,
    index: usize,
    page: &mut Page<'_>,
    budget: &Budget,
) -> Result<(), PartitionError> {
    let ascending = page.search.ascending;
    for window in windows(segment.zones.docs_in(page.range()), ascending, page.window) {
        // What this window and all later ones can have at best.
        let best = if ascending {
            segment.zones.oldest_from(window.start)
        } else {
            segment.zones.newest_before(window.end)
        };
        if !page.may_take(best) || budget.is_over() {
            break;
        }
        page.window = page.window.saturating_mul(GROWTH);
        search_window(segment, prepared, window, index, page)?;
    }
    Ok(())
}

/// The documents in growing windows, from the end the page starts at; `size` is that of the first. All but
/// the outermost bounds are at the start of a block.
fn windows(
    docs: Range<DocId>,
    ascending: bool,
    mut size: u32,
) -> impl Iterator<Item = Range<DocId>> {
    let mut rest = docs;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let window = if ascending {
            let end = rest.start.saturating_add(size).min(rest.end);
            rest.start..end
        } else {
            let start = rest.end.saturating_sub(size).div_ceil(BLOCK) * BLOCK;
            start.max(rest.start).min(rest.end - 1)..rest.end
        };
        if ascending {
            rest.start = window.end;
        } else {
            rest.end = window.start;
        }
        size = size.saturating_mul(GROWTH);
        Some(window)
    })
}

fn search_window(
    segment: &Segment,
    prepared: &PreparedSearch,
    window: Range<DocId>,
    index: usize,
    page: &mut Page<'_>,
) -> Result<(), PartitionError> {
    for_each_block(segment, prepared, window, |docs| {
        let mut times = [0; COLLECT_BLOCK_BUFFER_LEN];
        segment.time.get_vals(docs, &mut times[..docs.len()]);
        for (doc, time) in docs.iter().zip(times) {
            if page.may_take(time) {
                let cursor = (time, segment.sequence.get_val(*doc));
                if page.wants(cursor) {
                    page.take(cursor, Place::Row(index));
                }
            }
        }
        true
    })?;
    Ok(())
}

/// The records of the page in its order.
fn fetch(snapshot: &Snapshot, search: &Search, best: &[Reverse<(Rank, Place)>]) -> Vec<LogRecord> {
    let mut fetchers: Vec<Option<Fetcher>> = snapshot.views.iter().map(|_| None).collect();
    let mut records = Vec::with_capacity(best.len());
    for Reverse(((_, sequence), place)) in best {
        let sequence = if search.ascending { !sequence } else { *sequence };
        match place {
            Place::Row(index) => {
                let view = &snapshot.views[*index];
                let fetcher = fetchers[*index].get_or_insert_with(|| {
                    Fetcher::new(Arc::clone(&view.partition.rows), Arc::clone(&snapshot.cache))
                });
                match fetcher.record(sequence) {
                    Ok(record) => records.push(record),
                    Err(error) => view.fail(&error.into()),
                }
            }
            Place::Tail(index, at) => {
                let bytes = &snapshot.tail[*index].batch.bytes[*at..];
                records.extend(RecordView::parse(bytes).map(LogRecord::from));
            }
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_every_document_once() {
        for docs in [0..0, 0..1, 0..5_000, 1_024..300_000, 2_048..2_049] {
            for (ascending, size) in
                [true, false].into_iter().flat_map(|a| [(a, 2_048), (a, u32::MAX)])
            {
                let mut seen: Vec<_> = windows(docs.clone(), ascending, size).collect();
                if !ascending {
                    assert!(seen.iter().all(|w| w.start % BLOCK == 0 || w.start == docs.start));
                    seen.reverse();
                }
                let whole: Vec<DocId> = seen.into_iter().flatten().collect();
                assert_eq!(whole, docs.clone().collect::<Vec<_>>());
            }
        }
    }
}
