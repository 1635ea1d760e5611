//! Nothing that is recorded or asked costs more than its bound: names of fields, age, room on the disk,
//! the time and the stack of a query.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logsearch::embedded::{EmbeddedStore, Options};
use logsearch::query::{Query, parse};
use logsearch::record::{Level, LogRecord, Value};
use logsearch::store::{LogStore, Search, TimeRange};
use logsearch::testing::WebLog;

const TIMEOUT: Duration = Duration::from_mins(1);
const HOUR: i64 = 3_600_000_000;

fn options() -> Options {
    Options {
        writer_bytes: 15_000_000,
        commit_interval: Duration::from_millis(50),
        deadline: Duration::from_mins(1),
        max_age: Duration::from_hours(1_000 * 365 * 24),
        min_free_bytes: 0,
        ..Options::default()
    }
}

fn record(timestamp: i64, fields: Vec<(String, Value)>) -> LogRecord {
    LogRecord {
        timestamp,
        sequence: 0,
        level: Level::Info,
        target: "bounds".into(),
        message: "a record".into(),
        fields,
    }
}

async fn count(store: &dyn LogStore, query: &str) -> u64 {
    store.count(TimeRange::ALL, &parse(query).query).await.unwrap()
}

/// Waits until a search finds that many records.
async fn wait_for_count(store: &dyn LogStore, wanted: impl Fn(u64) -> bool) -> u64 {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let found = count(store, "*").await;
        if wanted(found) {
            return found;
        }
        assert!(Instant::now() < deadline, "still {found}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

fn bytes_below(path: &Path) -> u64 {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => bytes_below(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_names_of_fields_cost_little_and_all_can_be_searched() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), options()).unwrap();
    let named = |number: i64| {
        let name = format!("dynamic.name_{number}");
        record(now(), vec![(name, Value::Int(number)), ("always.there".into(), Value::Int(1))])
    };
    for chunk in (0..10_000).collect::<Vec<i64>>().chunks(500) {
        store.append(chunk.iter().map(|number| named(*number)).collect()).await.unwrap();
    }
    assert!(store.flush(TIMEOUT).await);
    // The first thousand have columns, the others are found by name and looked at.
    for number in [0, 7, 999, 1_000, 5_000, 9_999] {
        let name = format!("dynamic.name_{number}");
        assert_eq!(count(&store, &format!("{name}:{number}")).await, 1, "{name}");
        assert_eq!(count(&store, &format!("{name}:*")).await, 1, "{name}");
        assert_eq!(count(&store, &format!("{name}>{number}")).await, 0, "{name}");
        assert_eq!(count(&store, &format!("-{name}:*")).await, 9_999, "{name}");
    }
    assert_eq!(count(&store, "always.there:1").await, 10_000);
    let bytes = bytes_below(&directory.path().join("index"));
    assert!(bytes < 4_000_000, "{bytes} bytes for ten thousand small records");
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_too_old_go_and_the_others_stay() {
    let directory = tempfile::tempdir().unwrap();
    let old = now() - 60 * HOUR;
    let options = || Options { partition_records: 1_000, ..options() };
    let store = EmbeddedStore::open(directory.path(), options()).unwrap();
    for day in 0..3 {
        let time = |n: i64| old + day * 24 * HOUR + n;
        store.append((0..1_000).map(|n| record(time(n), Vec::new())).collect()).await.unwrap();
    }
    store.append((0..10).map(|n| record(now() + n, Vec::new())).collect()).await.unwrap();
    assert!(store.flush(TIMEOUT).await);
    assert_eq!(count(&store, "*").await, 3_010);
    drop(store);
    let max_age = Duration::from_hours(48);
    let store = EmbeddedStore::open(directory.path(), Options { max_age, ..options() }).unwrap();
    // Something to commit, which is when age is looked at next.
    store.append(vec![record(now(), Vec::new())]).await.unwrap();
    assert_eq!(wait_for_count(&store, |found| found < 3_011).await, 2_011);
    // It is found no more before its files are gone.
    let deadline = Instant::now() + TIMEOUT;
    while fs::read_dir(directory.path().join("index")).unwrap().count() > 3 {
        assert!(Instant::now() < deadline, "whole partitions go, with their directories");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_ends_with_the_day_and_when_it_is_large() {
    let directory = tempfile::tempdir().unwrap();
    let midnight = 20_000 * 24 * HOUR;
    let options = || Options { commit_records: 200, ..options() };
    let store = EmbeddedStore::open(directory.path(), options()).unwrap();
    let spans = |store: &EmbeddedStore| {
        let parts = store.disk_status().partitions;
        parts.into_iter().map(|part| part.span.unwrap()).collect::<Vec<_>>()
    };
    let evening = (-2_000..2_000).map(|n| record(midnight + n, Vec::new()));
    store.append(evening.collect()).await.unwrap();
    // Late ones of the day before stay where records are written.
    store.append(vec![record(midnight - 1, Vec::new())]).await.unwrap();
    assert!(store.flush(TIMEOUT).await);
    let days = [(midnight - 2_000, midnight - 1), (midnight - 1, midnight + 1_999)];
    assert_eq!(spans(&store), days);
    drop(store);

    let small = Options { partition_bytes: 40_000, ..options() };
    let store = EmbeddedStore::open(directory.path(), small).unwrap();
    for round in 0..20 {
        let times = (0..200).map(|n| midnight + HOUR + round * 200 + n);
        store.append(times.map(|time| record(time, Vec::new())).collect()).await.unwrap();
        assert!(store.flush(TIMEOUT).await);
    }
    assert!(spans(&store).len() > 4, "{:?}", spans(&store));
    assert_eq!(count(&store, "*").await, 8_001);
}

#[tokio::test(flavor = "multi_thread")]
async fn below_the_floor_of_free_disk_the_oldest_go_and_it_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let options = || Options { partition_records: 1_000, ..options() };
    let store = EmbeddedStore::open(directory.path(), options()).unwrap();
    store.append((0..4_500).map(|n| record(now() + n, Vec::new())).collect()).await.unwrap();
    assert!(store.flush(TIMEOUT).await);
    drop(store);
    // No disk has so much left.
    let floor = Options { min_free_bytes: u64::MAX, ..options() };
    let store = EmbeddedStore::open(directory.path(), floor).unwrap();
    store.append(vec![record(now() + 5_000, Vec::new())]).await.unwrap();
    assert_eq!(wait_for_count(&store, |found| found < 1_000).await, 501, "the newest stay");
    let notices = store.status().await.unwrap().notices;
    assert!(notices.iter().any(|notice| notice.contains("disk is almost full")), "{notices:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lock_files_left_behind_keep_nobody_out() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), options()).unwrap();
    store.append((0..100).map(|n| record(n, Vec::new())).collect()).await.unwrap();
    assert!(store.flush(TIMEOUT).await);
    drop(store);
    let partition = fs::read_dir(directory.path().join("index")).unwrap().next().unwrap().unwrap();
    for lock in [".tantivy-writer.lock", ".tantivy-meta.lock"] {
        fs::write(partition.path().join("index").join(lock), "4711").unwrap();
    }
    fs::write(directory.path().join("wal/lock"), "4711").unwrap();
    let store = EmbeddedStore::open(directory.path(), options()).unwrap();
    store.append(vec![record(100, Vec::new())]).await.unwrap();
    assert!(store.flush(TIMEOUT).await);
    assert_eq!(count(&store, "*").await, 101);
    assert_eq!(store.status().await.unwrap().notices, Vec::<String>::new());
}

/// Each once as it is, and repeated until it has 64 KiB.
const HOSTILE: &[&str] = &[
    "(",
    "NOT ",
    "-(",
    "a AND ",
    "a OR ",
    "\"a b\" ",
    "\\",
    "[",
    "level:(",
    "*",
    "?",
    "a* ",
    "*a* ",
    "target:*i*n*i* ",
    "path:*a*e*i*o*u* ",
    "x.y:[* TO *] ",
    "status:[1e300 TO -1e300] ",
    "duration>99999999999999999999999 ",
    "event.sequence:-99999999999 ",
    "path=~\".*\" ",
    "path=~\"(a{1,50}){1,50}\" ",
    "path=~\"(.*.*.*)*$\" ",
    "message=~\"(?i)(x+x+)+y\" ",
    "_source:x ",
    "f.<b onerror=alert(1)>:x ",
    "\u{0}",
    "\u{202e}\u{2066}",
    "é🎉",
    "request_id:f* OR ",
];

/// Threads of a runtime have 2 MiB of stack; what overflows it ends the process.
#[test]
fn every_hostile_query_has_an_answer() {
    let directory = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(2 << 20)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let limits = Options { deadline: Duration::from_secs(1), ..options() };
        let store = Arc::new(EmbeddedStore::open(directory.path(), limits).unwrap());
        store.append(WebLog::new(3).take(20_000).collect()).await.unwrap();
        assert!(store.flush(TIMEOUT).await);
        // The memory tail as well.
        store.append(WebLog::new(4).take(2_000).collect()).await.unwrap();
        for piece in HOSTILE {
            for text in [(*piece).to_owned(), piece.repeat((64 << 10) / piece.len())] {
                let (store, started) = (Arc::clone(&store), Instant::now());
                let asked = tokio::spawn(async move {
                    let query = parse(&text).query;
                    let page = store.search(&Search::new(query.clone()).limit(100)).await;
                    (page, store.count(TimeRange::ALL, &query).await)
                });
                let (page, counted) = asked.await.unwrap();
                // Not a measurement: an unoptimized build on a busy machine is slow, but it ends.
                let took = started.elapsed();
                assert!(took < TIMEOUT, "{piece:?} took {took:?}");
                assert!(page.is_ok(), "{piece:?} {page:?}");
                drop(counted);
            }
        }
        let all = store.search(&Search::new(Query::All).limit(1)).await.unwrap();
        assert_eq!(all.records.len(), 1, "and the store is as it was");
    });
}
