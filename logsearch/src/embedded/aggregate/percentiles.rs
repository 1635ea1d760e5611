//! Percentiles of a numeric field, over all matching records or per value of another field.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "percentiles are given to 2 %"
)]

use std::collections::HashMap;
use std::sync::Arc;

use tantivy::columnar::{Column, StrColumn};

use super::scan::{Collector, Docs, Mode, scan};
use super::sketch::Sketch;
use super::top::{most_frequent, value_of};
use super::values::{Found, Place, Source, each_term, each_value, place_of};
use crate::embedded::budget::Budget;
use crate::embedded::disk::partition::{PartitionError, View};
use crate::embedded::disk::schema::Kind;
use crate::embedded::disk::segment::Segment;
use crate::embedded::search::snapshot::Snapshot;
use crate::query::Query;
use crate::record::{Matchable, ValueRef};
use crate::store::{PercentileGroup, TimeRange};

/// A percentile question.
pub struct Question<'a> {
    /// The numeric field.
    pub field: &'a str,
    /// Field to group by.
    pub by: Option<&'a str>,
    /// Maximum number of groups.
    pub size: usize,
    /// Percentiles in percent.
    pub percents: &'a [f64],
}

/// Groups, most frequent first.
pub fn percentiles(
    snapshot: &Snapshot,
    range: TimeRange,
    query: &Query,
    question: &Question<'_>,
    budget: &Budget,
) -> Result<Vec<PercentileGroup>, PartitionError> {
    let (groups, current) = (HashMap::new(), Current::default());
    let groups_found = Found::default();
    let mut collector = Percentiles { question, groups, current, groups_found };
    scan(snapshot, range, query, budget, &mut collector)?;
    let mut groups = collector.groups;
    let mut size = question.size;
    if question.by.is_none() {
        size = size.max(1);
        groups.entry(String::new()).or_default();
    }
    let (groups, _) = most_frequent(groups, size, Sketch::count);
    let group = |(value, sketch): (String, Sketch)| PercentileGroup {
        value,
        count: sketch.count(),
        percentiles: question.percents.iter().filter_map(|p| sketch.percentile(*p)).collect(),
    };
    Ok(groups.into_iter().map(group).collect())
}

/// The columns of the segment at hand.
#[derive(Default)]
struct Current {
    numbers: Vec<Source>,
    by: Option<StrColumn>,
    /// Per ordinal of the group; a single one when there are no groups.
    sketches: Vec<Option<Box<Sketch>>>,
}

struct Percentiles<'a> {
    question: &'a Question<'a>,
    groups: HashMap<String, Sketch>,
    current: Current,
    /// The groups of the documents at hand.
    groups_found: Found<u64>,
}

impl Percentiles<'_> {
    fn numbers(
        &self,
        view: &View,
        segment: &Segment,
    ) -> Result<Option<Vec<Source>>, PartitionError> {
        // A keyword keeps whole numbers as text, where they cannot be told from digits.
        let typed = view.partition.layout.typed.get(self.question.field);
        if typed.is_some_and(|typed| typed.kind == Kind::Keyword) {
            return Ok(None);
        }
        let Place::Columns(mut sources) = place_of(view, segment, self.question.field)? else {
            return Ok(None);
        };
        sources.retain(|source| !matches!(source, Source::Text(_) | Source::Bool(_)));
        Ok(Some(sources))
    }
}

impl Collector for Percentiles<'_> {
    fn enter(&mut self, view: &Arc<View>, segment: &Arc<Segment>) -> Result<Mode, PartitionError> {
        let Some(numbers) = self.numbers(view, segment)? else { return Ok(Mode::Records) };
        let mut by = None;
        if let Some(name) = self.question.by {
            match place_of(view, segment, name)? {
                Place::Columns(mut sources) => match (sources.pop(), sources.len()) {
                    (None, _) => {}
                    (Some(Source::Text(column)), 0) => by = Some(column),
                    _ => return Ok(Mode::Records),
                },
                _ => return Ok(Mode::Records),
            }
        }
        let groups = by.as_ref().map_or(1, |column| column.dictionary().num_terms());
        let sketches = std::iter::repeat_with(|| None).take(groups).collect();
        self.current = Current { numbers, by, sketches };
        Ok(Mode::Columns)
    }

    fn docs(&mut self, docs: &Docs<'_>) {
        let Current { numbers, by, sketches } = &mut self.current;
        let groups = match (by, self.question.by) {
            (Some(column), _) => {
                self.groups_found.read(column.ords(), docs);
                Some(&self.groups_found)
            }
            // Nobody in this segment has the group's field.
            (None, Some(_)) => return,
            (None, None) => None,
        };
        let mut add = |group: u64, number: f64| {
            if let Some(sketch) = sketches.get_mut(group as usize) {
                sketch.get_or_insert_default().add(number);
            }
        };
        for source in numbers {
            match source {
                Source::Int(column) => pair(column, docs, groups, |group, n| add(group, n as f64)),
                Source::Unsigned(column) => {
                    pair(column, docs, groups, |group, n| add(group, n as f64));
                }
                Source::Float(column) => pair(column, docs, groups, &mut add),
                Source::Text(_) | Source::Bool(_) => {}
            }
        }
    }

    fn leave(&mut self) -> Result<(), PartitionError> {
        let current = std::mem::take(&mut self.current);
        let groups = &mut self.groups;
        let mut merge = |name: &str, sketch: &Option<Box<Sketch>>| {
            let Some(sketch) = sketch else { return };
            match groups.get_mut(name) {
                Some(known) => known.merge(sketch),
                None => drop(groups.insert(name.to_owned(), (**sketch).clone())),
            }
        };
        match &current.by {
            Some(column) => each_term(column, &current.sketches, Option::is_some, merge)?,
            None => current.sketches.iter().for_each(|sketch| merge("", sketch)),
        }
        Ok(())
    }

    fn record<R: Matchable>(&mut self, _: i64, record: &R) {
        let number = match record.field(self.question.field) {
            Some(ValueRef::Int(value)) => value as f64,
            Some(ValueRef::Float(value)) => value,
            _ => return,
        };
        let group = match self.question.by {
            Some(by) => value_of(record, by).map(|value| value.text().into_owned()),
            None => Some(String::new()),
        };
        if let Some(group) = group {
            self.groups.entry(group).or_default().add(number);
        }
    }
}

/// Calls back with the group and the number of each document that has both.
fn pair<T: Copy + PartialOrd + Default + Send + Sync + std::fmt::Debug + 'static>(
    column: &Column<T>,
    docs: &Docs<'_>,
    groups: Option<&Found<u64>>,
    mut each: impl FnMut(u64, T),
) {
    let Some(groups) = groups else {
        each_value(column, docs, |number| each(0, number));
        return;
    };
    let mut numbers = Found::default();
    numbers.read(column, &Docs::List(&groups.docs));
    let mut grouped = groups.docs.iter().zip(&groups.values);
    for (doc, number) in numbers.docs.iter().zip(&numbers.values) {
        // Every document asked for has a group, and both are in order.
        if let Some((_, group)) = grouped.find(|(other, _)| *other == doc) {
            each(*group, *number);
        }
    }
}
