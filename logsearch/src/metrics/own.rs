//! The metrics of the log pipeline itself, under names that begin as its host wants.
//!
//! Nothing here is published by itself: [`Names::publish`] takes a look when the program renders its
//! metrics; only what is timed is recorded as it happens.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use crate::disk_status::DiskStatus;
use crate::record::Level;
use crate::store::{StoreError, StoreErrorKind, StoreStatus};
use crate::writer::{Counts, Reason};

/// Declares the metrics of a log pipeline under a prefix: a catalogue of them, and `PIPELINE`, their
/// [`Names`] for [`embedded::Options`](crate::embedded::Options).
///
/// ```
/// logsearch::pipeline_metrics!("cafe_log");
/// assert_eq!(EVENTS.name, "cafe_log_events_total");
/// assert_eq!(PIPELINE.events, EVENTS.name);
/// assert_eq!(CATALOGUE.len(), 14);
/// ```
#[macro_export]
macro_rules! pipeline_metrics {
    ($prefix:literal) => {
        $crate::catalogue! {
            /// Log records emitted, including dropped ones.
            EVENTS: Counter(concat!($prefix, "_events_total"), Count, "level");
            /// Log records dropped before they were searchable.
            EVENTS_DROPPED: Counter(concat!($prefix, "_events_dropped_total"), Count, "reason");
            /// Log records not written to standard error or the log file; they are searchable all the same.
            SINK_DROPPED: Counter(concat!($prefix, "_sink_dropped_total"), Count, "sink");
            /// Bytes of log records waiting for the writer.
            QUEUE_DEPTH: Gauge(concat!($prefix, "_queue_depth"), None);
            /// Capacity of the log writer queue, in bytes.
            QUEUE_CAPACITY: Gauge(concat!($prefix, "_queue_capacity"), None);
            /// Age of the oldest log record that is not searchable yet; 0 if there is none.
            INGEST_LAG: Gauge(concat!($prefix, "_ingest_lag_seconds"), Seconds);
            /// Duration of index commits.
            COMMIT_DURATION: Histogram(concat!($prefix, "_commit_duration_seconds"), Seconds,
                [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);
            /// Size of log index and write-ahead log on disk.
            INDEX_BYTES: Gauge(concat!($prefix, "_index_bytes"), Bytes);
            /// Size limit of log index and write-ahead log.
            INDEX_MAX_BYTES: Gauge(concat!($prefix, "_index_max_bytes"), Bytes);
            /// Searchable log records.
            INDEX_DOCS: Gauge(concat!($prefix, "_index_docs"), Count);
            /// Segments of the log index.
            INDEX_SEGMENTS: Gauge(concat!($prefix, "_index_segments"), Count);
            /// Timestamp of the oldest searchable log record; 0 if there is none.
            INDEX_OLDEST: Gauge(concat!($prefix, "_index_oldest_timestamp_seconds"), Seconds);
            /// Problems of the log store, such as quarantined partitions.
            NOTICES: Gauge(concat!($prefix, "_notices"), Count);
            /// Duration of log searches and aggregations.
            SEARCH_DURATION: Histogram(concat!($prefix, "_search_duration_seconds"), Seconds,
                [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0],
                "outcome");
        }

        /// The names of the catalogue's entries.
        pub const PIPELINE: $crate::metrics::own::Names = $crate::metrics::own::Names {
            events: EVENTS.name,
            events_dropped: EVENTS_DROPPED.name,
            sink_dropped: SINK_DROPPED.name,
            queue_depth: QUEUE_DEPTH.name,
            queue_capacity: QUEUE_CAPACITY.name,
            ingest_lag: INGEST_LAG.name,
            commit_duration: COMMIT_DURATION.name,
            index_bytes: INDEX_BYTES.name,
            index_max_bytes: INDEX_MAX_BYTES.name,
            index_docs: INDEX_DOCS.name,
            index_segments: INDEX_SEGMENTS.name,
            index_oldest: INDEX_OLDEST.name,
            notices: NOTICES.name,
            search_duration: SEARCH_DURATION.name,
        };
    };
}

crate::pipeline_metrics!("logsearch");

/// The metric names of a pipeline; each field names the catalogue entry of that name. Created by
/// [`pipeline_metrics!`](crate::pipeline_metrics).
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Name of the metric [`EVENTS`].
    pub events: &'static str,
    /// Name of the metric [`EVENTS_DROPPED`].
    pub events_dropped: &'static str,
    /// Name of the metric [`SINK_DROPPED`].
    pub sink_dropped: &'static str,
    /// Name of the metric [`QUEUE_DEPTH`].
    pub queue_depth: &'static str,
    /// Name of the metric [`QUEUE_CAPACITY`].
    pub queue_capacity: &'static str,
    /// Name of the metric [`INGEST_LAG`].
    pub ingest_lag: &'static str,
    /// Name of the metric [`COMMIT_DURATION`].
    pub commit_duration: &'static str,
    /// Name of the metric [`INDEX_BYTES`].
    pub index_bytes: &'static str,
    /// Name of the metric [`INDEX_MAX_BYTES`].
    pub index_max_bytes: &'static str,
    /// Name of the metric [`INDEX_DOCS`].
    pub index_docs: &'static str,
    /// Name of the metric [`INDEX_SEGMENTS`].
    pub index_segments: &'static str,
    /// Name of the metric [`INDEX_OLDEST`].
    pub index_oldest: &'static str,
    /// Name of the metric [`NOTICES`].
    pub notices: &'static str,
    /// Name of the metric [`SEARCH_DURATION`].
    pub search_duration: &'static str,
}

impl Names {
    /// Sets counters and gauges to a snapshot.
    pub fn publish(&self, snapshot: &Snapshot) {
        let Snapshot { counts, status, disk } = snapshot;
        for level in Level::ALL {
            let emitted = counts.emitted[level as usize];
            counter!(self.events, "level" => level.as_upper_str()).absolute(emitted);
        }
        for label in DROPPED {
            let reasons = Reason::ALL.into_iter().filter(|reason| label_of(*reason) == label);
            let dropped: u64 = reasons.map(|reason| counts.dropped_for(reason)).sum();
            let earlier = if label == "shutdown" { counts.lost_at_last_shutdown } else { 0 };
            counter!(self.events_dropped, "reason" => label).absolute(dropped + earlier);
        }
        for (sink, dropped) in [("stderr", counts.stderr_dropped), ("file", counts.file_dropped)] {
            counter!(self.sink_dropped, "sink" => sink).absolute(dropped);
        }
        gauge!(self.queue_depth).set(to_f64(counts.queued_bytes as u64));
        gauge!(self.queue_capacity).set(to_f64(counts.capacity_bytes as u64));
        gauge!(self.ingest_lag).set(lag(status));
        gauge!(self.index_bytes).set(to_f64(status.bytes));
        gauge!(self.index_max_bytes).set(to_f64(disk.limits.max_bytes));
        gauge!(self.index_docs).set(to_f64(status.records));
        gauge!(self.index_segments).set(to_f64(disk.segments));
        gauge!(self.index_oldest).set(status.oldest.map_or(0.0, seconds));
        gauge!(self.notices).set(to_f64(status.notices.len() as u64));
    }

    /// Every label set of the histograms, so that they are there before the first observation.
    pub fn touch(&self) {
        for outcome in Outcome::ALL {
            drop(histogram!(self.search_duration, "outcome" => outcome.as_str()));
        }
        drop(histogram!(self.commit_duration));
    }

    /// Records the outcome and duration of a search.
    pub fn search_ended(&self, outcome: Outcome, duration: Duration) {
        histogram!(self.search_duration, "outcome" => outcome.as_str()).record(duration);
    }

    /// Records the duration of a commit.
    pub fn committed(&self, duration: Duration) {
        histogram!(self.commit_duration).record(duration);
    }
}

/// Values of the label `reason` for dropped records.
const DROPPED: [&str; 5] = ["queue_full", "too_large", "nested", "index_error", "shutdown"];

/// A slow and a full disk share one reason.
fn label_of(reason: Reason) -> &'static str {
    match reason {
        Reason::Disk | Reason::Evicted => "index_error",
        Reason::QueueFull | Reason::TooLarge | Reason::Nested | Reason::Shutdown => reason.as_str(),
    }
}

/// Snapshot for [`Names::publish`].
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Counters of the pipeline.
    pub counts: Counts,
    /// Status of the store.
    pub status: StoreStatus,
    /// How it lies on its disk.
    pub disk: DiskStatus,
}

/// Outcome of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Complete result.
    Ok,
    /// Timed out, with a partial result or none.
    Timeout,
    /// Failed.
    Error,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Timeout, Self::Error];

    /// The value of the label in metrics.
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
            StoreErrorKind::Unavailable | StoreErrorKind::Indexing | StoreErrorKind::Internal => {
                Self::Error
            }
        }
    }
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
            assert!(!metric.help.is_empty(), "{}", metric.name);
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

    #[test]
    fn every_reason_has_a_label() {
        for reason in Reason::ALL {
            assert!(DROPPED.contains(&label_of(reason)), "{reason:?}");
        }
    }
}
