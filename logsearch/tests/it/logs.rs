//! The whole way of a record: emitted, found at once, watched live, in the text file, found again after a
//! restart, counted.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use logsearch::FileOptions;
use logsearch::Update;
use logsearch::query::parse;
use logsearch::record::LogRecord;
use logsearch::store::{LogStore, Search, TimeRange};
use logsearch::{Logs, Options};
use tracing::subscriber::with_default;
use tracing::{error, info, info_span};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

/// Far beyond what anything here takes.
const DEADLINE: Duration = Duration::from_secs(20);
const ALL_TIME: TimeRange = TimeRange { from: 0, to: i64::MAX };

async fn search(store: &dyn LogStore, query: &str) -> Vec<LogRecord> {
    let search = Search::new(parse(query).query).within(ALL_TIME).oldest_first().limit(10_000);
    store.search(&search).await.unwrap().records
}

fn options() -> Options {
    Options::default().span_level(None)
}

#[tokio::test]
async fn what_is_emitted_is_found_at_once_and_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (layer, logs) = Logs::start(directory.path(), options()).unwrap();
    with_default(registry().with(layer), || {
        info_span!("request", route = "/public", user = "anna").in_scope(|| {
            info!(status = 200, "served");
            error!(status = 503, "database is locked");
        });
    });
    assert!(logs.flush(DEADLINE));
    let found = search(&*logs.store(), "status:5xx route:/public").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].message, "database is locked");
    assert!(logs.shutdown(DEADLINE));
    drop(logs);

    let (_, logs) = Logs::start(directory.path(), options()).unwrap();
    assert_eq!(search(&*logs.store(), "user:anna").await.len(), 2);
    let snapshot = logs.snapshot().await.unwrap();
    assert_eq!(snapshot.status.records, 2);
    assert!(snapshot.status.notices.is_empty(), "{:?}", snapshot.status.notices);
}

#[tokio::test]
async fn errors_and_audit_records_are_on_the_disk_before_who_waits_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let (layer, logs) = Logs::start(directory.path(), options()).unwrap();
    assert!(logs.urgent_synced(DEADLINE).await, "nothing is under way");
    with_default(registry().with(layer), || {
        info!("usual");
        error!("broken");
        info!(target: "audit", "levels changed");
    });
    assert!(logs.urgent_synced(DEADLINE).await);
    assert_eq!(logs.wal().synced(), 3);
}

#[tokio::test]
async fn nobody_waits_for_a_disk_that_does_not_work() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("wal"), "no directory").unwrap();
    let (layer, logs) = Logs::start(directory.path(), options()).unwrap();
    with_default(registry().with(layer), || error!("broken"));
    let started = Instant::now();
    assert!(!logs.urgent_synced(DEADLINE).await);
    assert!(started.elapsed() < DEADLINE / 2, "{:?}", started.elapsed());
    assert_eq!(search(&*logs.store(), "broken").await.len(), 1, "it is found all the same");
}

#[tokio::test]
async fn a_watcher_gets_the_matching_records_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let (layer, logs) = Logs::start(directory.path(), options()).unwrap();
    let mut watcher = logs.subscribe(&parse("level>=error").query);
    with_default(registry().with(layer), || {
        for number in 0..50 {
            info!(number, "usual");
            error!(number, "failed {number}");
        }
    });
    let mut messages = Vec::new();
    while messages.len() < 50 {
        let update = tokio::time::timeout(DEADLINE, watcher.next()).await.unwrap();
        match update {
            Some(Update::Records(records)) => {
                messages.extend(records.into_iter().map(|record| record.message));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(messages, (0..50).map(|number| format!("failed {number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_slow_watcher_is_told_how_much_it_missed_and_the_writer_does_not_wait() {
    let directory = tempfile::tempdir().unwrap();
    let (layer, logs) = Logs::start(directory.path(), options()).unwrap();
    let mut watcher = logs.subscribe(&parse("").query);
    let mut emitted = 0_u64;
    with_default(registry().with(layer), || {
        for _ in 0..40 {
            for _ in 0..5 {
                info!("hello");
                emitted += 1;
            }
            assert!(logs.flush(DEADLINE));
        }
    });
    let missed = match tokio::time::timeout(DEADLINE, watcher.next()).await.unwrap() {
        Some(Update::Gap(missed)) => missed,
        other => panic!("{other:?}"),
    };
    assert_eq!(missed, emitted);
    assert_eq!(search(&*logs.store(), "hello").await.len() as u64, emitted);
    drop(logs);
    assert_eq!(tokio::time::timeout(DEADLINE, watcher.next()).await.unwrap(), None);
}

#[test]
fn the_text_file_has_a_line_a_record_and_rotates() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("service.log");
    let file = FileOptions { bytes: 4_000, files: 3, ..FileOptions::new(&path) };
    let options = options().text_file(file);
    let (layer, logs) = Logs::start(directory.path().join("logs"), options).unwrap();
    with_default(registry().with(layer), || {
        for number in 0..100 {
            info!(number, "two\nlines \u{1b}[31m\"quoted\"");
        }
    });
    assert!(logs.shutdown(DEADLINE));
    assert_eq!(logs.lost_to_file(), 0);
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let mut names: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["logs", "service.log", "service.log.1", "service.log.2"]);
    let texts = ["service.log.2", "service.log.1", "service.log"]
        .map(|name| read(&directory.path().join(name)));
    assert!(texts.iter().all(|text| text.len() <= 4_000));
    let numbers: Vec<i64> = texts
        .concat()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .inspect(|line| assert_eq!(line["message"], "two\nlines \u{1b}[31m\"quoted\""))
        .map(|line| line["number"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers.last(), Some(&99));
    assert!(numbers.is_sorted() && numbers.len() > 20 && numbers.len() < 100);
}

#[test]
fn the_text_files_are_five_of_5_mib_and_a_restart_goes_on_with_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("service.log");
    let file = FileOptions::new(&path);
    assert_eq!((file.bytes, file.files), (5 * 1024 * 1024, 5));
    let text = "x".repeat(40_000);
    let run = |records: usize| {
        let options = options().text_file(file.clone());
        let (layer, logs) = Logs::start(directory.path().join("logs"), options).unwrap();
        with_default(registry().with(layer), || {
            for _ in 0..records {
                info!("{text}");
                // As fast as the buffer would drop some.
                assert!(logs.flush(DEADLINE));
            }
        });
        assert!(logs.shutdown(DEADLINE));
        assert_eq!(logs.lost_to_file(), 0);
    };
    let sizes = || {
        let names = (0..6).map(|n| if n == 0 { String::new() } else { format!(".{n}") });
        names
            .filter_map(|end| fs::metadata(format!("{}{end}", path.display())).ok())
            .map(|file| file.len())
            .collect::<Vec<_>>()
    };
    run(100);
    let [first] = sizes()[..] else { panic!("{:?}", sizes()) };
    run(20);
    let [one] = sizes()[..] else { panic!("{:?}", sizes()) };
    assert!(one > first, "the file of the run before is added to");
    run(700);
    let sizes = sizes();
    assert_eq!(sizes.len(), 5, "{sizes:?}");
    let full = 5 * 1024 * 1024 - 41_000..=5 * 1024 * 1024;
    assert!(sizes[1..].iter().all(|size| full.contains(size)), "{sizes:?}");
}

#[test]
fn a_text_file_that_cannot_be_written_is_counted_and_harms_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = FileOptions::new(directory.path().join("missing/service.log"));
    let options = options().text_file(file);
    let (layer, logs) = Logs::start(directory.path().join("logs"), options).unwrap();
    with_default(registry().with(layer), || {
        for _ in 0..10 {
            info!("hello");
        }
    });
    assert!(logs.shutdown(DEADLINE));
    assert_eq!(logs.lost_to_file(), 10);
    assert_eq!(logs.counts().dropped_total(), 0);
    assert_eq!(logs.wal().status().next, 10);
}

#[tokio::test]
async fn emitted_equals_stored_plus_dropped_under_a_flood() {
    let directory = tempfile::tempdir().unwrap();
    let options = options().buffer_bytes(256 * 1024);
    let (layer, logs) = Logs::start(directory.path(), options).unwrap();
    let dispatch = tracing::Dispatch::new(registry().with(layer));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                tracing::dispatcher::with_default(&dispatch, || {
                    for number in 0..10_000 {
                        info!(number, "flood");
                        tracing::debug!(number, "flood");
                    }
                });
            });
        }
    });
    assert!(logs.flush(DEADLINE));
    let counts = logs.counts();
    let snapshot = logs.snapshot().await.unwrap();
    assert!(counts.dropped_total() > 0, "the flood was too small to prove anything");
    assert_eq!(counts.emitted_total(), snapshot.status.records + counts.dropped_total());
}

#[test]
fn records_can_be_searched_within_moments_of_their_emission() {
    let directory = tempfile::tempdir().unwrap();
    let (layer, logs) = Logs::start(directory.path(), options()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = logs.store();
    with_default(registry().with(layer), || {
        info!("needle");
        let start = Instant::now();
        while runtime.block_on(search(&*store, "needle")).is_empty() {
            assert!(start.elapsed() < DEADLINE, "it was never found");
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_finds_what_was_emitted_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let (layer, logs) = Logs::start(directory.path(), options()).unwrap();
    let (store, dispatch) = (logs.store(), tracing::Dispatch::new(registry().with(layer)));
    for number in 0..1_000 {
        tracing::dispatcher::with_default(&dispatch, || info!("own write w{number}"));
        let found = search(&*store, &format!("w{number}")).await;
        assert_eq!(found.len(), 1, "{number}");
    }
    assert_eq!(store.count(ALL_TIME, &parse("own").query).await.unwrap(), 1_000);
}

#[tokio::test]
async fn what_a_shutdown_cannot_write_is_counted_and_told_by_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let (wal, index) = (directory.path().join("wal"), directory.path().join("index"));
    let (layer, logs) = Logs::start(directory.path(), options()).unwrap();
    fs::remove_dir_all(&wal).unwrap();
    fs::remove_dir_all(&index).unwrap();
    // Neither takes anything from now on.
    fs::write(&wal, "").unwrap();
    fs::write(&index, "").unwrap();
    with_default(registry().with(layer), || (0..300).for_each(|_| info!("to be lost")));
    assert!(!logs.shutdown(Duration::from_secs(3)));
    let lost = logs.counts().dropped_for(logsearch::Reason::Shutdown);
    assert!(lost >= 300, "{lost}");
    assert!(logs.counts().dropped_total() >= lost);
    drop(logs);

    fs::remove_file(&wal).unwrap();
    fs::remove_file(&index).unwrap();
    let (_, logs) = Logs::start(directory.path(), options()).unwrap();
    assert_eq!(logs.counts().lost_at_last_shutdown, lost);
    let found = search(&*logs.store(), "target:logsearch lost").await;
    assert!(found[0].message.contains("lost at the last shutdown"), "{found:?}");
    let notices = logs.store().status().await.unwrap().notices.join("; ");
    assert!(notices.contains(&format!("{lost} log records were lost")), "{notices}");
    assert!(logs.shutdown(DEADLINE));
    drop(logs);
    let (_, logs) = Logs::start(directory.path(), options()).unwrap();
    assert_eq!(logs.counts().lost_at_last_shutdown, 0, "told once");
}
