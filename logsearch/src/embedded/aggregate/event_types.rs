//! Matching records grouped by the place in the code that emitted them.

#![expect(clippy::cast_possible_truncation, reason = "ordinals index what is in memory")]

use std::collections::HashMap;
use std::sync::Arc;

use tantivy::columnar::StrColumn;

use super::scan::{Collector, Docs, Mode, scan};
use super::top::most_frequent;
use super::values::{Found, Place, Source, each_term, place_of};
use crate::embedded::budget::Budget;
use crate::embedded::disk::fetch::Fetcher;
use crate::embedded::disk::partition::{PartitionError, View};
use crate::embedded::disk::schema;
use crate::embedded::disk::segment::{BLOCK, Segment};
use crate::embedded::search::snapshot::Snapshot;
use crate::fields;
use crate::query::Query;
use crate::record::{Level, Matchable};
use crate::store::{Cursor, EventType, TimeRange};

/// The most frequent places, most frequent first.
pub fn event_types(
    snapshot: &Snapshot,
    range: TimeRange,
    query: &Query,
    size: usize,
    budget: &Budget,
) -> Result<Vec<EventType>, PartitionError> {
    let mut collector =
        EventTypes { types: HashMap::new(), current: None, sites: Found::default() };
    scan(snapshot, range, query, budget, &mut collector)?;
    let (types, _) = most_frequent(collector.types, size, |seen| seen.count);
    let describe = |(callsite, seen): (String, Seen)| {
        let (level, example) = match seen.newest {
            Newest::Record(level, message) => (level, message),
            Newest::Row(view) => {
                let rows = Arc::clone(&view.partition.rows);
                let mut fetcher = Fetcher::new(rows, Arc::clone(&snapshot.cache));
                let record = fetcher.record(seen.last.1)?;
                (record.level, record.message)
            }
        };
        let seen_between = (seen.first, seen.last.0);
        Ok(EventType { callsite, count: seen.count, level, example, seen: seen_between })
    };
    types.into_iter().map(describe).collect()
}

/// What is known of one place.
#[derive(Clone)]
struct Seen {
    count: u64,
    first: i64,
    last: Cursor,
    newest: Newest,
}

/// Location of the latest record of a call site.
#[derive(Clone)]
enum Newest {
    Record(Level, String),
    Row(Arc<View>),
}

impl Seen {
    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.first = self.first.min(other.first);
        if other.last > self.last {
            (self.last, self.newest) = (other.last, other.newest);
        }
    }
}

/// Counts and times of one ordinal.
#[derive(Clone, Copy)]
struct Tally {
    count: u64,
    first: i64,
    last: Cursor,
}

impl Tally {
    const NONE: Self = Self { count: 0, first: i64::MAX, last: (i64::MIN, 0) };

    fn add(&mut self, cursor: Cursor) {
        self.count += 1;
        self.first = self.first.min(cursor.0);
        self.last = self.last.max(cursor);
    }
}

struct Current {
    view: Arc<View>,
    segment: Arc<Segment>,
    callsites: Option<(StrColumn, Vec<Tally>)>,
    targets: (StrColumn, Vec<Tally>),
}

struct EventTypes {
    types: HashMap<String, Seen>,
    current: Option<Current>,
    /// The places of the documents at hand.
    sites: Found<u64>,
}

impl EventTypes {
    fn add(&mut self, callsite: &str, seen: Seen) {
        match self.types.get_mut(callsite) {
            Some(known) => known.merge(seen),
            None => drop(self.types.insert(callsite.to_owned(), seen)),
        }
    }
}

fn tallies(column: StrColumn) -> (StrColumn, Vec<Tally>) {
    let terms = column.dictionary().num_terms();
    (column, vec![Tally::NONE; terms])
}

impl Collector for EventTypes {
    fn enter(&mut self, view: &Arc<View>, segment: &Arc<Segment>) -> Result<Mode, PartitionError> {
        let Place::Columns(mut sources) = place_of(view, segment, fields::CALLSITE)? else {
            return Ok(Mode::Records);
        };
        let callsites = match (sources.pop(), sources.len()) {
            (None, _) => None,
            (Some(Source::Text(column)), 0) => Some(tallies(column)),
            _ => return Ok(Mode::Records),
        };
        let Some(targets) = segment.columns(schema::TARGET)?.text.clone().map(tallies) else {
            return Ok(Mode::Records);
        };
        let (view, segment) = (Arc::clone(view), Arc::clone(segment));
        self.current = Some(Current { view, segment, callsites, targets });
        Ok(Mode::Columns)
    }

    fn docs(&mut self, docs: &Docs<'_>) {
        let Some(current) = &mut self.current else { return };
        let (mut times, mut sequences) = ([0; BLOCK as usize], [0; BLOCK as usize]);
        let times = docs.read(current.segment.time.as_ref(), &mut times);
        let sequences = docs.read(current.segment.sequence.as_ref(), &mut sequences);
        let sites = &mut self.sites;
        match &current.callsites {
            Some((column, _)) => sites.read(column.ords(), docs),
            None => sites.docs.clear(),
        }
        let mut sites = sites.docs.iter().zip(&sites.values).peekable();
        let (target, by_target) = &mut current.targets;
        let mut at = 0;
        docs.for_each(|doc| {
            let cursor = (times[at], sequences[at]);
            let site = sites.next_if(|(other, _)| **other == doc);
            let tally = match (site, &mut current.callsites) {
                (Some((_, ord)), Some((_, tallies))) => tallies.get_mut(*ord as usize),
                _ => target.ords().first(doc).and_then(|ord| by_target.get_mut(ord as usize)),
            };
            if let Some(tally) = tally {
                tally.add(cursor);
            }
            at += 1;
        });
    }

    fn leave(&mut self) -> Result<(), PartitionError> {
        let Some(current) = self.current.take() else { return Ok(()) };
        for (column, tallies) in current.callsites.into_iter().chain([current.targets]) {
            each_term(
                &column,
                &tallies,
                |tally| tally.count > 0,
                |callsite, tally| {
                    let Tally { count, first, last } = *tally;
                    let newest = Newest::Row(Arc::clone(&current.view));
                    self.add(callsite, Seen { count, first, last, newest });
                },
            )?;
        }
        Ok(())
    }

    fn record<R: Matchable>(&mut self, timestamp: i64, record: &R) {
        let seen = Seen {
            count: 1,
            first: timestamp,
            last: (timestamp, record.sequence()),
            newest: Newest::Record(record.level(), record.message().to_owned()),
        };
        match record.field(fields::CALLSITE) {
            Some(callsite) => self.add(&callsite.text(), seen),
            None => self.add(record.target(), seen),
        }
    }
}
