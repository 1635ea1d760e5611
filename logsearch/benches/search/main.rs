//! Searching, aggregating, indexing and disk over the log of a web service from a seed, next to
//! ripgrep and `SQLite` FTS5 over the same records in the same run. Prints the tables of the README.
//!
//! `cargo bench -p logsearch --bench search` runs it; `EVENTS` is the numbers of records (1,000,000 and
//! 5,000,000). They are written to a temporary directory first: 2 GB of disk for the smallest million and 0.4
//! for each further one. With `DIRECTORY` they are written there, and what is there already is only
//! searched.

#![expect(clippy::print_stdout, reason = "the tables are the result")]

mod baselines;
mod data;
mod process;
mod stores;

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use logsearch::embedded::EmbeddedStore;
use logsearch::fields;
use logsearch::query::parse;
use logsearch::store::{Aggregation, LogStore, Search, TimeRange};
use logsearch::testing::{BENCHMARK_QUERIES, BenchmarkQuery};

use self::baselines::Baselines;
use self::data::{Data, NEEDLE};
use self::stores::{Times, alternate, build, open};

const PAGE: usize = 100;
const HOUR: i64 = 3_600_000_000;
const SEARCHES: usize = 400;
const AGGREGATIONS: usize = 20;

fn main() -> Result<()> {
    // `cargo test --benches` only wants to see that it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let sizes = std::env::var("EVENTS").unwrap_or_else(|_| "1000000,5000000".to_owned());
    let mut sizes =
        sizes.split(',').map(|size| size.trim().parse()).collect::<Result<Vec<_>, _>>()?;
    sizes.sort_unstable();
    let temporary = tempfile::tempdir()?;
    let kept = std::env::var_os("DIRECTORY");
    let directory = kept.as_deref().map_or(temporary.path(), Path::new);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(&Data::generate(directory, &sizes)?))
}

async fn run(logs: &[Data]) -> Result<()> {
    let Some(smallest) = logs.first() else { return Ok(()) };
    for data in logs.iter().filter(|data| !data.store().exists()) {
        build(data).await?;
        std::fs::remove_file(&data.encoded)?;
    }
    // The others grow with the data, which one size shows well enough.
    let baselines = Baselines::prepare(smallest).await?;
    let mut stores = Vec::new();
    let mut first = Vec::new();
    for data in logs {
        let store = open(&data.store())?;
        first.push(first_touches(&store, data).await?);
        stores.push(store);
    }
    newest(logs, &stores, &first, &baselines).await?;
    aggregations(logs, &stores, &baselines).await
}

/// Prints the next cells of a row.
fn cells(values: impl IntoIterator<Item: Display>) {
    for value in values {
        print!(" {value} |");
    }
}

/// Titles for as many stores as there are.
fn print_head(what: &str, logs: &[Data], of_each: &[&str], last: &[&str]) {
    print!("\n| {what} |");
    for of_each in of_each {
        cells(logs.iter().map(|data| format!("{of_each}, {}", data.events)));
    }
    cells(last);
    println!("\n|{}", "---|".repeat(1 + of_each.len() * logs.len() + last.len()));
}

fn ratio(times: &[Times]) -> f64 {
    times.last().zip(times.first()).map_or(1.0, |(last, first)| last.p50 / first.p50)
}

async fn newest(
    logs: &[Data],
    stores: &[EmbeddedStore],
    first: &[Vec<f64>],
    baselines: &Baselines,
) -> Result<()> {
    let of_each = ["matches", "p50 ms", "p99 ms", "first ms", "us a row"];
    let last = ["p50, last to first", "ripgrep ms", "SQLite ms"];
    print_head(&format!("newest {PAGE}"), logs, &of_each, &last);
    let all: Vec<_> = logs.iter().map(searches).collect();
    for (index, (name, _)) in all[0].iter().enumerate() {
        let (mut matches, mut rows) = (Vec::new(), Vec::new());
        for (store, searches) in stores.iter().zip(&all) {
            let search = &searches[index].1;
            matches.push(store.count(search.range, &search.query).await?);
            rows.push(store.search(search).await?.records.len());
        }
        let times = alternate(stores.len(), SEARCHES, async |which| {
            stores[which].search(&all[which][index].1).await?;
            Ok(())
        });
        let times = times.await?;
        print!("| {name} |");
        cells(matches);
        cells(times.iter().map(|times| format!("{:.3}", times.p50)));
        cells(times.iter().map(|times| format!("{:.3}", times.p99)));
        cells(first.iter().map(|first| format!("{:.2}", first[index])));
        for (times, rows) in times.iter().zip(rows) {
            let rows = f64::from(u32::try_from(rows.max(1))?);
            print!(" {:.2} |", times.p50 * 1e3 / rows);
        }
        let (rg, sql) = (baselines.ripgrep(name)?, baselines.sqlite(name, &logs[0]).await?);
        println!(" {:.2} | {rg} | {sql} |", ratio(&times));
    }
    Ok(())
}

fn searches(data: &Data) -> Vec<(String, Search)> {
    let one = |query: &BenchmarkQuery| {
        let text = query.text.replace("{request_id}", &data.request_id);
        let range = if query.last_hour {
            TimeRange { from: data.last - HOUR, to: data.last + 1 }
        } else {
            TimeRange::ALL
        };
        let tree = Arc::new(parse(&text).query);
        let search = Search::new(tree).within(range).limit(PAGE);
        (query.name.to_owned(), search)
    };
    // The thirteenth and a half: a rare word grows with the log, this one does not.
    let needle = BenchmarkQuery { name: "rare term, as often", text: NEEDLE, last_hour: false };
    BENCHMARK_QUERIES.iter().chain([&needle]).map(one).collect()
}

/// Milliseconds of the first run of each search over a store just opened.
async fn first_touches(store: &EmbeddedStore, data: &Data) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for (_, search) in searches(data) {
        let start = Instant::now();
        let page = store.search(&search).await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        ensure!(!page.records.is_empty(), "nothing found by {search:?}");
    }
    Ok(times)
}

async fn aggregations(
    logs: &[Data],
    stores: &[EmbeddedStore],
    baselines: &Baselines,
) -> Result<()> {
    print_head("aggregation", logs, &["p50 ms", "p99 ms"], &["p50, last to first", "SQLite ms"]);
    for (name, text, aggregation) in questions() {
        let query = parse(text).query;
        let times = alternate(stores.len(), AGGREGATIONS, async |which| {
            let last = logs[which].last;
            let range = TimeRange { from: last - 24 * HOUR * 14, to: last + 1 };
            stores[which].aggregate(range, &query, &aggregation).await?;
            Ok(())
        });
        let times = times.await?;
        print!("| {name} |");
        cells(times.iter().map(|times| format!("{:.2}", times.p50)));
        cells(times.iter().map(|times| format!("{:.2}", times.p99)));
        println!(" {:.2} | {} |", ratio(&times), baselines.sqlite(name, &logs[0]).await?);
    }
    Ok(())
}

/// Name, query and what is asked.
fn questions() -> [(&'static str, &'static str, Aggregation); 9] {
    let top = |field: &str| Aggregation::TopValues { fields: vec![field.into()], size: 10 };
    let by_route = Aggregation::Percentiles {
        field: fields::DURATION.into(),
        by: Some(fields::ROUTE.into()),
        size: 20,
        percents: vec![99.0],
    };
    let half_hours = || Aggregation::Histogram { interval: HOUR / 2 };
    [
        ("histogram by level, 30 min", "*", half_hours()),
        ("histogram of a common term", "finished", half_hours()),
        ("top 10 paths", "*", top(fields::PATH)),
        ("top 10 targets", "*", top(fields::TARGET)),
        ("p99 duration by route", "*", by_route),
        ("event types", "*", Aggregation::EventTypes { size: 20 }),
        ("count of a common term", "finished", Aggregation::Count),
        ("count, level without target", "level:info -target:minitwit::observe", Aggregation::Count),
        ("count of slow requests", "duration>500", Aggregation::Count),
    ]
}
