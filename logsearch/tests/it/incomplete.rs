//! Whole or said to be partial: while records are not indexed yet, nobody takes a part for everything.

use std::fs;
use std::time::{Duration, Instant};

use logsearch::embedded::{EmbeddedStore, Options};
use logsearch::query::Query;
use logsearch::record::{Level, LogRecord};
use logsearch::store::{LogStore, Search, StoreErrorKind, TimeRange};

const TIMEOUT: Duration = Duration::from_mins(1);
const RECORDS: usize = 40_000;

fn options() -> Options {
    Options {
        writer_bytes: 15_000_000,
        min_free_bytes: 0,
        max_age: Duration::from_hours(1_000 * 365 * 24),
        commit_interval: Duration::from_hours(1),
        tail_bytes: 256 * 1024,
        ..Options::default()
    }
}

fn records(count: usize) -> Vec<LogRecord> {
    let record = |number: usize| LogRecord {
        timestamp: 1_793_491_200_000_000 + i64::try_from(number).unwrap(),
        sequence: 0,
        level: Level::Info,
        target: "test".into(),
        message: format!("record {number} of a flood"),
        fields: Vec::new(),
    };
    (0..count).map(record).collect()
}

/// A search and a count either have everything or say that they have not, until they have.
async fn is_never_wrong(store: &EmbeddedStore) {
    let (started, all) = (Instant::now(), RECORDS as u64);
    loop {
        let page = store.search(&Search::new(Query::All).oldest_first()).await.unwrap();
        let first = page.records.first().map(|record| record.message.clone());
        let is_whole = first.as_deref() == Some("record 0 of a flood");
        assert!(is_whole || page.still_indexing && page.partial, "{first:?}");
        assert_eq!(
            page.still_indexing,
            page.incomplete().is_some_and(|why| why.contains("indexing"))
        );
        match store.count(TimeRange::ALL, &Query::All).await {
            Ok(count) if count == all => return,
            Ok(count) => panic!("{count} of {all}"),
            Err(error) => assert_eq!(error.kind, StoreErrorKind::Indexing),
        }
        assert!(started.elapsed() < TIMEOUT, "still indexing");
    }
}

#[tokio::test]
async fn right_after_a_start_and_a_flood() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), options()).unwrap();
    for chunk in records(RECORDS).chunks(1_000) {
        store.append(chunk.to_vec()).await.unwrap();
    }
    is_never_wrong(&store).await;
    drop(store);
    fs::remove_dir_all(directory.path().join("index")).unwrap();
    let store = EmbeddedStore::open(directory.path(), options()).unwrap();
    let lag = store.status().await.unwrap().searchable_until;
    assert!(lag >= 1_793_491_200_000_000, "a lag of centuries: {lag}");
    is_never_wrong(&store).await;
    assert!(store.unindexed().is_empty());
}
