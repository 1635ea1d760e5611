//! What somebody removed from under a running store, or put into the place of something else: noticed, told,
//! and made up for as far as there are records.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use logsearch::embedded::{EmbeddedStore, Options, verify};
use logsearch::query::Query;
use logsearch::record::{Level, LogRecord};
use logsearch::store::{LogStore, TimeRange};

const TIMEOUT: Duration = Duration::from_mins(1);

fn options() -> Options {
    Options {
        writer_bytes: 15_000_000,
        min_free_bytes: 0,
        max_age: Duration::from_hours(1_000 * 365 * 24),
        commit_interval: Duration::from_hours(1),
        ..Options::default()
    }
}

async fn append(store: &EmbeddedStore, count: usize) {
    let record = LogRecord {
        timestamp: 1_793_491_200_000_000,
        sequence: 0,
        level: Level::Info,
        target: "test".into(),
        message: "to be kept".into(),
        fields: Vec::new(),
    };
    store.append(vec![record; count]).await.unwrap();
}

/// Waits until so many records are found and a notice has these words.
async fn until(store: &EmbeddedStore, wanted: u64, words: &str) {
    let started = Instant::now();
    loop {
        store.wal().tick();
        let found = store.count(TimeRange::ALL, &Query::All).await.ok();
        let notices = store.status().await.unwrap().notices;
        if found == Some(wanted) && notices.iter().any(|notice| notice.contains(words)) {
            return;
        }
        assert!(started.elapsed() < TIMEOUT, "{found:?} of {wanted}: {notices:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn reopened(root: &Path) -> u64 {
    let store = EmbeddedStore::open(root, options()).unwrap();
    store.count(TimeRange::ALL, &Query::All).await.unwrap()
}

#[tokio::test]
async fn a_removed_index_is_written_again_from_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), options()).unwrap();
    append(&store, 300).await;
    assert!(store.flush(TIMEOUT).await);
    append(&store, 50).await;
    fs::remove_dir_all(directory.path().join("index")).unwrap();
    until(&store, 350, "restored from the write-ahead log").await;
    append(&store, 50).await;
    assert!(store.flush(TIMEOUT).await);
    until(&store, 400, "restored").await;
    drop(store);
    assert_eq!(reopened(directory.path()).await, 400);
    assert!(verify(directory.path()).unwrap().is_sound());
}

#[tokio::test]
async fn a_removed_write_ahead_log_is_started_again_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), options()).unwrap();
    append(&store, 300).await;
    fs::remove_dir_all(directory.path().join("wal")).unwrap();
    until(&store, 300, "the write-ahead log was removed").await;
    append(&store, 100).await;
    let started = Instant::now();
    // The index has what the removed file had, and the new file the rest, without any orderly end.
    loop {
        let seen = EmbeddedStore::open_read_only(directory.path(), options()).unwrap();
        if seen.count(TimeRange::ALL, &Query::All).await.is_ok_and(|count| count == 400) {
            break;
        }
        assert!(started.elapsed() < TIMEOUT, "{:?}", seen.status().await);
    }
    drop(store);
    assert_eq!(reopened(directory.path()).await, 400);
}

#[tokio::test]
async fn nothing_in_the_place_of_something_else_stops_a_store() {
    for misplaced in ["", "index", "quarantine", "wal/lock", "wal/00000000000000000000.log"] {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("logs");
        let place = root.join(misplaced);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        if misplaced.starts_with("wal/") {
            fs::create_dir_all(&place).unwrap();
        } else {
            fs::write(if misplaced.is_empty() { &root } else { &place }, "").unwrap();
        }
        let store = EmbeddedStore::open(&root, options()).unwrap();
        append(&store, 10).await;
        assert!(store.flush(TIMEOUT).await, "{misplaced}");
        let notices = store.status().await.unwrap().notices.join("; ");
        assert!(notices.contains("set aside"), "{misplaced}: {notices}");
        drop(store);
        assert_eq!(reopened(&root).await, 10, "{misplaced}");
    }
}

#[tokio::test]
async fn what_an_attempt_left_behind_does_not_stop_the_next() {
    for leftover in ["rows", "index", "format.json"] {
        let directory = tempfile::tempdir().unwrap();
        let first = directory.path().join("index/p-00000000000000000000");
        let store = EmbeddedStore::open(directory.path(), options()).unwrap();
        fs::create_dir_all(&first).unwrap();
        fs::write(first.join(leftover), "half").unwrap();
        append(&store, 10).await;
        assert!(store.flush(TIMEOUT).await, "{leftover}: {:?}", store.status().await);
    }
}

#[tokio::test]
async fn a_repaired_log_and_one_in_use_are_sound() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), options()).unwrap();
    append(&store, 300).await;
    append(&store, 300).await;
    drop(store);
    let segment = fs::read_dir(directory.path().join("wal")).unwrap();
    let segment = segment.map(|entry| entry.unwrap().path());
    let mut segments = segment;
    let segment = segments.find(|path| path.extension().is_some()).unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    // The first of two frames.
    bytes[60] ^= 0xff;
    fs::write(&segment, bytes).unwrap();
    fs::remove_dir_all(directory.path().join("index")).unwrap();
    assert!(!verify(directory.path()).unwrap().is_sound(), "nothing has these records");
    let store = EmbeddedStore::open(directory.path(), options()).unwrap();
    append(&store, 10).await;
    assert!(store.flush(TIMEOUT).await);
    for _ in 0..20 {
        append(&store, 500).await;
        let found = verify(directory.path()).unwrap();
        assert!(found.is_sound(), "{found:?}");
    }
    drop(store);
    let found = verify(directory.path()).unwrap();
    assert!(found.is_sound(), "{found:?}");
}
