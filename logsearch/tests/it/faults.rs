//! What can happen to a store's directory, done to real files: the store starts, says what it found,
//! and finds every record it still has.

#![expect(
    clippy::print_stdout,
    reason = "skips are said, and a child tells its parent what is acknowledged"
)]

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use logsearch::embedded::{EmbeddedStore, OpenError, Options, verify};
use logsearch::query::Query;
use logsearch::record::{Level, LogRecord, Value};
use logsearch::store::{LogStore, Search, StoreStatus, TimeRange};

const TIMEOUT: Duration = Duration::from_mins(1);
const DAY: i64 = 24 * 3_600_000_000;
const START: i64 = 20_000 * DAY;

fn options() -> Options {
    Options {
        partition_records: 1_000,
        commit_records: 400,
        commit_interval: Duration::from_millis(50),
        writer_bytes: 15_000_000,
        deadline: Duration::from_mins(1),
        max_age: Duration::from_hours(1_000 * 365 * 24),
        min_free_bytes: 0,
        ..Options::default()
    }
}

fn record(number: i64) -> LogRecord {
    LogRecord {
        timestamp: START + number * 1_000,
        sequence: 0,
        level: Level::Info,
        target: "faults".into(),
        message: format!("record number {number} {}", number.wrapping_mul(2_654_435_761)),
        fields: vec![("test.number".into(), Value::Int(number))],
    }
}

async fn append(store: &EmbeddedStore, numbers: std::ops::Range<i64>) {
    for chunk in numbers.collect::<Vec<_>>().chunks(100) {
        store.append(chunk.iter().map(|number| record(*number)).collect()).await.unwrap();
    }
}

/// A closed store of three partitions.
async fn three_partitions(root: &Path) -> Vec<PathBuf> {
    let store = EmbeddedStore::open(root, options()).unwrap();
    append(&store, 0..2_500).await;
    assert!(store.flush(TIMEOUT).await);
    drop(store);
    let mut partitions: Vec<PathBuf> =
        fs::read_dir(root.join("index")).unwrap().map(|entry| entry.unwrap().path()).collect();
    partitions.sort();
    assert_eq!(partitions.len(), 3);
    partitions
}

async fn count(store: &EmbeddedStore) -> u64 {
    store.count(TimeRange::ALL, &Query::All).await.unwrap()
}

async fn numbers(store: &EmbeddedStore) -> Vec<i64> {
    let query = Arc::new(Query::Text("record".into()));
    let mut search = Search::new(query).oldest_first().limit(10_000);
    let mut numbers = Vec::new();
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let page = store.search(&search).await.unwrap();
        if page.partial {
            // Part of the index turned out to be broken. Pages say so until it is rebuilt.
            assert!(Instant::now() < deadline, "still partial: {:?}", store.status().await);
            tokio::time::sleep(Duration::from_millis(5)).await;
            (search.after, numbers) = (None, Vec::new());
            continue;
        }
        numbers.extend(page.records.iter().map(|record| match record.field("test.number") {
            Some(Value::Int(number)) => *number,
            other => panic!("{other:?}"),
        }));
        let Some(next) = page.next else { return numbers };
        search.after = Some(next);
    }
}

/// Waits until the store's condition is as wanted; fails with what it was instead.
async fn wait_for(store: &EmbeddedStore, wanted: impl Fn(&StoreStatus) -> bool) -> StoreStatus {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let status = store.status().await.unwrap();
        if wanted(&status) {
            return status;
        }
        assert!(Instant::now() < deadline, "still {status:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Files of a partition's index with an extension or name.
fn files(partition: &Path, kind: &str) -> Vec<PathBuf> {
    let directory = if matches!(kind, "rows" | "format.json") {
        partition.to_owned()
    } else {
        partition.join("index")
    };
    let is_kind = |path: &PathBuf| {
        path.extension().or_else(|| path.file_name()) == Some(kind.as_ref()) || path.ends_with(kind)
    };
    let found: Vec<_> =
        fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()).filter(is_kind).collect();
    assert!(!found.is_empty(), "no {kind}");
    found
}

#[derive(Clone, Copy, Debug)]
enum Damage {
    Missing,
    Empty,
    Truncated,
    Garbage,
}

fn damage(path: &Path, damage: Damage) {
    let file = || OpenOptions::new().write(true).open(path).unwrap();
    let length = fs::metadata(path).unwrap().len();
    match damage {
        Damage::Missing => fs::remove_file(path).unwrap(),
        Damage::Empty => file().set_len(0).unwrap(),
        Damage::Truncated => file().set_len(length / 2).unwrap(),
        Damage::Garbage => {
            let length = usize::try_from(length).unwrap();
            file().write_all_at(&vec![0xa5; length], 0).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_index_is_built_anew_and_nothing_is_lost() {
    for kind in ["meta.json", ".managed.json", "term", "idx", "fast", "pos", "format.json"] {
        for how in [Damage::Missing, Damage::Empty, Damage::Truncated, Damage::Garbage] {
            let directory = tempfile::tempdir().unwrap();
            let partitions = three_partitions(directory.path()).await;
            for file in files(&partitions[1], kind) {
                damage(&file, how);
            }
            let store = EmbeddedStore::open(directory.path(), options()).unwrap();
            // What is not damaged is there at once; what is can be noticed by the first search only.
            let first = count(&store).await;
            assert!(first >= 1_500, "{kind} {how:?} {first}");
            wait_for(&store, |status| status.records == 2_500).await;
            let found = numbers(&store).await;
            assert!(found.iter().copied().eq(0..2_500), "{kind} {how:?}: {}", found.len());
            let status = store.status().await.unwrap();
            append(&store, 2_500..2_600).await;
            assert_eq!(count(&store).await, 2_600, "{kind} {how:?}");
            let harmless = matches!((kind, how), (".managed.json", _));
            assert!(harmless || !status.notices.is_empty(), "{kind} {how:?}");
            drop(store);
            let store = EmbeddedStore::open(directory.path(), options()).unwrap();
            assert_eq!(count(&store).await, 2_600);
            assert_eq!(
                store.status().await.unwrap().notices,
                Vec::<String>::new(),
                "{kind} {how:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_fails_is_tried_again_and_the_hole_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let partitions = three_partitions(directory.path()).await;
    fs::remove_file(partitions[1].join("index/meta.json")).unwrap();
    // A file where the new index has to be.
    let in_the_way = partitions[1].join("index.new");
    fs::write(&in_the_way, "not a directory").unwrap();
    let store = EmbeddedStore::open(directory.path(), options()).unwrap();
    wait_for(&store, |status| {
        status.notices.iter().any(|n| n.contains("could not rebuild the index"))
    })
    .await;
    let search = Search::new(Query::All).limit(2_000);
    let page = store.search(&search).await.unwrap();
    assert_eq!((page.records.len(), page.partial), (1_500, true));
    append(&store, 2_500..2_600).await;
    assert!(store.flush(TIMEOUT).await, "the others go on meanwhile");
    fs::remove_file(&in_the_way).unwrap();
    wait_for(&store, |status| status.records == 2_600).await;
    assert_eq!(numbers(&store).await, (0..2_600).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_vanishes_while_it_is_written_costs_no_record() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { partition_records: 100_000, ..options() };
    let store = EmbeddedStore::open(directory.path(), options).unwrap();
    append(&store, 0..1_500).await;
    assert!(store.flush(TIMEOUT).await);
    let partition = fs::read_dir(directory.path().join("index")).unwrap().next().unwrap().unwrap();
    fs::rename(partition.path().join("index"), directory.path().join("lost")).unwrap();
    append(&store, 1_500..4_000).await;
    wait_for(&store, |status| status.notices.iter().any(|n| n.contains("rebuilt the index"))).await;
    append(&store, 4_000..4_100).await;
    assert!(store.flush(TIMEOUT).await, "{:?}", store.status().await);
    assert_eq!(numbers(&store).await, (0..4_100).collect::<Vec<_>>(), "none twice, none missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_rows_cost_only_their_own_records() {
    for how in [Damage::Missing, Damage::Empty, Damage::Truncated, Damage::Garbage] {
        let directory = tempfile::tempdir().unwrap();
        let partitions = three_partitions(directory.path()).await;
        damage(&partitions[0].join("rows"), how);
        let store = EmbeddedStore::open(directory.path(), options()).unwrap();
        let status = wait_for(&store, Settled::trouble_is_over).await;
        assert!(!status.notices.is_empty(), "{how:?}");
        let found = numbers(&store).await;
        assert_eq!(found[found.len() - 1_500..], (1_000..2_500).collect::<Vec<_>>(), "{how:?}");
        assert!(found.is_sorted() && found.len() < 2_500);
        if matches!(how, Damage::Truncated) {
            assert!(found.len() > 1_500, "half of the rows are still there");
        }
    }
}

trait Settled {
    fn trouble_is_over(&self) -> bool;
}

impl Settled for StoreStatus {
    /// Nothing that is being rebuilt is left without its end being told.
    fn trouble_is_over(&self) -> bool {
        let count = |text: &str| self.notices.iter().filter(|n| n.contains(text)).count();
        count("rebuilding the index of") == count("rebuilt the index of")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_is_found_by_verifying() {
    let directory = tempfile::tempdir().unwrap();
    let partitions = three_partitions(directory.path()).await;
    assert!(verify(directory.path()).unwrap().is_sound());
    for file in [files(&partitions[0], "idx")[0].clone(), partitions[2].join("rows")] {
        let length = fs::metadata(&file).unwrap().len();
        let opened = OpenOptions::new().read(true).write(true).open(&file).unwrap();
        let mut byte = [0];
        opened.read_exact_at(&mut byte, length / 3).unwrap();
        opened.write_all_at(&[byte[0] ^ 0x10], length / 3).unwrap();
    }
    let found = verify(directory.path()).unwrap();
    let damaged: Vec<bool> = found.partitions.iter().map(|p| !p.damage.is_empty()).collect();
    assert_eq!(damaged, [true, false, true], "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_format_is_built_anew_from_its_rows() {
    let directory = tempfile::tempdir().unwrap();
    let partitions = three_partitions(directory.path()).await;
    for partition in &partitions {
        let format = partition.join("format.json");
        let text = fs::read_to_string(&format).unwrap();
        fs::write(&format, text.replace("\"version\":1", "\"version\":0")).unwrap();
    }
    let store = EmbeddedStore::open(directory.path(), options()).unwrap();
    wait_for(&store, |status| status.records == 2_500).await;
    assert_eq!(numbers(&store).await, (0..2_500).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn reindexing_on_request_keeps_every_record() {
    let directory = tempfile::tempdir().unwrap();
    three_partitions(directory.path()).await;
    let mut seen = Vec::new();
    let progress = |_: &str, records| seen.push(records);
    logsearch::embedded::reindex(directory.path(), &options(), progress).unwrap();
    assert_eq!(seen, [1_000, 1_000, 500]);
    let store = EmbeddedStore::open(directory.path(), options()).unwrap();
    assert_eq!(numbers(&store).await, (0..2_500).collect::<Vec<_>>());
    let locked = logsearch::embedded::reindex(directory.path(), &options(), |_, _| {});
    assert!(locked.unwrap_err().to_string().contains("in use"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_is_told_who_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), options()).unwrap();
    let second = EmbeddedStore::open(directory.path(), options()).unwrap_err();
    assert!(matches!(second, OpenError::Locked(_)));
    drop(store);
    EmbeddedStore::open(directory.path(), options()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_goes_back_costs_no_record() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), options()).unwrap();
    append(&store, 0..500).await;
    let jump = |number: i64, by: i64| LogRecord { timestamp: START + by, ..record(number) };
    store.append(vec![jump(500, 400 * DAY), jump(501, -2 * 3_600_000_000)]).await.unwrap();
    append(&store, 502..1_500).await;
    assert!(store.flush(TIMEOUT).await);
    let mut found = numbers(&store).await;
    assert_eq!((found[0], found[found.len() - 1]), (501, 500));
    found.sort_unstable();
    assert_eq!(found, (0..1_500).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_stays_within_its_size_and_drops_the_oldest() {
    let directory = tempfile::tempdir().unwrap();
    // About half of what the records need.
    let bytes = 1_500_000;
    let options = Options { max_bytes: bytes, partition_records: 100_000, ..options() };
    let store = EmbeddedStore::open(directory.path(), options).unwrap();
    for round in 0..40 {
        append(&store, round * 1_000..(round + 1) * 1_000).await;
        assert!(store.flush(TIMEOUT).await);
        let used = bytes_below(directory.path());
        assert!(used < bytes + bytes / 10, "{used} after {round}");
    }
    let found = numbers(&store).await;
    assert_eq!(found.last(), Some(&39_999));
    assert!((5_000..35_000).contains(&found.len()), "{}", found.len());
    assert!(found.windows(2).all(|pair| pair[1] == pair[0] + 1), "only the oldest go");
    let status = store.status().await.unwrap();
    assert!(status.notices.iter().any(|notice| notice.contains("size limit")));
}

fn bytes_below(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => bytes_below(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// A small disk in memory, unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(megabytes: u32) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]);
        let is_mounted =
            mount.arg(directory.path()).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
        if !is_mounted {
            assert!(std::env::var_os("CI").is_none(), "mounting a small disk needs root");
            println!("skipped: mounting a small disk needs root");
            return None;
        }
        Some(Self(directory))
    }

    fn remount(&self, option: &str) {
        let option = format!("remount,{option}");
        let status = Command::new("mount").args(["-o", &option]).arg(self.0.path()).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_old_records_and_never_the_service() {
    let Some(disk) = SmallDisk::mount(24) else { return };
    let limits = Options { max_bytes: 14_000_000, min_free_bytes: 2_000_000, ..options() };
    let options = Options { partition_records: 4_000, ..limits };
    let root = disk.0.path().join("logs");
    let store = EmbeddedStore::open(&root, options.clone()).unwrap();
    let ballast = disk.0.path().join("ballast");
    fs::write(&ballast, vec![1; 8_000_000]).unwrap();
    append(&store, 0..30_000).await;
    assert!(store.flush(TIMEOUT).await);
    // Somebody else fills the disk to the last byte.
    let mut file = OpenOptions::new().append(true).open(&ballast).unwrap();
    while file.write_all(&[1; 4_096]).is_ok() {}
    append(&store, 30_000..33_000).await;
    let newest = *numbers(&store).await.last().unwrap();
    assert_eq!(newest, 32_999, "records are found while nothing can be written");
    // The oldest records make room for the newest, and some are always left.
    assert!(store.flush(TIMEOUT).await, "{:?}", store.status().await);
    let kept = numbers(&store).await;
    assert_eq!(kept.last(), Some(&32_999));
    assert!(kept.len() < 30_000 && kept.windows(2).all(|pair| pair[1] == pair[0] + 1));
    // An open file would keep its room.
    drop(file);
    fs::remove_file(&ballast).unwrap();
    wait_for(&store, |status| {
        !status.notices.iter().any(|n| n.contains("could not index records"))
    })
    .await;
    append(&store, 33_000..34_000).await;
    assert!(store.flush(TIMEOUT).await);
    let before = numbers(&store).await;
    assert_eq!(before[before.len() - 1], 33_999);
    drop(store);
    let store = EmbeddedStore::open(&root, options).unwrap();
    assert_eq!(numbers(&store).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_disk_can_be_searched() {
    let Some(disk) = SmallDisk::mount(32) else { return };
    let root = disk.0.path().join("logs");
    three_partitions(&root).await;
    disk.remount("ro");
    let store = EmbeddedStore::open(&root, options()).unwrap();
    assert_eq!(count(&store).await, 2_500);
    append(&store, 2_500..2_600).await;
    assert_eq!(count(&store).await, 2_600, "new records are kept in memory");
    assert!(!store.status().await.unwrap().notices.is_empty(), "and it says so");
    drop(store);
    disk.remount("rw");
    let store = EmbeddedStore::open(&root, options()).unwrap();
    assert_eq!(count(&store).await, 2_500);
}

/// Not a test of its own: the process that [`killing_the_process_loses_nothing_acknowledged`] kills.
#[tokio::test(flavor = "multi_thread")]
async fn writer_to_be_killed() {
    let Some(root) = std::env::var_os("FAULTS_ROOT") else { return };
    let store = EmbeddedStore::open(Path::new(&root), options()).unwrap();
    let mut next = i64::try_from(store.status().await.unwrap().records).unwrap();
    loop {
        append(&store, next..next + 50).await;
        next += 50;
        println!("acknowledged {next}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_process_loses_nothing_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    for round in 1..=3_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "faults::writer_to_be_killed", "--nocapture"])
            .env("FAULTS_ROOT", directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let acknowledged = lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<i64>().ok())
            .nth(7 * round)
            .expect("the child writes");
        child.kill().unwrap();
        child.wait().unwrap();
        let store = EmbeddedStore::open(directory.path(), options()).unwrap();
        let found = numbers(&store).await;
        let count = i64::try_from(found.len()).unwrap();
        assert_eq!(found, (0..count).collect::<Vec<_>>(), "none twice, none missing");
        assert!(count >= acknowledged);
    }
}
