//! Memory is bounded however much comes: two million records as fast as the log takes them, and events
//! beside them, in a process of their own, against the bound that follows from the options.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use logsearch::pipeline::PipelineOptions;
use logsearch::testing::WebLog;
use logsearch::{Counts, Logs, Options, Reason, codec, embedded};
use tracing::{debug, error, info};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

const RECORDS: u64 = 2_000_000;
/// About as many bytes as the writer hands over at once.
const BATCH: usize = 1_000;
/// What the search cache may have beside what the options say, in bytes.
const CACHE: usize = 16 << 20;
const TIMEOUT: Duration = Duration::from_mins(5);

/// Megabytes of this process that are no files.
fn anonymous() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

fn emit(number: u64) {
    let id = number.wrapping_mul(0x9e37_79b9);
    match number % 8 {
        0 => debug!(db.query.text = "SELECT id FROM message WHERE author = $1", rows = id, "read"),
        1 => error!(http.request.id = id, "database is locked after {id} ms"),
        _ => info!(http.request.id = id, duration_us = number % 100_000, "finished GET /public"),
    }
}

/// What the default options allow: both halves of the buffer, the tail, what is not synced, the index writer.
fn bound() -> u64 {
    let store = embedded::Options::default();
    let buffer = PipelineOptions::default().buffer_bytes;
    let bytes = 2 * buffer + store.tail_bytes + store.wal.backlog_bytes + store.writer_bytes;
    ((bytes + CACHE) >> 20) as u64
}

/// Batches as the writer makes them, until there were enough records; how many there were.
fn pour(logs: &Logs, most: &AtomicU64) -> u64 {
    let mut batch = Vec::new();
    WebLog::new(7).take(BATCH).for_each(|record| codec::encode(&record, &mut batch));
    let mut poured = 0;
    while poured < RECORDS {
        logs.wal().append(batch.clone());
        most.fetch_max(anonymous(), Ordering::Relaxed);
        poured += BATCH as u64;
    }
    poured
}

#[test]
fn memory_stays_within_its_bound_under_a_flood() {
    let directory = tempfile::tempdir().unwrap();
    let before = anonymous();
    let (layer, logs) = Logs::start(directory.path(), Options::default()).unwrap();
    tracing::subscriber::set_global_default(registry().with(layer)).unwrap();
    let (most, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let poured = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !over.load(Ordering::Relaxed) {
                emit(number);
                number += 1;
            }
        });
        let poured = pour(&logs, &most);
        over.store(true, Ordering::Relaxed);
        poured
    });
    assert!(logs.flush(TIMEOUT));
    let used = most.load(Ordering::Relaxed).max(anonymous()).saturating_sub(before);
    let (counts, status) = (logs.counts(), logs.wal().status());
    say(used, &counts);
    let bound = bound();
    assert_eq!(bound, 160, "as the README says");
    assert!(used <= bound, "{used} MB");
    // Everything is accounted for: it is in the log, or was and has left it, or it is counted as dropped.
    let in_time = counts.dropped_for(Reason::Disk) + counts.dropped_for(Reason::Evicted);
    let dropped = counts.dropped_total() - in_time;
    assert_eq!(counts.emitted_total() + poured, status.next + dropped);
}

#[expect(clippy::print_stdout, reason = "figures to look at with --nocapture")]
fn say(used: u64, counts: &Counts) {
    let (emitted, dropped) = (counts.emitted_total(), counts.dropped_total());
    println!("{used} MB at most; {emitted} emitted beside, {dropped} dropped");
}
