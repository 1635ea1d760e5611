//! What logging costs while records come at a steady pace, with everything behind the layer as a service
//! runs it: CPU and memory at 1,000 records a second, and how soon a record is found at 10,000.
//!
//! `cargo bench -p logsearch --bench paced`; `SECONDS` is the length of each part (30).

#![expect(clippy::print_stdout, reason = "the table is the result")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use logsearch::fields;
use logsearch::filter::{LevelControl, Levels};
use logsearch::query::parse;
use logsearch::record::{Level, LogRecord, Value};
use logsearch::store::{LogStore, Search};
use logsearch::testing::WebLog;
use logsearch::{Logs, Options};
use tracing::Dispatch;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry;

/// Records between two pauses of the emitting thread.
const BURST: u32 = 20;
/// Records from a seed, emitted round and round.
const RECORDS: usize = 100_000;
/// Time between two records that are looked for.
const PROBE: Duration = Duration::from_millis(25);

fn main() -> Result<()> {
    // `cargo test --benches` only wants to see that it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let seconds = std::env::var("SECONDS").ok().map_or(Ok(30), |seconds| seconds.parse())?;
    let time = Duration::from_secs(seconds);
    let records: Vec<LogRecord> = WebLog::new(7).take(RECORDS).collect();
    println!("| at a steady pace, {seconds} s each | |\n|---|---|");
    steady(&records, 1_000, time)?;
    steady(&records, 10_000, time)?;
    freshness(&records, 10_000, time)
}

/// A subscriber that records as a service does.
fn start(directory: &Path) -> Result<(Dispatch, Logs)> {
    let (layer, logs) = Logs::start(directory, Options::default())?;
    let filter = LevelControl::new(Levels::parse("debug")?);
    Ok((registry().with(layer.with_filter(filter)).into(), logs))
}

/// CPU of the whole process and memory beyond what it had, at so many records a second.
fn steady(records: &[LogRecord], rate: u32, time: Duration) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let before = Memory::now()?;
    let (dispatch, logs) = start(directory.path())?;
    let (cpu, started) = (cpu_seconds()?, Instant::now());
    let mut peak = Memory::default();
    tracing::dispatcher::with_default(&dispatch, || -> Result<()> {
        emit_paced(records, rate, time, |_| {
            peak = peak.max(Memory::now()?);
            Ok(())
        })
    })?;
    let share = (cpu_seconds()? - cpu) / started.elapsed().as_secs_f64() * 100.0;
    let lost = logs.counts().dropped_total();
    ensure!(lost == 0, "{lost} records were lost");
    println!("| {rate} records a second: CPU of one core | {share:.1} % |");
    let (own, mapped) = (peak.anonymous - before.anonymous, peak.file - before.file);
    println!(
        "| memory of the log part at most | {own:.0} MB, and {mapped:.0} MB of mapped files |"
    );
    Ok(())
}

/// How long it takes until a record is found by a search, while others come at a rate.
fn freshness(records: &[LogRecord], rate: u32, time: Duration) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (dispatch, logs) = start(directory.path())?;
    let store = logs.store();
    let times = std::thread::scope(|scope| -> Result<Vec<f64>> {
        let flood = dispatch.clone();
        let emitting = scope.spawn(move || {
            let emit = || emit_paced(records, rate, time, |_| Ok(()));
            tracing::dispatcher::with_default(&flood, emit)
        });
        let mut times = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        while !emitting.is_finished() {
            let number = times.len();
            times.push(runtime.block_on(find_probe(&dispatch, &*store, number))?);
            std::thread::sleep(PROBE);
        }
        emitting.join().map_err(|_| anyhow::anyhow!("the emitting thread panicked"))??;
        Ok(times)
    })?;
    let mut times = times;
    times.sort_by(f64::total_cmp);
    let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    let count = times.len();
    println!("| {rate} records a second: found after, p50 of {count} | {p50:.1} ms |");
    println!("| the same, p99 | {p99:.1} ms |");
    Ok(())
}

/// Emits a record of its own and searches until it is there; milliseconds.
async fn find_probe(dispatch: &Dispatch, store: &dyn LogStore, number: usize) -> Result<f64> {
    let search = Search::new(parse(&format!("probe.number:{number}")).query).limit(1);
    let started = Instant::now();
    tracing::dispatcher::with_default(dispatch, || {
        tracing::info!(probe.number = number, "looked for");
    });
    while store.search(&search).await?.records.is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

/// Emits at a rate for a time; `each` is called with every burst.
fn emit_paced(
    records: &[LogRecord],
    rate: u32,
    time: Duration,
    mut each: impl FnMut(u32) -> Result<()>,
) -> Result<()> {
    let mut records = records.iter().cycle();
    let started = Instant::now();
    for burst in 0_u32.. {
        let next = Duration::from_secs(1) * burst * BURST / rate;
        if next >= time {
            break;
        }
        std::thread::sleep(next.saturating_sub(started.elapsed()));
        records.by_ref().take(BURST as usize).for_each(emit);
        if burst % 50 == 0 {
            each(burst)?;
        }
    }
    Ok(())
}

fn emit(record: &LogRecord) {
    let text = |name| match record.field(name) {
        Some(Value::Str(text)) => Some(text.as_str()),
        _ => None,
    };
    let int = |name| match record.field(name) {
        Some(Value::Int(number)) => Some(*number),
        _ => None,
    };
    macro_rules! event {
        ($level:ident) => {
            tracing::$level!(
                http.request.id = text(fields::REQUEST_ID),
                http.request.method = text(fields::METHOD),
                http.route = text(fields::ROUTE),
                url.path = text(fields::PATH),
                http.response.status_code = int(fields::STATUS),
                user.name = text(fields::USER_NAME),
                duration_us = int(fields::DURATION),
                db.query.text = text(fields::DB_QUERY),
                db.rows = int(fields::DB_ROWS),
                error.message = text(fields::ERROR_MESSAGE),
                "{}",
                record.message
            )
        };
    }
    match record.level {
        Level::Error => event!(error),
        Level::Warn => event!(warn),
        Level::Info => event!(info),
        Level::Debug | Level::Trace => event!(debug),
    }
}

/// Resident megabytes.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    /// Of its own.
    anonymous: f64,
    /// Of files, which the system takes back when it needs the room.
    file: f64,
}

impl Memory {
    fn now() -> Result<Self> {
        let status = fs::read_to_string("/proc/self/status")?;
        let field = |name: &str| -> Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let value = line.with_context(|| format!("no {name}"))?;
            Ok(value.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
        };
        Ok(Self { anonymous: field("RssAnon:")?, file: field("RssFile:")? })
    }

    fn max(self, other: Self) -> Self {
        Self { anonymous: self.anonymous.max(other.anonymous), file: self.file.max(other.file) }
    }
}

/// CPU time of this process so far.
fn cpu_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, behind_name) = stat.rsplit_once(')').context("/proc/self/stat is cut off")?;
    let ticks = behind_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}
