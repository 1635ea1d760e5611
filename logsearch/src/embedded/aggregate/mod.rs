//! Counts, histograms, most frequent values, percentiles and event types over all matching records.

mod count;
mod event_types;
mod percentiles;
mod scan;
mod sketch;
mod top;
mod values;

use self::percentiles::{Question, percentiles};
use super::Failure;
use super::budget::Budget;
use super::search::snapshot::Snapshot;
use crate::query::Query;
use crate::store::{Aggregate, Aggregation, Bucket, TimeRange};

/// The answer to one question.
pub fn aggregate(
    snapshot: &Snapshot,
    range: TimeRange,
    query: &Query,
    aggregation: &Aggregation,
    budget: &Budget,
) -> Result<Aggregate, Failure> {
    Ok(match aggregation {
        Aggregation::Count => Aggregate::Count(count::count(snapshot, range, query, budget)?),
        Aggregation::Histogram { interval } => {
            let empty = Bucket::empty(range, *interval).map_err(Failure::Refused)?;
            let full = count::histogram(snapshot, range, query, *interval, empty, budget)?;
            Aggregate::Histogram(full)
        }
        Aggregation::TopValues { fields, size } => {
            let values = top::top_values(snapshot, range, query, fields, *size, budget)?;
            Aggregate::TopValues(values)
        }
        Aggregation::Percentiles { field, by, size, percents } => {
            let question = Question { field, by: by.as_deref(), size: *size, percents };
            Aggregate::Percentiles(percentiles(snapshot, range, query, &question, budget)?)
        }
        Aggregation::EventTypes { size } => {
            let types = event_types::event_types(snapshot, range, query, *size, budget)?;
            Aggregate::EventTypes(types)
        }
    })
}
