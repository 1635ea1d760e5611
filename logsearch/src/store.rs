//! The seam between the pages that show logs and the engine that keeps them.
//!
//! Query text never crosses it: a store gets the parsed [`Query`] and lowers it, so no syntax of an
//! engine leaks. Retention, schema and transactions are a store's own business and not part of it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::query::Query;
use crate::record::{Level, LogRecord};

/// A half-open span of time, in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// The first microsecond inside.
    pub from: i64,
    /// The first microsecond after it.
    pub to: i64,
}

/// The place of a record in the order of a store: `(timestamp, sequence)`.
pub type Cursor = (i64, u64);

/// What to look for, in which order, how much and from where on.
#[derive(Clone, Debug)]
pub struct Search {
    /// Only records inside.
    pub range: TimeRange,
    /// Only records that match.
    pub query: Arc<Query>,
    /// Oldest first; otherwise newest first.
    pub ascending: bool,
    /// Continue strictly behind this record, in the asked order.
    pub after: Option<Cursor>,
    /// At most so many records, at most [`MAX_PAGE`].
    pub limit: usize,
}

/// The largest page a store answers.
pub const MAX_PAGE: usize = 10_000;

/// Records in the asked order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchPage {
    /// The records.
    pub records: Vec<LogRecord>,
    /// Where the next page starts; `None` when this one is the last.
    pub next: Option<Cursor>,
    /// The deadline came first: there may be more matches inside the span of this page.
    pub partial: bool,
}

/// A question about all matching records. Each shape has its answer in [`Aggregate`].
#[derive(Clone, Debug, PartialEq)]
pub enum Aggregation {
    /// How many.
    Count,
    /// How many per level in each interval of so many microseconds (aligned to the Unix epoch),
    /// empty intervals included.
    Histogram {
        /// Microseconds, more than 0. At most [`MAX_BUCKETS`] fit a range.
        interval: i64,
    },
    /// The most frequent values of each of these fields (canonical names), most frequent first,
    /// ties by value.
    TopValues {
        /// Canonical field names; `level` and `target` are allowed.
        fields: Vec<String>,
        /// At most so many values a field.
        size: usize,
    },
    /// Percentiles of a numeric field, over all or per value of another field.
    Percentiles {
        /// Canonical name of a numeric field.
        field: String,
        /// Group by the values of this field, most frequent first.
        by: Option<String>,
        /// At most so many groups.
        size: usize,
        /// In percent, such as 50, 95, 99.
        percents: Vec<f64>,
    },
    /// Records grouped by the code that emitted them.
    EventTypes {
        /// At most so many, most frequent first.
        size: usize,
    },
}

/// The most intervals a histogram may have.
pub const MAX_BUCKETS: i64 = 10_000;

/// The answer to an [`Aggregation`] of the same name. Counts are exact.
#[derive(Clone, Debug, PartialEq)]
pub enum Aggregate {
    /// How many records match.
    Count(u64),
    /// Contiguous intervals in order of time, first to last of the range.
    Histogram(Vec<Bucket>),
    /// One per asked field, in the order asked.
    TopValues(Vec<TopValues>),
    /// Groups, most frequent first; one with an empty value when not grouped.
    Percentiles(Vec<PercentileGroup>),
    /// Event types, most frequent first.
    EventTypes(Vec<EventType>),
}

/// One interval of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its first microsecond.
    pub start: i64,
    /// Records per level, indexed like [`Level::ALL`].
    pub counts: [u64; 5],
}

/// The most frequent values of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopValues {
    /// Canonical name of the field.
    pub field: String,
    /// Value as text and number of matching records that have it.
    pub values: Vec<(String, u64)>,
    /// Matching records that have the field with a value not listed.
    pub others: u64,
    /// Matching records without the field.
    pub missing: u64,
}

/// Percentiles of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct PercentileGroup {
    /// Value of the grouping field.
    pub value: String,
    /// Records of the group that have the numeric field.
    pub count: u64,
    /// One per asked percent, within 2 % of exact.
    pub percentiles: Vec<f64>,
}

/// Records emitted by one place in the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventType {
    /// `file:line`, or the target where the place is not known.
    pub callsite: String,
    /// Number of matching records.
    pub count: u64,
    /// The newest matching level of it.
    pub level: Level,
    /// The message of the newest matching record of it.
    pub example: String,
    /// Timestamps of the oldest and the newest, in microseconds.
    pub seen: (i64, i64),
}

/// How a store is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreStatus {
    /// Records that can be found.
    pub records: u64,
    /// Bytes on disk, 0 for a store without one.
    pub bytes: u64,
    /// Timestamp of the oldest record that can be found.
    pub oldest: Option<i64>,
    /// Every record appended before this time (microseconds) can be found.
    pub searchable_until: i64,
    /// What a person should know: quarantined parts, a full disk. Empty when all is well.
    pub notices: Vec<String>,
}

/// What went wrong, as a caller acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// Not now; later may work.
    Unavailable,
    /// Too costly for the deadline, or cancelled.
    Timeout,
    /// A defect or broken data.
    Internal,
}

/// A failed request to a store. A bad query is never one: the parser is total.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    /// What a caller can do about it.
    pub kind: StoreErrorKind,
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// An error with its cause; the message names the thing, in lower case, without a full stop.
    pub fn new(
        kind: StoreErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind, message: message.into(), source: Some(source.into()) }
    }

    /// An error without another one behind it.
    pub fn bare(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }
}

/// A place that keeps log records and finds them again.
#[async_trait]
pub trait LogStore: Send + Sync + 'static {
    /// Keeps these records. They are found once [`StoreStatus::searchable_until`] has passed them.
    async fn append(&self, batch: Vec<LogRecord>) -> Result<(), StoreError>;

    /// One page of matching records.
    async fn search(&self, search: &Search) -> Result<SearchPage, StoreError>;

    /// One answer over all matching records.
    async fn aggregate(
        &self,
        range: TimeRange,
        query: &Query,
        aggregation: &Aggregation,
    ) -> Result<Aggregate, StoreError>;

    /// How the store is doing.
    async fn status(&self) -> Result<StoreStatus, StoreError>;
}
