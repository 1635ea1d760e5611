//! Faults of the write-ahead log with real files: torn and corrupt frames, missing and foreign segments,
//! a full or read-only disk, two processes.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logsearch::record::{Level, LogRecord};
use logsearch::wal::{Reader, Wal, WalOptions, verify};
use parking_lot::Mutex;
use proptest::prelude::*;

/// Far beyond what anything here takes.
const DEADLINE: Duration = Duration::from_secs(20);

fn record(number: usize, level: Level) -> LogRecord {
    LogRecord {
        timestamp: 1_700_000_000_000_000 + i64::try_from(number).unwrap(),
        sequence: 0,
        level,
        target: "test".to_owned(),
        message: format!("record number {number}"),
        fields: Vec::new(),
    }
}

fn fill(log: &Wal, numbers: std::ops::Range<usize>) {
    for number in numbers {
        log.append_records(&[record(number, Level::Info)]);
    }
}

fn open(directory: &Path) -> Wal {
    Wal::open(directory, WalOptions::default()).expect("nobody else has it open")
}

fn read_all(reader: &mut Reader) -> Vec<LogRecord> {
    let mut records = Vec::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        records.extend(batch.records().map(LogRecord::from));
    }
    records
}

fn messages(directory: &Path) -> Vec<String> {
    let mut reader = Reader::new(directory, 0);
    read_all(&mut reader).into_iter().map(|record| record.message).collect()
}

fn expected(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("record number {number}")).collect()
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn records_are_numbered_and_read_from_any_position_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    fill(&open(directory.path()), 0..50);
    let log = open(directory.path());
    fill(&log, 50..100);
    let batch = log.append_records(&[record(100, Level::Info), record(101, Level::Info)]);
    assert_eq!((batch.first, batch.next), (100, 102));
    for from in [0_u64, 1, 49, 50, 99, 101] {
        let records = read_all(&mut log.reader(from));
        let sequences: Vec<u64> = records.iter().map(|record| record.sequence).collect();
        assert_eq!(sequences, (from..102).collect::<Vec<_>>());
        assert_eq!(records[0].message, format!("record number {from}"));
    }
    assert!(log.status().notices.is_empty());
}

/// A log of ten frames with one record each in one segment: its directory, file and bytes.
fn ten_frames() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    fill(&open(directory.path()), 0..10);
    let path = segments(directory.path()).remove(0);
    let bytes = fs::read(&path).unwrap();
    (directory, path, bytes)
}

/// Where each of the ten frames ends.
fn frame_ends(bytes: &[u8]) -> Vec<usize> {
    let frame = (bytes.len() - 16) / 10;
    assert_eq!(16 + frame * 10, bytes.len(), "frames of one size");
    (1..=10).map(|number| 16 + frame * number).collect()
}

/// What is found by a reader, and by the next start and after it, which must be the same.
fn survivors(directory: &Path) -> Vec<String> {
    let before = messages(directory);
    let log = open(directory);
    fill(&log, 77..78);
    drop(log);
    let mut after = messages(directory);
    assert_eq!(after.pop(), Some("record number 77".to_owned()), "the log goes on");
    assert_eq!(before, after);
    let log = open(directory);
    assert!(log.status().failure.is_none());
    before
}

#[test]
fn a_log_torn_at_any_byte_keeps_every_whole_frame_and_goes_on() {
    let (directory, path, bytes) = ten_frames();
    let ends = frame_ends(&bytes);
    for length in 16..bytes.len() {
        for path in segments(directory.path()) {
            fs::remove_file(path).unwrap();
        }
        fs::write(&path, &bytes[..length]).unwrap();
        let whole = ends.iter().filter(|end| **end <= length).count();
        assert_eq!(survivors(directory.path()), expected(0..whole), "cut at {length}");
    }
}

#[test]
fn a_flipped_byte_costs_the_frame_it_is_in_and_no_other() {
    let (directory, path, bytes) = ten_frames();
    let ends = frame_ends(&bytes);
    for at in 16..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(&path, &damaged).unwrap();
        let hit = ends.iter().filter(|end| **end <= at).count();
        let intact = (0..10).filter(|number| *number != hit);
        assert_eq!(messages(directory.path()), expected(intact), "flipped at {at}");
        // A frame behind the last whole one looks like a write under way, so only others are damage.
        let verified = verify(directory.path()).unwrap();
        assert_eq!(verified.corrupt, u64::from(hit < 9), "flipped at {at}");
        assert_eq!(verified.records, 9);
    }
}

#[test]
fn a_damaged_segment_header_does_not_hide_the_records_behind_it() {
    let (directory, path, bytes) = ten_frames();
    for at in 0..8 {
        let mut damaged = bytes.clone();
        damaged[at] = !damaged[at];
        fs::write(&path, &damaged).unwrap();
        let log = open(directory.path());
        assert!(log.status().notices[0].contains("header"), "{:?}", log.status());
        assert_eq!(messages(directory.path()), expected(0..10));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn garbage_anywhere_never_stops_the_log(
        garbage in prop::collection::vec(any::<u8>(), 1..300),
        at in any::<prop::sample::Index>(),
        insert in any::<bool>(),
    ) {
        let (directory, path, mut bytes) = ten_frames();
        let ends = frame_ends(&bytes);
        let at = 16 + at.index(bytes.len() - 16);
        let replaced = if insert { 0 } else { garbage.len().min(bytes.len() - at) };
        bytes.splice(at..at + replaced, garbage.iter().copied());
        fs::write(&path, &bytes).unwrap();
        let touched = |number: usize| {
            let (start, end) = (if number == 0 { 16 } else { ends[number - 1] }, ends[number]);
            start < at + replaced.max(1) && at < end && !(insert && start == at)
        };
        let intact: Vec<usize> = (0..10).filter(|number| !touched(*number)).collect();
        prop_assert_eq!(survivors(directory.path()), expected(intact));
    }
}

/// Small segments, everything kept.
fn small() -> WalOptions {
    WalOptions { segment_bytes: 400, ..WalOptions::default() }
}

#[test]
fn a_missing_segment_is_a_notice_and_the_rest_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let log = Wal::open(directory.path(), small()).unwrap();
    fill(&log, 0..40);
    drop(log);
    let paths = segments(directory.path());
    assert!(paths.len() > 4);
    let first =
        |path: &Path| -> usize { path.file_stem().unwrap().to_str().unwrap().parse().unwrap() };
    let gone = first(&paths[2])..first(&paths[3]);
    fs::remove_file(&paths[2]).unwrap();
    let mut reader = Reader::new(directory.path(), 0);
    let found: Vec<_> = read_all(&mut reader).into_iter().map(|record| record.message).collect();
    assert_eq!(found, expected((0..40).filter(|number| !gone.contains(number))));
    assert_eq!(
        reader.take_notices(),
        [format!("records {} to {} are missing from the log", gone.start, gone.end)]
    );
}

#[test]
fn a_segment_of_another_format_and_a_foreign_file_are_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let log = Wal::open(directory.path(), small()).unwrap();
    fill(&log, 0..20);
    drop(log);
    let paths = segments(directory.path());
    let old = OpenOptions::new().write(true).open(&paths[0]).unwrap();
    old.write_all_at(&[0], 8).unwrap();
    fs::write(directory.path().join("00000000000000000100.log"), "plain text").unwrap();
    let log = open(directory.path());
    let notices = log.status().notices.join("\n");
    assert!(
        notices.contains("format version 0") && notices.contains("contains no records"),
        "{notices}"
    );
    let second: usize = paths[1].file_stem().unwrap().to_str().unwrap().parse().unwrap();
    assert_eq!(messages(directory.path()), expected(second..20));
    // Numbers that may have been used are not used again.
    assert_eq!(log.append_records(&[record(20, Level::Info)]).first, 100);
    let bad = fs::read_dir(directory.path()).unwrap();
    assert_eq!(
        bad.filter(|entry| entry.as_ref().unwrap().path().extension().unwrap_or_default() == "bad")
            .count(),
        2
    );
}

#[test]
fn only_one_may_write_a_log_and_the_lock_is_free_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let second = Wal::open(directory.path(), WalOptions::default());
    assert!(second.unwrap_err().to_string().contains("in use"));
    drop(log);
    open(directory.path());
}

#[test]
fn a_reader_follows_the_writer_through_its_segments() {
    let directory = tempfile::tempdir().unwrap();
    let log = Wal::open(directory.path(), small()).unwrap();
    let mut reader = log.reader(0);
    for number in 0..60 {
        fill(&log, number..number + 1);
        let records = read_all(&mut reader);
        assert_eq!(records.len(), 1, "at {number}");
        assert_eq!(records[0].sequence, number as u64);
    }
    assert!(segments(directory.path()).len() > 5);
    assert!(reader.take_notices().is_empty());
}

#[test]
fn released_segments_go_beyond_what_is_kept_and_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let log = Wal::open(directory.path(), WalOptions { keep_bytes: 1_000, ..small() }).unwrap();
    fill(&log, 0..100);
    assert_eq!(messages(directory.path()), expected(0..100));
    log.release(50);
    let status = log.status();
    assert!(status.bytes > 1_000 && status.first <= 50 && status.first > 40, "{status:?}");
    log.release(100);
    assert!(log.status().bytes <= 1_000);
    assert_eq!(log.status().lost_evicted, [0; 5]);
}

#[test]
fn the_log_never_outgrows_its_bound_and_counts_what_that_costs() {
    let directory = tempfile::tempdir().unwrap();
    let log = Wal::open(directory.path(), WalOptions { max_bytes: 4_000, ..small() }).unwrap();
    for number in 0..200 {
        let level = if number % 2 == 0 { Level::Info } else { Level::Error };
        log.append_records(&[record(number, level)]);
        assert!(log.status().bytes <= 4_000);
    }
    let stored = messages(directory.path()).len() as u64;
    let lost = log.status().lost_evicted;
    assert_eq!(stored + lost.iter().sum::<u64>(), 200);
    assert!(lost[Level::Info as usize].abs_diff(lost[Level::Error as usize]) <= 1);
    assert!(log.status().notices.last().unwrap().contains("before they were indexed"));
}

#[test]
fn an_error_is_synced_at_once_and_everything_else_within_the_interval() {
    let directory = tempfile::tempdir().unwrap();
    let hourly = WalOptions { sync_interval: Duration::from_hours(1), ..WalOptions::default() };
    let log = Wal::open(directory.path(), hourly).unwrap();
    log.append_records(&[record(0, Level::Warn)]);
    assert_eq!(log.status().synced, 0);
    log.append_records(&[record(1, Level::Error)]);
    wait_until(|| log.status().synced == 2);
    drop(log);
    let often = WalOptions { sync_interval: Duration::from_millis(5), ..WalOptions::default() };
    let log = Wal::open(directory.path(), often).unwrap();
    log.append_records(&[record(2, Level::Debug)]);
    wait_until(|| log.status().synced == 3);
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "the condition never held");
        std::thread::yield_now();
    }
}

#[test]
fn numbers_stay_ahead_of_an_index_that_knows_more_than_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    fill(&log, 0..3);
    log.advance_to(1_000);
    assert_eq!(log.append_records(&[record(3, Level::Info)]).first, 1_000);
    drop(log);
    let log = open(directory.path());
    assert_eq!(log.status().next, 1_001);
    assert_eq!(read_all(&mut log.reader(1_000)).len(), 1);
    assert_eq!(messages(directory.path()), expected(0..4));
}

#[test]
fn listeners_see_every_batch_in_order_also_from_many_threads() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let for_listener = Arc::clone(&seen);
    log.listen(Box::new(move |batch| for_listener.lock().push((batch.first, batch.next))));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| fill(&log, 0..50));
        }
    });
    let seen = seen.lock();
    assert_eq!(seen.len(), 200);
    assert!(seen.iter().enumerate().all(|(at, range)| *range == (at as u64, at as u64 + 1)));
}

#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn skipped(reason: &str) {
    println!("skipped: {reason}");
}

/// A small file system of its own. Only root can have one; without, the caller prints that and returns.
struct Mount(tempfile::TempDir);

impl Mount {
    fn new(size: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        if !run("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"], directory.path())
        {
            skipped("mounting a small file system is not allowed here");
            return None;
        }
        Some(Self(directory))
    }

    fn remount(&self, options: &str) {
        assert!(run("mount", &["-o", &format!("remount,{options}")], self.0.path()));
    }

    fn log(&self) -> PathBuf {
        self.0.path().join("log")
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        run("umount", &["-l"], self.0.path());
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) -> bool {
    let result = Command::new(program).args(arguments).arg(path).output();
    result.is_ok_and(|output| output.status.success())
}

/// Retries at once and keeps little, so that tests of failures are short.
fn impatient() -> WalOptions {
    WalOptions { retry: Duration::ZERO, backlog_bytes: 64 * 1024, ..WalOptions::default() }
}

#[test]
fn a_full_disk_loses_the_least_severe_first_and_recovers_by_itself() {
    let Some(mount) = Mount::new("256k") else { return };
    let log = Wal::open(&mount.log(), impatient()).unwrap();
    let mut sent = [0_u64; 5];
    let mut emit = |count: usize, level: Level| {
        for _ in 0..count {
            let number = usize::try_from(sent.iter().sum::<u64>()).unwrap();
            log.append_records(&[record(number, level)]);
            sent[level as usize] += 1;
        }
    };
    emit(2_500, Level::Info);
    emit(300, Level::Error);
    emit(3_000, Level::Debug);
    emit(300, Level::Error);
    let status = log.status();
    assert!(status.failure.as_ref().unwrap().contains("No space left"), "{status:?}");
    assert!(status.waiting_bytes <= 64 * 1024);
    assert!(status.lost_unwritten[Level::Debug as usize] > 0);
    assert_eq!(status.lost_unwritten[Level::Error as usize], 0);
    assert!(!log.sync(Duration::from_millis(50)));

    mount.remount("size=4m");
    log.tick();
    assert!(log.sync(DEADLINE));
    let status = log.status();
    assert_eq!((status.failure.as_ref(), status.waiting_bytes), (None, 0));
    assert!(status.notices.last().unwrap().contains("writes recovered"));
    let mut stored = [0; 5];
    for record in read_all(&mut log.reader(0)) {
        stored[record.level as usize] += 1;
    }
    for level in Level::ALL {
        let at = level as usize;
        assert_eq!(sent[at], stored[at] + status.lost_unwritten[at], "{level}");
    }
}

#[test]
fn a_full_disk_is_first_relieved_of_what_nobody_needs() {
    let Some(mount) = Mount::new("256k") else { return };
    let options = WalOptions { segment_bytes: 32 * 1024, ..impatient() };
    let log = Wal::open(&mount.log(), options).unwrap();
    for number in 0..5_000 {
        log.release(log.append_records(&[record(number, Level::Info)]).first);
    }
    let status = log.status();
    assert_eq!((status.failure, status.lost_unwritten), (None, [0; 5]));
    assert_eq!(messages(&mount.log()).pop(), Some("record number 4999".to_owned()));
}

#[test]
fn a_read_only_directory_is_read_and_written_once_it_can_be() {
    let Some(mount) = Mount::new("1m") else { return };
    fill(&open(&mount.log()), 0..10);
    mount.remount("ro");
    let log = Wal::open(&mount.log(), impatient()).unwrap();
    fill(&log, 10..20);
    let status = log.status();
    assert!(status.failure.as_ref().unwrap().contains("Read-only"), "{status:?}");
    assert_eq!((status.next, status.written), (20, 10));
    assert_eq!(messages(&mount.log()), expected(0..10));
    mount.remount("rw");
    fill(&log, 20..30);
    assert_eq!(log.status().failure, None);
    assert!(log.sync(DEADLINE));
    assert_eq!(messages(&mount.log()), expected(0..30));
}
