//! The embedded store keeps every promise of a store, with sizes so small that the suite's records
//! fill partitions and segments, and with the sizes a service runs with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use logsearch::embedded::{EmbeddedStore, Options, PartitionState, PartitionStatus};
use logsearch::query::Query;
use logsearch::record::LogRecord;
use logsearch::store::{LogStore, TimeRange};
use logsearch::testing::WebLog;
use tempfile::TempDir;

fn open(options: Options) -> (Arc<dyn LogStore>, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), options).unwrap();
    (Arc::new(store), directory)
}

mod with_small_parts {
    use super::*;

    #[expect(clippy::unused_async, reason = "the suite awaits its store")]
    async fn open_small() -> (Arc<dyn LogStore>, TempDir) {
        let options = Options {
            partition_records: 900,
            commit_records: 100,
            commit_interval: Duration::from_millis(20),
            writer_bytes: 15_000_000,
            deadline: Duration::from_mins(1),
            max_age: Duration::from_hours(100 * 365 * 24),
            ..Options::default()
        };
        open(options)
    }

    logsearch::log_store_suite!(open_small());
}

mod as_a_service_runs_it {
    use super::*;

    #[expect(clippy::unused_async, reason = "the suite awaits its store")]
    async fn open_usual() -> (Arc<dyn LogStore>, TempDir) {
        // The log of the suite is of a certain day, however long ago that is.
        let (deadline, max_age) = (Duration::from_mins(1), Duration::MAX);
        open(Options { deadline, max_age, ..Options::default() })
    }

    logsearch::log_store_suite!(open_usual());
}

#[tokio::test]
async fn the_status_tells_each_partition_and_what_bounds_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { partition_records: 900, commit_records: 100, ..Options::default() };
    let limits = (options.max_age, options.max_bytes, options.min_free_bytes);
    let store = EmbeddedStore::open(directory.path(), options).unwrap();
    assert_eq!(store.disk_status().partitions, []);
    let now = jiff::Timestamp::now().as_microsecond();
    for hundred in 0..20 {
        let record = |number| record_at(now + hundred * 100 + number);
        store.append((0..100).map(record).collect()).await.unwrap();
        assert!(store.flush(Duration::from_secs(30)).await);
    }
    let status = store.disk_status();
    let parts = status.partitions;
    let doing: Vec<_> = parts.iter().map(|part| part.state).collect();
    assert_eq!(doing, [PartitionState::Closed, PartitionState::Closed, PartitionState::Active]);
    assert_eq!(parts.iter().map(|part| part.records).collect::<Vec<_>>(), [900, 900, 200]);
    let spans: Vec<_> = parts.iter().map(|part| part.span.unwrap()).collect();
    assert_eq!(spans, [(now, now + 899), (now + 900, now + 1_799), (now + 1_800, now + 1_999)]);
    assert!(parts.iter().all(|part| part.bytes > 0 && part.segments > 0), "{parts:?}");
    let told = status.limits;
    assert_eq!((told.max_age, told.max_bytes, told.min_free_bytes), limits);
    assert!(told.free_bytes.is_some_and(|free| free > 0));
    assert!(status.unsynced <= 2_000);
}

#[tokio::test]
async fn the_parts_of_a_status_are_within_its_whole() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { partition_records: 900, max_age: Duration::MAX, ..Options::default() };
    let store = EmbeddedStore::open(directory.path(), options).unwrap();
    store.append(WebLog::new(3).take(2_000).collect()).await.unwrap();
    assert!(store.flush(Duration::from_secs(30)).await);
    let (status, disk) = (store.status().await.unwrap(), store.disk_status());
    assert_eq!((status.records, disk.partitions.len()), (2_000, 3));
    let sum = |part: fn(&PartitionStatus) -> u64| disk.partitions.iter().map(part).sum::<u64>();
    assert!(sum(|part| part.records) <= status.records);
    assert!(sum(|part| part.bytes) <= status.bytes);
    assert!(sum(|part| part.segments) <= disk.segments);
    assert!(disk.unsynced <= status.records);
    for part in &disk.partitions {
        let (from, to) = part.span.unwrap();
        let inside = store.count(TimeRange { from, to: to + 1 }, &Query::All).await.unwrap();
        assert!(inside >= part.records, "{part:?} has {inside} records in its span");
        assert!(status.oldest.is_some_and(|oldest| oldest <= from), "{part:?} is older than all");
    }
}

#[tokio::test]
async fn a_partition_takes_records_from_its_start_on_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let now = jiff::Timestamp::now().as_microsecond();
    for round in 0..2 {
        // Nothing is committed before the end, so that housekeeping does not get to it.
        let options = Options { commit_interval: Duration::from_hours(1), ..Options::default() };
        let store = EmbeddedStore::open(directory.path(), options).unwrap();
        store.append(vec![record_at(now + round)]).await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let parts = store.disk_status().partitions;
            if parts.iter().any(|part| part.state == PartitionState::Active) {
                assert_eq!(parts.len(), 1);
                break;
            }
            assert!(Instant::now() < deadline, "{parts:?} in round {round}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

fn record_at(timestamp: i64) -> LogRecord {
    let mut record = WebLog::new(1).next().unwrap();
    record.timestamp = timestamp;
    record
}
