//! The metrics of the log pipeline itself.
//!
//! Nothing here is published by itself: [`publish`] takes a look when the program renders its metrics.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use crate::record::Level;
use crate::store::{StoreError, StoreErrorKind, StoreStatus};
use crate::writer::{Counts, Reason};

crate::catalogue! {
    /// Records emitted, lost ones included.
    EVENTS: Counter("logsearch_events_total", Count, "level");
    /// Records lost before they could be found.
    EVENTS_DROPPED: Counter("logsearch_events_dropped_total", Count, "level", "reason");
    /// Bytes of records that wait for the writer.
    QUEUE_DEPTH: Gauge("logsearch_queue_bytes", Bytes);
    /// Bytes of records that may wait for the writer.
    QUEUE_CAPACITY: Gauge("logsearch_queue_capacity_bytes", Bytes);
    /// Age of the oldest record that cannot be found yet; 0 when there is none.
    INGEST_LAG: Gauge("logsearch_ingest_lag_seconds", Seconds);
    /// Time to bring records into the index.
    COMMIT_DURATION: Histogram("logsearch_commit_duration_seconds", Seconds,
        [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);
    /// Bytes of index and write-ahead log on disk.
    INDEX_BYTES: Gauge("logsearch_index_bytes", Bytes);
    /// Bytes that index and write-ahead log may have.
    INDEX_MAX_BYTES: Gauge("logsearch_index_max_bytes", Bytes);
    /// Records that can be found.
    INDEX_DOCS: Gauge("logsearch_index_docs", Count);
    /// Time stamp of the oldest record that can be found; 0 when there is none.
    INDEX_OLDEST: Gauge("logsearch_index_oldest_timestamp_seconds", Seconds);
    /// Things a person should know about the store, such as quarantined parts.
    NOTICES: Gauge("logsearch_notices", Count);
    /// Time a search or aggregation took.
    SEARCH_DURATION: Histogram("logsearch_search_duration_seconds", Seconds,
        [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0], "outcome");
}

/// What [`publish`] publishes.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// What became of the records.
    pub counts: Counts,
    /// How the store is doing.
    pub status: StoreStatus,
    /// The bytes the store may have.
    pub max_bytes: u64,
}

/// Sets counters and gauges to a snapshot.
pub fn publish(snapshot: &Snapshot) {
    let Snapshot { counts, status, max_bytes } = snapshot;
    for level in Level::ALL {
        let emitted = counts.emitted[level as usize];
        counter!(EVENTS.name, "level" => level.as_str()).absolute(emitted);
        for reason in Reason::ALL {
            let dropped = counts.dropped[level as usize][reason as usize];
            counter!(EVENTS_DROPPED.name, "level" => level.as_str(), "reason" => reason.as_str())
                .absolute(dropped);
        }
    }
    gauge!(QUEUE_DEPTH.name).set(to_f64(counts.queued_bytes as u64));
    gauge!(QUEUE_CAPACITY.name).set(to_f64(counts.capacity_bytes as u64));
    gauge!(INGEST_LAG.name).set(lag(status));
    gauge!(INDEX_BYTES.name).set(to_f64(status.bytes));
    gauge!(INDEX_MAX_BYTES.name).set(to_f64(*max_bytes));
    gauge!(INDEX_DOCS.name).set(to_f64(status.records));
    gauge!(INDEX_OLDEST.name).set(status.oldest.map_or(0.0, seconds));
    gauge!(NOTICES.name).set(to_f64(status.notices.len() as u64));
}

/// Every label set of the histograms, so that they are there before the first observation.
pub fn touch() {
    for outcome in Outcome::ALL {
        drop(histogram!(SEARCH_DURATION.name, "outcome" => outcome.as_str()));
    }
    drop(histogram!(COMMIT_DURATION.name));
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With a whole answer.
    Ok,
    /// At its deadline, with a part of the answer or none.
    Timeout,
    /// With an error.
    Error,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Timeout, Self::Error];

    /// The value of the label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Timeout => "timeout",
            Self::Error => "error",
        }
    }
}

impl From<&StoreError> for Outcome {
    fn from(error: &StoreError) -> Self {
        match error.kind {
            StoreErrorKind::Timeout => Self::Timeout,
            StoreErrorKind::Unavailable | StoreErrorKind::Internal => Self::Error,
        }
    }
}

/// A search has ended.
pub fn search_ended(outcome: Outcome, duration: Duration) {
    histogram!(SEARCH_DURATION.name, "outcome" => outcome.as_str()).record(duration);
}

/// Records were brought into the index.
pub fn committed(duration: Duration) {
    histogram!(COMMIT_DURATION.name).record(duration);
}

fn lag(status: &StoreStatus) -> f64 {
    seconds(crate::clock::now().saturating_sub(status.searchable_until).max(0))
}

#[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 fit until the year 2255")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1_000_000.0
}

#[expect(clippy::cast_precision_loss, reason = "nobody reads the last digit of so many bytes")]
fn to_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Kind;

    #[test]
    fn names_follow_the_rules_of_prometheus() {
        for metric in CATALOGUE {
            assert!(metric.name.starts_with("logsearch_"), "{}", metric.name);
            assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"));
            let has_unit = |unit| metric.name.contains(unit);
            match metric.unit {
                crate::metrics::Unit::Bytes => assert!(has_unit("_bytes"), "{}", metric.name),
                crate::metrics::Unit::Seconds => assert!(has_unit("_seconds"), "{}", metric.name),
                _ => {}
            }
            if let Kind::Histogram(bounds) = metric.kind {
                assert!(bounds.is_sorted(), "{}", metric.name);
            }
        }
    }
}
