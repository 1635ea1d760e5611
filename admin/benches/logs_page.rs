//! What the page Logs costs the server over the log of a day of a web service, a million records in the
//! embedded store: how soon the records are sent, and how long the counts behind them take. The router is
//! called in process, so that what is measured is the server and neither a network nor a browser. And how
//! long the other pages that count records take as a whole, over the same day.
//!
//! `cargo bench -p admin --bench logs_page` runs it; `EVENTS` is the number of records (1,000,000).

#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(clippy::cast_precision_loss, reason = "figures are printed with two digits")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use admin::{Admin, Operator, Role};
use anyhow::{Context as _, Result, bail, ensure};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use http_body_util::BodyExt as _;
use logsearch::codec;
use logsearch::embedded::{EmbeddedStore, Options};
use logsearch::store::LogStore as _;
use logsearch::testing::WebLog;
use tower::ServiceExt as _;

const SEED: u64 = 7;
/// Measured visits of each page, and those before them that warm up.
const VISITS: usize = 60;
const WARM_UP: usize = 6;
/// Measured visits of a page that is no log.
const PAGE_VISITS: usize = 20;
/// The most that 95 of 100 visits may take, in milliseconds: until the records are there, and from then
/// until the counts are.
const ROWS: f64 = 60.0;
const COUNTS: f64 = 150.0;
const DAY: i64 = 86_400_000_000;

/// What people look at, as the parameters of the page without its window, and hours back from the end.
const VIEWS: [(&str, &str, i64); 12] = [
    ("everything", "", 24),
    ("everything, last hour", "", 1),
    ("warnings and errors", "q=level%3E%3Dwarn", 24),
    ("errors", "q=level:error", 24),
    ("a frequent word", "q=finished", 24),
    ("a rare word", "q=deadlock", 24),
    ("a phrase", "q=%22database+is+locked%22", 24),
    ("slow requests", "q=duration:%3E500ms", 24),
    ("a route, failed", "q=route:/msgs/*+status:5xx", 24),
    ("without statements", "q=-db.query.text:*", 24),
    ("a pattern, more columns", "q=path:/msgs/W*&cols=route,status,user,duration", 24),
    ("oldest first", "q=level:info&sort=old", 24),
];

/// The other pages that count, each as a whole.
const PAGES: [&str; 6] =
    ["", "/requests", "/requests?sort=slow", "/requests/sql", "/errors", "/metrics"];

fn main() -> Result<()> {
    // `cargo test --benches` only wants to see that it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let events = std::env::var("EVENTS").ok().map_or(Ok(1_000_000), |events| events.parse())?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(events))
}

async fn run(events: usize) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let store = Arc::new(open(directory.path())?);
    let end = fill(&store, events).await?;
    let panel = Admin::new(store).clock(move || end);
    let app: Router = panel.router(async |_| Ok(Operator::new("bench", Role::Viewer)));
    println!("| {events} records in 24 h | records, p50 ms | p95 | counts, p50 ms | p95 | kB |");
    println!("|---|---|---|---|---|---|");
    let mut slowest = (0.0_f64, 0.0_f64);
    for (name, parameters, hours) in VIEWS {
        let visits = visits(&app, &format!("/admin/logs?from={hours}h&{parameters}")).await?;
        let rows = times(&visits, |visit| visit.rows);
        let counts = times(&visits, |visit| visit.counts);
        let kilobytes = visits[0].kilobytes();
        println!(
            "| {name} | {:.1} | {:.1} | {:.1} | {:.1} | {kilobytes:.0} |",
            rows.0, rows.1, counts.0, counts.1
        );
        slowest = (slowest.0.max(rows.1), slowest.1.max(counts.1));
    }
    println!("\nslowest p95: records {:.1} ms, counts {:.1} ms", slowest.0, slowest.1);
    println!("the most they may take: {ROWS} ms, {COUNTS} ms");
    other_pages(&app).await
}

async fn other_pages(app: &Router) -> Result<()> {
    println!("\n| page over 24 h | p50 ms | p95 | kB |\n|---|---|---|---|");
    for page in PAGES {
        let mark = if page.contains('?') { '&' } else { '?' };
        let url = format!("/admin{page}{mark}from=24h");
        let mut visits = Vec::new();
        for _ in 0..WARM_UP + PAGE_VISITS {
            visits.push(visit(app, &url).await?);
        }
        let (median, slow) = times(&visits[WARM_UP..], |visit| visit.rows + visit.counts);
        println!("| {page} | {median:.1} | {slow:.1} | {:.0} |", visits[0].kilobytes());
    }
    Ok(())
}

fn open(directory: &Path) -> Result<EmbeddedStore> {
    let options = Options {
        max_age: Duration::from_hours(100 * 365 * 24),
        min_free_bytes: 0,
        ..Options::default()
    };
    EmbeddedStore::open(directory, options).context("could not open the store")
}

/// Fills the store with one day, and says when it ends, in microseconds.
async fn fill(store: &EmbeddedStore, events: usize) -> Result<i64> {
    let mut log = WebLog::new(SEED).take(events).peekable();
    let start = log.peek().context("no records")?.timestamp;
    let last = WebLog::new(SEED).take(events).last().context("no records")?.timestamp;
    let scale = DAY as f64 / (last - start) as f64;
    let mut batch = Vec::new();
    for (number, mut record) in log.enumerate() {
        #[expect(clippy::cast_possible_truncation, reason = "microseconds of a day")]
        let since = ((record.timestamp - start) as f64 * scale) as i64;
        record.timestamp = start + since.min(DAY - 1);
        codec::encode(&record, &mut batch);
        if batch.len() > 256 * 1024 {
            store.wal().append(std::mem::take(&mut batch));
        }
        // Faster than indexing would only mean that the log is read a second time.
        if number % 100_000 == 0 {
            ensure!(store.flush(Duration::from_mins(10)).await, "indexing hangs");
        }
    }
    store.wal().append(batch);
    ensure!(store.flush(Duration::from_mins(10)).await, "indexing hangs");
    let status = store.status().await?;
    ensure!(status.records == events as u64, "records are missing: {status:?}");
    Ok(start + DAY)
}

/// One visit: the first piece of the page and the rest, with the milliseconds until each was there.
struct Visit {
    first: Bytes,
    rows: f64,
    rest: Bytes,
    counts: f64,
}

impl Visit {
    fn kilobytes(&self) -> f64 {
        (self.first.len() + self.rest.len()) as f64 / 1e3
    }

    /// Whether the first piece has records, and the rest their number.
    fn is_whole(&self) -> bool {
        let has =
            |body: &[u8], text: &str| body.windows(text.len()).any(|part| part == text.as_bytes());
        has(&self.first, "<tr class=\"record") && has(&self.rest, "· exact · ")
    }
}

async fn visits(app: &Router, url: &str) -> Result<Vec<Visit>> {
    let mut visits = Vec::new();
    for _ in 0..WARM_UP {
        visit(app, url).await?;
    }
    for _ in 0..VISITS {
        let visit = visit(app, url).await?;
        ensure!(visit.is_whole(), "{url} shows no records or counts none");
        visits.push(visit);
    }
    Ok(visits)
}

async fn visit(app: &Router, url: &str) -> Result<Visit> {
    let request = Request::get(url).body(Body::empty())?;
    let started = Instant::now();
    let response = app.clone().oneshot(request).await?;
    ensure!(response.status().is_success(), "{url}: {}", response.status());
    let mut body = response.into_body();
    let Some(first) = body.frame().await else { bail!("{url} is empty") };
    let rows = started.elapsed();
    let first = first?.into_data().ok().context("a page begins with data")?;
    let rest = body.collect().await?.to_bytes();
    let counts = started.elapsed().saturating_sub(rows);
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    Ok(Visit { first, rows: milliseconds(rows), rest, counts: milliseconds(counts) })
}

/// Median and 95th percentile.
fn times(visits: &[Visit], of: impl Fn(&Visit) -> f64) -> (f64, f64) {
    let mut times: Vec<f64> = visits.iter().map(of).collect();
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() * 95 / 100])
}
