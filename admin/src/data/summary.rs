//! Summary of a search: counts per interval and level, and top values of fields. Counts are exact
//! and cover the whole window, not only the shown page.

use logsearch::fields::{self, CATALOGUE, Kind};
use logsearch::query::{Field, Query};
use logsearch::store::{Bucket, LogStore, StoreError, TimeRange, TopValues};

use crate::context::links::View;
use crate::context::params::canonical_name;

/// Maximum number of bars of a histogram.
const BARS: usize = 90;
/// Values shown per field.
const VALUES: usize = 6;
/// Values shown when a single field is selected.
const ALL_VALUES: usize = 100;
/// Fields shown when the sidebar is filtered.
const FOUND: usize = 12;
/// Default fields of the sidebar, besides the columns of the page.
pub const FIELDS: [&str; 11] = [
    fields::LEVEL,
    fields::STATUS,
    fields::ROUTE,
    fields::METHOD,
    fields::USER_NAME,
    fields::TARGET,
    fields::ERROR_TYPE,
    fields::DB_OPERATION,
    fields::JOB,
    "event.action",
    fields::CALLSITE,
];

/// Record counts per interval and level.
pub struct Timeline {
    pub buckets: Vec<Bucket>,
    pub interval: i64,
}

impl Timeline {
    /// Number of records in the window.
    pub fn total(&self) -> u64 {
        self.totals().iter().sum()
    }

    /// Number of records per interval.
    pub fn totals(&self) -> Vec<u64> {
        self.buckets.iter().map(|bucket| bucket.counts.iter().sum()).collect()
    }
}

/// Counts per interval and level.
pub async fn timeline(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
) -> Result<Timeline, StoreError> {
    timeline_of(store, range, query, interval(range)).await
}

/// Length of the intervals of a range, in microseconds.
pub fn interval(range: TimeRange) -> i64 {
    range.interval(BARS)
}

/// Counts per interval and level, for intervals of the given length in microseconds.
pub async fn timeline_of(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
    interval: i64,
) -> Result<Timeline, StoreError> {
    let buckets = store.histogram(range, query, interval).await?;
    Ok(Timeline { buckets, interval })
}

/// The fields of the sidebar: the defaults and the columns, or those that match the filter.
fn facet_fields(view: &View) -> Vec<String> {
    if !view.fields.is_empty() {
        return found_fields(&view.fields);
    }
    let mut names: Vec<String> = FIELDS.iter().map(|name| (*name).to_owned()).collect();
    for name in view.shown_columns().iter().map(|column| canonical_name(column)) {
        // Ids and durations differ on every record: their most frequent values say nothing.
        let says_nothing = name == fields::REQUEST_ID || fields::kind(&name).is_number();
        if !says_nothing && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The field with exactly this name, or else all whose name or description contains the text.
fn found_fields(text: &str) -> Vec<String> {
    if let Some(field) = Field::parse(text) {
        return vec![field.name];
    }
    let text = text.to_lowercase();
    let listed = CATALOGUE.iter().filter(|known| known.kind != Kind::Text);
    let found = listed.filter(|known| {
        let names = known.aliases.iter().map(|(alias, _)| *alias);
        names.chain([known.name, known.help]).any(|name| name.to_lowercase().contains(&text))
    });
    found.take(FOUND).map(|known| known.name.to_owned()).collect()
}

/// Suggestions for the sidebar's filter: name and description of all fields with countable values.
pub fn known_fields() -> Vec<(&'static str, &'static str)> {
    let listed = CATALOGUE.iter().filter(|known| known.kind != Kind::Text);
    listed.map(|known| (known.short_name(), known.help)).collect()
}

/// Loads the top values of the sidebar's fields.
pub async fn facets(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
    view: &View,
) -> Result<Vec<TopValues>, StoreError> {
    let names = facet_fields(view);
    let size = if names.len() == 1 { ALL_VALUES } else { VALUES };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    store.top_values(range, query, &names, size).await
}
