//! The seam between the pages that show logs and the engine that keeps them.
//!
//! Query text never crosses it: a store gets the parsed [`Query`] and lowers it, so no syntax of an
//! engine leaks. Retention, schema and transactions are a store's own business and not part of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

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

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self { from: i64::MIN, to: i64::MAX };

    /// Whether a time is inside.
    pub const fn contains(&self, timestamp: i64) -> bool {
        self.from <= timestamp && timestamp < self.to
    }

    /// The finest usual interval (1 ms to 30 days) that cuts this range into at most so many, in
    /// microseconds; more than 30 days when the range is that long.
    pub fn interval(&self, at_most: usize) -> i64 {
        const SECOND: i64 = 1_000_000;
        const DAY: i64 = 86_400 * SECOND;
        const STEPS: [i64; 24] = [
            1_000,
            10_000,
            100_000,
            SECOND,
            2 * SECOND,
            5 * SECOND,
            10 * SECOND,
            15 * SECOND,
            30 * SECOND,
            60 * SECOND,
            120 * SECOND,
            300 * SECOND,
            600 * SECOND,
            900 * SECOND,
            1_800 * SECOND,
            3_600 * SECOND,
            7_200 * SECOND,
            10_800 * SECOND,
            21_600 * SECOND,
            43_200 * SECOND,
            DAY,
            7 * DAY,
            14 * DAY,
            30 * DAY,
        ];
        let at_most = i128::try_from(at_most.clamp(1, 10_000)).unwrap_or(1);
        let fits = |step: i64| intervals(*self, step) <= at_most;
        let longer = (2..).map(|times| times * 30 * DAY).take(i16::MAX as usize);
        STEPS.into_iter().chain(longer).find(|step| fits(*step)).unwrap_or(i64::MAX)
    }
}

/// How many aligned intervals touch a range.
fn intervals(range: TimeRange, interval: i64) -> i128 {
    if range.from >= range.to {
        return 0;
    }
    let first = range.from.div_euclid(interval);
    let last = (range.to - 1).div_euclid(interval);
    i128::from(last) - i128::from(first) + 1
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

impl Search {
    /// The newest so many matches of all time.
    pub fn newest(query: Query, limit: usize) -> Self {
        let query = Arc::new(query);
        Self { range: TimeRange::ALL, query, ascending: false, after: None, limit }
    }
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
    /// There may be more matches inside the span of this page: the deadline came first, or a damaged
    /// part of the index waits to be built anew.
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

impl Bucket {
    /// The empty intervals of a histogram over this range, for a store to count in. Fails when the
    /// interval is not positive or there would be more than [`MAX_BUCKETS`].
    pub fn empty(range: TimeRange, interval: i64) -> Result<Vec<Self>, StoreError> {
        if interval <= 0 || intervals(range, interval) > i128::from(MAX_BUCKETS) {
            let message =
                format!("a histogram takes 1 to {MAX_BUCKETS} intervals of at least 1 µs");
            return Err(StoreError::bare(StoreErrorKind::Internal, message));
        }
        let count = i64::try_from(intervals(range, interval)).unwrap_or(0);
        // The start of the first interval may lie before the first representable time.
        let first = i128::from(range.from.div_euclid(interval)) * i128::from(interval);
        let start = |n: i64| first + i128::from(n) * i128::from(interval);
        let clamp = |start: i128| i64::try_from(start).unwrap_or(i64::MIN);
        Ok((0..count).map(|n| Self { start: clamp(start(n)), counts: [0; 5] }).collect())
    }
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
    /// One per asked percent, within 2 % of exact; none when there is no number.
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoreStatus {
    /// Records that can be found.
    pub records: u64,
    /// Bytes on disk, 0 for a store without one.
    pub bytes: u64,
    /// Pieces the index is in, 0 for a store without any.
    pub segments: u64,
    /// Timestamp of the oldest record that can be found.
    pub oldest: Option<i64>,
    /// Every record appended before this time (microseconds) can be found.
    pub searchable_until: i64,
    /// What a person should know: quarantined parts, a full disk. Empty when all is well.
    pub notices: Vec<String>,
    /// The parts that are removed as a whole, the oldest first; empty for a store without any.
    pub partitions: Vec<PartitionStatus>,
    /// What bounds the store; `None` when nothing does.
    pub limits: Option<Limits>,
    /// Records that can be found and that a power failure would take.
    pub unsynced: u64,
}

/// A part of a store that is removed as a whole when it is too old or there is no room for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionStatus {
    /// The name of its directory.
    pub name: String,
    /// Timestamps of its oldest and its newest record in microseconds; `None` while it has none.
    pub span: Option<(i64, i64)>,
    /// Its records, also those that cannot be found at the moment.
    pub records: u64,
    /// Bytes on disk when last measured.
    pub bytes: u64,
    /// Pieces its index is in.
    pub segments: u64,
    /// What happens to it.
    pub state: PartitionState,
}

/// What happens to a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartitionState {
    /// It takes new records.
    Active,
    /// It is complete and does not change any more.
    Closed,
    /// Its index is built anew from its records, which cannot be found until then.
    Rebuilding,
    /// It was found damaged and is not searched.
    Damaged,
}

/// How much a store may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Older partitions are removed.
    pub max_age: Duration,
    /// The store has at most so many bytes.
    pub max_bytes: u64,
    /// While the disk has fewer bytes free, the oldest partition goes.
    pub min_free_bytes: u64,
    /// Bytes free on the disk; `None` when the system does not say.
    pub free_bytes: Option<u64>,
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
    /// Keeps these records, in this order. A store with a log of its own may give them other sequences,
    /// growing in the same order. They are found once [`StoreStatus::searchable_until`] has passed them.
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

    /// The records right before and right after one, oldest first, at most so many on either side.
    async fn context(
        &self,
        around: Cursor,
        query: Arc<Query>,
        each_side: usize,
    ) -> Result<Context, StoreError> {
        let search = |ascending, range| Search {
            range,
            query: Arc::clone(&query),
            ascending,
            after: Some(around),
            limit: each_side,
        };
        let until = TimeRange { from: i64::MIN, to: around.0.saturating_add(1) };
        let since = TimeRange { from: around.0, to: i64::MAX };
        let mut before = self.search(&search(false, until)).await?;
        let after = self.search(&search(true, since)).await?;
        before.records.reverse();
        let partial = before.partial || after.partial;
        Ok(Context { before: before.records, after: after.records, partial })
    }
}

/// What stands around a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// Records before it, oldest first.
    pub before: Vec<LogRecord>,
    /// Records after it, oldest first.
    pub after: Vec<LogRecord>,
    /// The deadline came first on one side.
    pub partial: bool,
}

/// A whole result, page by page.
#[derive(Clone)]
pub struct Pages {
    store: Arc<dyn LogStore>,
    search: Search,
    is_done: bool,
}

impl Pages {
    /// All pages of a search, each of at most [`Search::limit`] records.
    pub fn new(store: Arc<dyn LogStore>, search: Search) -> Self {
        Self { store, search, is_done: false }
    }

    /// The next page; `None` behind the last. A partial page is a
    /// [`StoreErrorKind::Timeout`], because a result with holes must not pass for a whole one.
    pub async fn next(&mut self) -> Result<Option<Vec<LogRecord>>, StoreError> {
        if self.is_done {
            return Ok(None);
        }
        let page = self.store.search(&self.search).await?;
        if page.partial {
            let message = "the search ran into its deadline or a part of the index is missing";
            return Err(StoreError::bare(StoreErrorKind::Timeout, message));
        }
        self.search.after = page.next;
        self.is_done = page.next.is_none();
        Ok(Some(page.records))
    }
}
