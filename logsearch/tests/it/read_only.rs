//! Looking at a store that somebody else owns: everything is found, nothing is changed.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use logsearch::embedded::{EmbeddedStore, OpenError, Options};
use logsearch::query::Query;
use logsearch::record::{Level, LogRecord};
use logsearch::store::{LogStore, TimeRange};

const TIMEOUT: Duration = Duration::from_mins(1);

fn options() -> Options {
    Options {
        writer_bytes: 15_000_000,
        min_free_bytes: 0,
        max_age: Duration::from_hours(1_000 * 365 * 24),
        ..Options::default()
    }
}

async fn append(store: &EmbeddedStore, count: usize) {
    let record = LogRecord {
        timestamp: 1_793_491_200_000_000,
        sequence: 0,
        level: Level::Info,
        target: "test".into(),
        message: "to be looked at".into(),
        fields: Vec::new(),
    };
    store.append(vec![record; count]).await.unwrap();
}

async fn count(store: &EmbeddedStore) -> u64 {
    store.count(TimeRange::ALL, &Query::Text("looked".into())).await.unwrap()
}

/// Every file and directory below, with size and time of change.
fn below(root: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root).unwrap() {
        let (path, meta) = entry.map(|entry| (entry.path(), entry.metadata().unwrap())).unwrap();
        if meta.is_dir() {
            found.extend(below(&path));
        }
        found.insert(path, (meta.len(), meta.modified().unwrap()));
    }
    found
}

async fn until(store: &EmbeddedStore, wanted: u64) {
    let started = Instant::now();
    while count(store).await != wanted {
        assert!(started.elapsed() < TIMEOUT, "{} of {wanted}", count(store).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_running_store_is_followed_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let owner = EmbeddedStore::open(directory.path(), options()).unwrap();
    append(&owner, 300).await;
    assert!(owner.flush(TIMEOUT).await);
    append(&owner, 200).await;
    let reader = EmbeddedStore::open_read_only(directory.path(), options()).unwrap();
    assert_eq!(count(&reader).await, 500, "index and write-ahead log");
    append(&owner, 100).await;
    until(&reader, 600).await;
    assert!(owner.flush(TIMEOUT).await, "the owner goes on");
    until(&reader, 600).await;
    assert_eq!(count(&owner).await, 600);
}

#[tokio::test]
async fn a_copy_that_cannot_be_written_is_read_whole_and_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let owner = EmbeddedStore::open(directory.path(), options()).unwrap();
    append(&owner, 300).await;
    assert!(owner.flush(TIMEOUT).await);
    append(&owner, 200).await;
    drop(owner);
    let before = below(directory.path());
    let directories = || before.keys().filter(|path| path.is_dir());
    let set = |mode: u32| {
        directories().for_each(|path| {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        });
    };
    set(0o500);
    let reader = EmbeddedStore::open_read_only(directory.path(), options()).unwrap();
    assert_eq!(count(&reader).await, 500);
    drop(reader);
    set(0o700);
    assert_eq!(below(directory.path()), before);
}

#[tokio::test]
async fn a_partition_without_an_index_is_said_to_be_missing() {
    let directory = tempfile::tempdir().unwrap();
    let owner = EmbeddedStore::open(directory.path(), options()).unwrap();
    append(&owner, 300).await;
    assert!(owner.flush(TIMEOUT).await);
    drop(owner);
    let partition = fs::read_dir(directory.path().join("index")).unwrap().next().unwrap().unwrap();
    fs::remove_file(partition.path().join("index/meta.json")).unwrap();
    let before = below(directory.path());
    let reader = EmbeddedStore::open_read_only(directory.path(), options()).unwrap();
    assert!(reader.count(TimeRange::ALL, &Query::All).await.is_err(), "a part is no answer");
    assert!(!reader.unindexed().is_empty());
    let notices = reader.status().await.unwrap().notices.join("; ");
    assert!(notices.contains("cannot be searched"), "{notices}");
    drop(reader);
    assert_eq!(below(directory.path()), before, "nothing is repaired");
}

#[test]
fn where_there_is_nothing_nothing_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("logs");
    let opened = EmbeddedStore::open_read_only(&missing, options());
    assert!(matches!(opened, Err(OpenError::Unreadable { .. })));
    assert!(!missing.exists());
}
