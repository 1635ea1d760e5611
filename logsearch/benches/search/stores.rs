//! The stores: indexing, opening, and questions to several at once.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use logsearch::embedded::{EmbeddedStore, Options};
use logsearch::store::LogStore;

use crate::data::Data;
use crate::process::{bytes_below, cpu_seconds, peak_megabytes};

/// What takes room, and the files it is.
const KINDS: [(&str, &[&str]); 7] = [
    ("disk", &[]),
    ("rows", &["rows"]),
    ("terms", &["term"]),
    ("postings", &["idx"]),
    ("positions", &["pos"]),
    ("columns", &["fast"]),
    ("tantivy's empty store", &["store"]),
];

/// A store that keeps everything.
pub fn open(root: &Path) -> Result<EmbeddedStore> {
    let options = Options {
        max_age: Duration::from_hours(100 * 365 * 24),
        max_bytes: 1 << 40,
        min_free_bytes: 0,
        commit_records: 200_000,
        ..Options::default()
    };
    EmbeddedStore::open(root, options).context("could not open the store")
}

/// Brings a log into its store and says what that took.
#[expect(clippy::cast_precision_loss, reason = "figures are printed with three digits")]
pub async fn build(data: &Data) -> Result<()> {
    let root = data.store();
    let millions = data.events as f64 / 1e6;
    let line_bytes = data.raw_bytes as f64 / data.events as f64;
    println!("{} records, {line_bytes:.0} bytes each as JSON\n", data.events);
    let (cpu, wall) = (cpu_seconds()?, Instant::now());
    index(data, &root).await?;
    let (cpu, wall) = (cpu_seconds()? - cpu, wall.elapsed().as_secs_f64());
    println!("| indexing | |\n|---|---|");
    println!("| CPU seconds per million, write-ahead log included | {:.1} |", cpu / millions);
    println!("| wall seconds per million | {:.1} |", wall / millions);
    for (name, kinds) in KINDS {
        let bytes = bytes_below(&root.join("index"), kinds);
        println!("| {name} / JSON | {:.3} |", bytes as f64 / data.raw_bytes as f64);
    }
    println!("| peak memory, MB | {:.0} |\n", peak_megabytes()?);
    Ok(())
}

async fn index(data: &Data, root: &Path) -> Result<()> {
    let store = open(root)?;
    let mut encoded = BufReader::new(File::open(&data.encoded)?);
    let mut batches = 0_u32;
    while !encoded.fill_buf()?.is_empty() {
        let mut length = [0; 4];
        encoded.read_exact(&mut length)?;
        let mut batch = vec![0; u32::from_le_bytes(length) as usize];
        encoded.read_exact(&mut batch)?;
        store.wal().append(batch);
        batches += 1;
        // Faster than indexing would only mean that the log is read a second time.
        if batches.is_multiple_of(100) {
            ensure!(store.flush(Duration::from_mins(10)).await, "indexing hangs");
        }
    }
    ensure!(store.flush(Duration::from_mins(10)).await, "indexing hangs");
    let status = store.status().await?;
    ensure!(status.records == data.events, "records are missing: {status:?}");
    Ok(())
}

/// Median and 99th percentile of one store's times, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub p50: f64,
    pub p99: f64,
}

impl Times {
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self { p50: times[times.len() / 2], p99: times[times.len() * 99 / 100] }
    }
}

/// Asks every store in turn, so that whatever else the machine does meets all alike, and none is always the
/// first. A fifth more runs come before, to warm up.
pub async fn alternate<F: Future<Output = Result<()>>>(
    stores: usize,
    runs: usize,
    ask: impl Fn(usize) -> F,
) -> Result<Vec<Times>> {
    let mut times = vec![Vec::new(); stores];
    for run in 0..runs + runs / 5 {
        for turn in 0..stores {
            let which = (run + turn) % stores;
            let start = Instant::now();
            ask(which).await?;
            if run >= runs / 5 {
                times[which].push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    Ok(times.into_iter().map(Times::of).collect())
}
