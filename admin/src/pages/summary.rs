//! What a result has in common: how many per interval and level, and the values of its fields. Counts
//! are exact, over the whole window and not the shown page.

use logsearch::fields;
use logsearch::query::{Chips, Query};
use logsearch::record::ValueRef;
use logsearch::store::{
    Aggregate, Aggregation, Bucket, LogStore, StoreError, TimeRange, TopValues,
};

use crate::format;
use crate::links::{Links, View};
use crate::params::{canonical_name, short_name};

/// The most bars of a histogram.
const BARS: usize = 90;
/// Values shown of each field.
const VALUES: usize = 6;
/// The fields of the sidebar, besides the columns of the page.
const FIELDS: [&str; 11] = [
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

/// Records per interval.
pub struct Timeline {
    pub buckets: Vec<Bucket>,
    pub interval: i64,
}

impl Timeline {
    /// All records of the window.
    pub fn total(&self) -> u64 {
        self.buckets.iter().flat_map(|bucket| bucket.counts).sum()
    }
}

/// Counts per interval and level.
pub async fn timeline(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
) -> Result<Timeline, StoreError> {
    let interval = range.interval(BARS);
    let buckets = match store.aggregate(range, query, &Aggregation::Histogram { interval }).await? {
        Aggregate::Histogram(buckets) => buckets,
        _ => Vec::new(),
    };
    Ok(Timeline { buckets, interval })
}

/// The most frequent values of some fields.
pub async fn top_values(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
    fields: Vec<String>,
    size: usize,
) -> Result<Vec<TopValues>, StoreError> {
    match store.aggregate(range, query, &Aggregation::TopValues { fields, size }).await? {
        Aggregate::TopValues(values) => Ok(values),
        _ => Ok(Vec::new()),
    }
}

/// The fields of the sidebar for these columns.
pub fn facet_fields(columns: &[String]) -> Vec<String> {
    let mut names: Vec<String> = FIELDS.iter().map(|name| (*name).to_owned()).collect();
    for name in columns.iter().map(|column| canonical_name(column)) {
        // Ids and durations differ on every record: their most frequent values say nothing.
        let says_nothing = name == fields::REQUEST_ID || fields::kind(&name).is_number();
        if !says_nothing && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What the sidebar asks for.
pub async fn facets(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
    columns: &[String],
) -> Result<Vec<TopValues>, StoreError> {
    top_values(store, range, query, facet_fields(columns), VALUES).await
}

/// A field of the sidebar.
pub struct Facet {
    pub name: String,
    pub help: &'static str,
    pub values: Vec<FacetValue>,
    pub others: String,
    pub missing: Option<FacetValue>,
}

/// A value with its count and what a click does.
pub struct FacetValue {
    pub text: String,
    pub count: String,
    pub only: String,
    pub without: String,
    pub is_on: bool,
    pub level: &'static str,
}

/// The sidebar: fields that some matching record has.
pub fn facet_views(values: &[TopValues], chips: &Chips, view: &View, links: &Links) -> Vec<Facet> {
    let with =
        |clause: &Query| links.logs(&view.query(chips.clone().with(clause.clone()).to_string()));
    let facet = |top: &TopValues| {
        let value = |(text, count): &(String, u64)| {
            let clause = Query::value_clause(&top.field, ValueRef::Str(text));
            FacetValue {
                text: text.clone(),
                count: format::count(*count),
                only: with(&clause),
                without: with(&clause.clone().negated()),
                is_on: chips.0.iter().any(|chip| chip.enabled && chip.query == clause),
                level: level_class(&top.field, text),
            }
        };
        let has = Query::has_field(&top.field);
        let missing = (top.missing > 0).then(|| FacetValue {
            text: "(none)".to_owned(),
            count: format::count(top.missing),
            only: with(&has.clone().negated()),
            without: with(&has),
            is_on: false,
            level: "",
        });
        Facet {
            name: short_name(&top.field),
            help: fields::definition(&top.field).map_or("", |known| known.help),
            values: top.values.iter().map(value).collect(),
            others: if top.others > 0 { format::count(top.others) } else { String::new() },
            missing,
        }
    };
    values.iter().filter(|top| !top.values.is_empty()).map(facet).collect()
}

fn level_class(field: &str, value: &str) -> &'static str {
    let level = logsearch::record::Level::parse(value).filter(|_| field == fields::LEVEL);
    level.map_or("", logsearch::record::Level::as_str)
}
