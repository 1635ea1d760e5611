//! A disk that takes records and cannot keep them: `fsync` fails. Done with a real one, a file system in a
//! file on a second file system that has no room left, and given room again later.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "skips are said")]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logsearch::embedded::{EmbeddedStore, Options};
use logsearch::query::Query;
use logsearch::record::{Level, LogRecord, Value};
use logsearch::store::{LogStore, Search};
use logsearch::wal::WalOptions;

const TIMEOUT: Duration = Duration::from_mins(1);
/// Records before the disk fails, and then until it works again.
const BEFORE: i64 = 1_000;
const AFTER: i64 = 12_000;

/// ext2 on a loop device over a file in memory. Unmounted when dropped.
struct FailingDisk {
    memory: tempfile::TempDir,
    mounted: tempfile::TempDir,
}

impl FailingDisk {
    /// Only root can have one.
    fn mount() -> Option<Self> {
        let disk =
            Self { memory: tempfile::tempdir().unwrap(), mounted: tempfile::tempdir().unwrap() };
        if disk.mount_all().is_err() {
            assert!(std::env::var_os("CI").is_none(), "mounting a disk needs root");
            println!("skipped: mounting a disk needs root");
            return None;
        }
        Some(disk)
    }

    fn mount_all(&self) -> Result<(), String> {
        let memory = self.memory.path();
        run("mount", &["-t", "tmpfs", "-o", "size=48m", "tmpfs"], &[memory])?;
        let image = File::create(self.image()).unwrap();
        image.set_len(128 << 20).unwrap();
        // What the file system needs for itself has its place at once and goes on working. Its blocks are pages
        // of the memory below: a loop device calls a write that ends early a success, so that one which is to
        // fail must not begin in a page that is there already.
        let options = ["-q", "-F", "-b", "4096", "-E", "nodiscard,lazy_itable_init=0"];
        run("mkfs.ext2", &options, &[&self.image()])?;
        self.mount_image()
    }

    fn mount_image(&self) -> Result<(), String> {
        run("mount", &["-o", "loop"], &[&self.image(), self.mounted.path()])
    }

    fn image(&self) -> PathBuf {
        self.memory.path().join("image")
    }

    fn path(&self) -> &Path {
        self.mounted.path()
    }

    fn ballast(&self) -> PathBuf {
        self.memory.path().join("ballast")
    }

    /// From now on nothing new can be kept, although the file system believes it has room.
    fn choke(&self) {
        let mut ballast = File::create(self.ballast()).unwrap();
        for size in [1 << 20, 4_096] {
            while ballast.write_all(&vec![1; size]).is_ok() {}
        }
    }

    fn relieve(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    /// Forgets what is in memory only, like a restart of the machine.
    fn forget(&self) {
        run("umount", &[], &[self.path()]).unwrap();
        self.mount_image().unwrap();
    }
}

impl Drop for FailingDisk {
    fn drop(&mut self) {
        for path in [self.path(), self.memory.path()] {
            let _not_mounted = run("umount", &["-l"], &[path]);
        }
    }
}

fn run(program: &str, arguments: &[&str], paths: &[&Path]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).args(paths).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then_some(()).ok_or(said)
}

fn options() -> Options {
    Options {
        commit_interval: Duration::from_millis(200),
        commit_records: 4_000,
        writer_bytes: 15_000_000,
        deadline: TIMEOUT,
        max_age: Duration::from_hours(1_000 * 365 * 24),
        min_free_bytes: 0,
        // Less than a batch, so that each begins in a file and a block of its own, and many are closed and
        // not synced when the disk fails.
        wal: WalOptions {
            segment_bytes: 16 * 1024,
            retry: Duration::from_millis(50),
            sync_interval: Duration::from_millis(100),
            ..WalOptions::default()
        },
        ..Options::default()
    }
}

fn record(number: i64) -> LogRecord {
    let text = (0..12_i64).map(|n| format!("{:x}", (number * 31 + n).wrapping_mul(0x9e37_79b9)));
    LogRecord {
        timestamp: 1_700_000_000_000_000 + number * 1_000,
        sequence: 0,
        level: Level::Info,
        target: "failing_disk".into(),
        message: format!("record {number} {}", text.collect::<String>()),
        fields: vec![("test.number".into(), Value::Int(number))],
    }
}

fn append(store: &EmbeddedStore, numbers: std::ops::Range<i64>) {
    for chunk in numbers.collect::<Vec<_>>().chunks(100) {
        let records: Vec<LogRecord> = chunk.iter().map(|number| record(*number)).collect();
        store.wal().append_records(&records);
    }
}

async fn numbers(store: &EmbeddedStore) -> Vec<i64> {
    let query = Arc::new(Query::All);
    let mut search = Search::new(query).oldest_first().limit(10_000);
    let mut numbers = Vec::new();
    loop {
        let page = store.search(&search).await.unwrap();
        numbers.extend(page.records.iter().map(|record| match record.field("test.number") {
            Some(Value::Int(number)) => *number,
            other => panic!("{other:?}"),
        }));
        let Some(next) = page.next else { return numbers };
        search.after = Some(next);
    }
}

/// None twice, none missing; else which were not, and what the store has to say.
async fn expect_all(store: &EmbeddedStore, when: &str) {
    let found = numbers(store).await;
    let missing: Vec<i64> =
        (0..AFTER).filter(|number| found.binary_search(number).is_err()).collect();
    let notices = store.status().await.unwrap().notices;
    let ends = (missing.first(), missing.last());
    assert!(missing.is_empty(), "{when}: {} missing, {ends:?}, {notices:?}", missing.len());
    assert!(found.iter().copied().eq(0..AFTER), "{when}: twice or out of order, {notices:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_is_told_and_costs_no_record() {
    let Some(disk) = FailingDisk::mount() else { return };
    let root = disk.path().join("logs");
    let store = EmbeddedStore::open(&root, options()).unwrap();
    append(&store, 0..BEFORE);
    assert!(store.flush(TIMEOUT).await && store.wal().sync(TIMEOUT));

    disk.choke();
    append(&store, BEFORE..AFTER);
    assert!(!store.wal().sync(TIMEOUT), "it does not claim what is not so");
    let status = store.wal().status();
    let failure = status.failure.clone().unwrap_or_default();
    assert!(failure.contains("could not sync the log"), "{status:?}");
    assert!(failure.contains("os error 5") || failure.contains("os error 28"), "{failure}");
    assert!(status.synced < status.next, "{status:?}");
    let notices = store.status().await.unwrap().notices;
    assert!(notices.iter().any(|notice| notice.contains("could not sync")), "{notices:?}");
    expect_all(&store, "all can be found meanwhile").await;

    disk.relieve();
    let deadline = Instant::now() + TIMEOUT;
    while !store.wal().sync(TIMEOUT) {
        store.wal().tick();
        assert!(Instant::now() < deadline, "{:?}", store.wal().status());
    }
    let status = store.wal().status();
    assert_eq!((status.failure, status.lost_unwritten), (None, [0; 5]));
    assert!(status.notices.iter().any(|notice| notice.contains("writes recovered after")));
    // What a machine that lost its power now would have: the log alone, read from the disk.
    let log = disk.path().join("copy");
    drop(store);
    disk.forget();
    fs::create_dir_all(log.join("wal")).unwrap();
    for file in fs::read_dir(root.join("wal")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), log.join("wal").join(file.file_name())).unwrap();
    }
    let alone = EmbeddedStore::open(&log, options()).unwrap();
    expect_all(&alone, "in the log alone").await;
    drop(alone);
    let store = EmbeddedStore::open(&root, options()).unwrap();
    let deadline = Instant::now() + TIMEOUT;
    while store.status().await.unwrap().records < AFTER.unsigned_abs() {
        assert!(Instant::now() < deadline, "{:?}", store.status().await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    expect_all(&store, "after a restart").await;
}
