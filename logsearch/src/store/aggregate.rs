//! Questions over all matching records and their answers.

use super::{StoreError, StoreErrorKind};
use crate::record::Level;
use crate::time::{TimeRange, intervals};

/// A question about all matching records. Each shape has its answer in [`Aggregate`].
#[derive(Clone, Debug, PartialEq)]
pub enum Aggregation {
    /// Counts matching records.
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
        /// Maximum number of values per field.
        size: usize,
    },
    /// Percentiles of a numeric field, over all or per value of another field.
    Percentiles {
        /// Canonical name of a numeric field.
        field: String,
        /// Group by the values of this field, most frequent first.
        by: Option<String>,
        /// Maximum number of groups.
        size: usize,
        /// Percentiles in percent, such as 50, 95 and 99.
        percents: Vec<f64>,
    },
    /// Records grouped by the code that emitted them.
    EventTypes {
        /// Maximum number of event types, most frequent first.
        size: usize,
    },
}

/// Maximum number of intervals of a histogram.
pub const MAX_BUCKETS: i64 = 10_000;

/// The answer to an [`Aggregation`] of the same name. Counts are exact.
#[derive(Clone, Debug, PartialEq)]
pub enum Aggregate {
    /// How many records match.
    Count(u64),
    /// Contiguous intervals in order of time, first to last of the range.
    Histogram(Vec<Bucket>),
    /// Top values per field, in the order of the request.
    TopValues(Vec<TopValues>),
    /// Groups, most frequent first; one with an empty value when not grouped.
    Percentiles(Vec<PercentileGroup>),
    /// Event types, most frequent first.
    EventTypes(Vec<EventType>),
}

/// One interval of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Start, in microseconds since the Unix epoch.
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PercentileGroup {
    /// Value of the grouping field.
    pub value: String,
    /// Records of the group that have the numeric field.
    pub count: u64,
    /// One per asked percent, within 2 % of exact; none when there is no number.
    pub percentiles: Vec<f64>,
}

/// Records emitted by one call site.
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

impl Aggregate {
    /// The answer to [`Aggregation::Count`].
    pub(super) fn count(self) -> Result<u64, StoreError> {
        if let Self::Count(count) = self { Ok(count) } else { Err(mismatch()) }
    }

    /// The answer to [`Aggregation::Histogram`].
    pub(super) fn histogram(self) -> Result<Vec<Bucket>, StoreError> {
        if let Self::Histogram(buckets) = self { Ok(buckets) } else { Err(mismatch()) }
    }

    /// The answer to [`Aggregation::TopValues`].
    pub(super) fn top_values(self) -> Result<Vec<TopValues>, StoreError> {
        if let Self::TopValues(values) = self { Ok(values) } else { Err(mismatch()) }
    }

    /// The answer to [`Aggregation::Percentiles`].
    pub(super) fn percentiles(self) -> Result<Vec<PercentileGroup>, StoreError> {
        if let Self::Percentiles(groups) = self { Ok(groups) } else { Err(mismatch()) }
    }

    /// The answer to [`Aggregation::EventTypes`].
    pub(super) fn event_types(self) -> Result<Vec<EventType>, StoreError> {
        if let Self::EventTypes(types) = self { Ok(types) } else { Err(mismatch()) }
    }
}

fn mismatch() -> StoreError {
    StoreError::bare(StoreErrorKind::Internal, "the store answered another question")
}
