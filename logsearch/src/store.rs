//! The seam between the pages that show logs and the engine that keeps them.
//!
//! Query text never crosses it: a store gets the parsed [`Query`] and lowers it, so no syntax of an
//! engine leaks. Retention, schema and transactions are a store's own business and not part of it.

mod aggregate;
mod search;

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use self::aggregate::{
    Aggregate, Aggregation, Bucket, EventType, MAX_BUCKETS, PercentileGroup, TopValues,
};
pub use self::search::{Context, MAX_PAGE, Pages, STILL_INDEXING, Search, SearchPage};
use crate::query::Query;
use crate::record::LogRecord;
pub use crate::time::{Cursor, TimeRange};

/// Status of a store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoreStatus {
    /// Searchable records.
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

/// Kinds of store errors, by what a caller can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// Temporarily unavailable; retry later.
    Unavailable,
    /// Timed out or cancelled.
    Timeout,
    /// Some of the records are not indexed yet; retry later.
    Indexing,
    /// An internal error: a bug or corrupt data.
    Internal,
}

/// A failed request to a store. A bad query is never one: the parser is total.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    /// Kind of the error, which tells what a caller can do.
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
    /// Keeps these records, in this order. A store with a log of its own may give them other sequences,
    /// growing in the same order. They are found once [`StoreStatus::searchable_until`] has passed them.
    async fn append(&self, batch: Vec<LogRecord>) -> Result<(), StoreError>;

    /// Returns one page of matching records.
    async fn search(&self, search: &Search) -> Result<SearchPage, StoreError>;

    /// Aggregates all matching records.
    async fn aggregate(
        &self,
        range: TimeRange,
        query: &Query,
        aggregation: &Aggregation,
    ) -> Result<Aggregate, StoreError>;

    /// Spans of time of which the store has records that cannot be found yet: it catches up after a start
    /// or a flood, or an index is being rebuilt. Searches over them are partial, and counts an error; other
    /// figures leave these records out.
    fn unindexed(&self) -> Vec<TimeRange> {
        Vec::new()
    }

    /// Returns the status of the store: size, lag, limits and notices.
    async fn status(&self) -> Result<StoreStatus, StoreError>;

    /// How many records match.
    ///
    /// # Errors
    /// When the store does not answer, see [`StoreErrorKind`]. So for all questions below.
    async fn count(&self, range: TimeRange, query: &Query) -> Result<u64, StoreError> {
        self.aggregate(range, query, &Aggregation::Count).await?.count()
    }

    /// How many records match in each interval, by level; see [`Aggregation::Histogram`].
    async fn histogram(
        &self,
        range: TimeRange,
        query: &Query,
        interval: i64,
    ) -> Result<Vec<Bucket>, StoreError> {
        self.aggregate(range, query, &Aggregation::Histogram { interval }).await?.histogram()
    }

    /// The most frequent values of each of these fields; see [`Aggregation::TopValues`].
    async fn top_values(
        &self,
        range: TimeRange,
        query: &Query,
        fields: &[&str],
        size: usize,
    ) -> Result<Vec<TopValues>, StoreError> {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        let aggregation = Aggregation::TopValues { fields, size };
        self.aggregate(range, query, &aggregation).await?.top_values()
    }

    /// Percentiles of a numeric field over all matching records that have it.
    async fn percentiles(
        &self,
        range: TimeRange,
        query: &Query,
        field: &str,
        percents: &[f64],
    ) -> Result<PercentileGroup, StoreError> {
        let (field, percents) = (field.to_owned(), percents.to_vec());
        let aggregation = Aggregation::Percentiles { field, by: None, size: 1, percents };
        let groups = self.aggregate(range, query, &aggregation).await?.percentiles()?;
        Ok(groups.into_iter().next().unwrap_or_default())
    }

    /// Percentiles of a numeric field for each of the most frequent values of another one.
    async fn percentiles_by(
        &self,
        range: TimeRange,
        query: &Query,
        field: &str,
        by: &str,
        size: usize,
        percents: &[f64],
    ) -> Result<Vec<PercentileGroup>, StoreError> {
        let (field, by, percents) = (field.to_owned(), Some(by.to_owned()), percents.to_vec());
        let aggregation = Aggregation::Percentiles { field, by, size, percents };
        self.aggregate(range, query, &aggregation).await?.percentiles()
    }

    /// The places in the code that emitted the records, most frequent first.
    async fn event_types(
        &self,
        range: TimeRange,
        query: &Query,
        size: usize,
    ) -> Result<Vec<EventType>, StoreError> {
        self.aggregate(range, query, &Aggregation::EventTypes { size }).await?.event_types()
    }

    /// The records right before and right after one, oldest first, at most so many on either side.
    async fn context(
        &self,
        around: Cursor,
        query: Arc<Query>,
        each_side: usize,
    ) -> Result<Context, StoreError> {
        let search = Search::new(query).after(around).limit(each_side);
        let until = TimeRange { from: i64::MIN, to: around.0.saturating_add(1) };
        let since = TimeRange { from: around.0, to: i64::MAX };
        let mut before = self.search(&search.clone().within(until)).await?;
        let after = self.search(&search.within(since).oldest_first()).await?;
        before.records.reverse();
        let partial = before.partial || after.partial;
        let still_indexing = before.still_indexing || after.still_indexing;
        Ok(Context { before: before.records, after: after.records, partial, still_indexing })
    }
}
