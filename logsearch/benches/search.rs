//! Searching, aggregating, indexing and disk over the log of a web service from a seed, next to
//! ripgrep and `SQLite` FTS5 over the same records in the same run. Prints the tables of the README.
//!
//! `cargo bench -p logsearch --bench search` runs it; `EVENTS` is the numbers of records (1,000,000 and
//! 5,000,000). They are written to a temporary directory first: up to 2 GB of disk per million.

#![expect(clippy::print_stdout, reason = "the tables are the result")]
#![expect(clippy::cast_precision_loss, reason = "figures are printed with three digits")]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use logsearch::codec;
use logsearch::embedded::{EmbeddedStore, Options};
use logsearch::fields;
use logsearch::query::parse;
use logsearch::record::{LogRecord, Value};
use logsearch::store::{Aggregate, Aggregation, LogStore, Search, TimeRange};
use logsearch::testing::{BENCHMARK_QUERIES, BenchmarkQuery, WebLog};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{Connection as _, Row as _, SqliteConnection};

const SEED: u64 = 7;
const PAGE: usize = 100;
const HOUR: i64 = 3_600_000_000;

fn main() -> Result<()> {
    // `cargo test --benches` only wants to see that it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let sizes = std::env::var("EVENTS").unwrap_or_else(|_| "1000000,5000000".to_owned());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut all: Vec<(u64, Vec<Figure>)> = Vec::new();
    for events in sizes.split(',') {
        let events = events.trim().parse()?;
        let directory = tempfile::tempdir()?;
        let data = Data::generate(directory.path(), events)?;
        // The others grow with the data, which one size shows well enough.
        let with_baselines = all.is_empty();
        let figures = runtime.block_on(run(&data, directory.path(), with_baselines))?;
        all.push((events, figures));
    }
    if let [(few, first), .., (many, last)] = &all[..] {
        compare(*few, first, *many, last);
    }
    Ok(())
}

/// A question and the median of its times in milliseconds.
type Figure = (String, f64);

/// How the same questions take over more records.
fn compare(few: u64, first: &[Figure], many: u64, last: &[Figure]) {
    println!("| p50 of {many} records / of {few} | ms | ms | ratio |\n|---|---|---|---|");
    for ((name, before), (_, after)) in first.iter().zip(last) {
        println!("| {name} | {before:.3} | {after:.3} | {:.2} |", after / before);
    }
}

/// The records as files: lines of JSON for others, encoded batches for the store.
struct Data {
    events: u64,
    lines: PathBuf,
    encoded: PathBuf,
    raw_bytes: u64,
    last: i64,
    request_id: String,
}

impl Data {
    fn generate(directory: &Path, events: u64) -> Result<Self> {
        let (lines, encoded) = (directory.join("log.ndjson"), directory.join("log.encoded"));
        let mut json = BufWriter::new(File::create(&lines)?);
        let mut batches = BufWriter::new(File::create(&encoded)?);
        let (mut batch, mut last) = (Vec::new(), 0);
        let log = WebLog::new(SEED);
        let request_id = log.request_id(events / 8);
        for record in log.take(usize::try_from(events)?) {
            serde_json::to_writer(&mut json, &as_json(&record))?;
            json.write_all(b"\n")?;
            last = last.max(record.timestamp);
            codec::encode(&record, &mut batch);
            if batch.len() > 256 * 1024 {
                write_batch(&mut batches, &mut batch)?;
            }
        }
        write_batch(&mut batches, &mut batch)?;
        json.flush()?;
        batches.flush()?;
        let raw_bytes = fs::metadata(&lines)?.len();
        Ok(Self { events, lines, encoded, raw_bytes, last, request_id })
    }
}

fn write_batch(out: &mut impl Write, batch: &mut Vec<u8>) -> Result<()> {
    out.write_all(&u32::try_from(batch.len())?.to_le_bytes())?;
    out.write_all(batch)?;
    batch.clear();
    Ok(())
}

/// A record as `tracing-subscriber` would print it as JSON.
fn as_json(record: &LogRecord) -> serde_json::Value {
    let mut line = serde_json::Map::new();
    let time = jiff::Timestamp::from_microsecond(record.timestamp).unwrap_or_default();
    line.insert("timestamp".into(), time.to_string().into());
    line.insert("level".into(), record.level.as_str().into());
    line.insert("target".into(), record.target.clone().into());
    line.insert("message".into(), record.message.clone().into());
    for (name, value) in &record.fields {
        let value = match value {
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Str(value) => value.clone().into(),
        };
        line.insert(name.clone(), value);
    }
    line.into()
}

async fn run(data: &Data, directory: &Path, with_baselines: bool) -> Result<Vec<Figure>> {
    let root = directory.join("store");
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

    let store = open(&root)?;
    let first = first_touches(&store, data).await?;
    let baseline =
        if with_baselines { Some(Baselines::prepare(data, directory).await?) } else { None };
    println!("| newest {PAGE} | matches | p50 ms | p99 ms | first ms | ripgrep ms | SQLite ms |");
    println!("|---|---|---|---|---|---|---|");
    let mut figures = Vec::new();
    for ((name, search), first) in searches(data).into_iter().zip(first) {
        let times = time(200, || async {
            store.search(&search).await?;
            Ok(())
        })
        .await?;
        let matches = store.aggregate(search.range, &search.query, &Aggregation::Count).await?;
        let Aggregate::Count(matches) = matches else { continue };
        let (rg, sql) = match &baseline {
            Some(baseline) => (baseline.ripgrep(&name)?, baseline.sqlite(&name, data).await?),
            None => (String::new(), String::new()),
        };
        let (p50, p99) = times;
        println!("| {name} | {matches} | {p50:.3} | {p99:.3} | {first:.2} | {rg} | {sql} |");
        figures.push((name, p50));
    }
    let mut sorted: Vec<f64> = figures.iter().map(|(_, p50)| *p50).collect();
    sorted.sort_by(f64::total_cmp);
    let (middle, slowest) = (sorted[sorted.len() / 2], sorted[sorted.len() - 1]);
    println!("\nmedian of the medians {middle:.3} ms, slowest {slowest:.3} ms\n");
    aggregations(&store, baseline.as_ref(), data, &mut figures).await?;
    Ok(figures)
}

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

fn open(root: &Path) -> Result<EmbeddedStore> {
    let options = Options {
        max_age: Duration::from_hours(100 * 365 * 24),
        max_bytes: 1 << 40,
        min_free_bytes: 0,
        commit_records: 200_000,
        ..Options::default()
    };
    EmbeddedStore::open(root, options).context("could not open the store")
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

fn searches(data: &Data) -> Vec<(String, Search)> {
    let one = |query: &BenchmarkQuery| {
        let text = query.text.replace("{request_id}", &data.request_id);
        let range = if query.last_hour {
            TimeRange { from: data.last - HOUR, to: data.last + 1 }
        } else {
            TimeRange::ALL
        };
        let tree = Arc::new(parse(&text).query);
        let search = Search { range, query: tree, ascending: false, after: None, limit: PAGE };
        (query.name.to_owned(), search)
    };
    BENCHMARK_QUERIES.iter().map(one).collect()
}

/// Milliseconds of the first run of each search over a store just opened.
async fn first_touches(store: &EmbeddedStore, data: &Data) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for (_, search) in searches(data) {
        let start = Instant::now();
        store.search(&search).await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// Median and 99th percentile in milliseconds, after a fifth of the runs to warm up.
async fn time<F: Future<Output = Result<()>>>(
    runs: usize,
    work: impl Fn() -> F,
) -> Result<(f64, f64)> {
    let mut times = Vec::new();
    for run in 0..runs + runs / 5 {
        let start = Instant::now();
        work().await?;
        if run >= runs / 5 {
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    times.sort_by(f64::total_cmp);
    Ok((times[times.len() / 2], times[times.len() * 99 / 100]))
}

async fn aggregations(
    store: &EmbeddedStore,
    baseline: Option<&Baselines>,
    data: &Data,
    figures: &mut Vec<Figure>,
) -> Result<()> {
    let top = |field: &str| Aggregation::TopValues { fields: vec![field.into()], size: 10 };
    let by_route = Aggregation::Percentiles {
        field: fields::DURATION.into(),
        by: Some(fields::ROUTE.into()),
        size: 20,
        percents: vec![99.0],
    };
    let half_hours = || Aggregation::Histogram { interval: HOUR / 2 };
    let cases = [
        ("histogram by level, 30 min", "*", half_hours()),
        ("histogram of a common term", "finished", half_hours()),
        ("top 10 paths", "*", top(fields::PATH)),
        ("top 10 targets", "*", top(fields::TARGET)),
        ("p99 duration by route", "*", by_route),
        ("event types", "*", Aggregation::EventTypes { size: 20 }),
        ("count of a common term", "finished", Aggregation::Count),
        ("count, level without target", "level:info -target:minitwit::observe", Aggregation::Count),
        ("count of slow requests", "duration>500", Aggregation::Count),
    ];
    println!("| aggregation | p50 ms | p99 ms | SQLite ms |\n|---|---|---|---|");
    let range = TimeRange { from: data.last - 24 * HOUR * 14, to: data.last + 1 };
    for (name, text, aggregation) in cases {
        let query = parse(text).query;
        let run = || async {
            store.aggregate(range, &query, &aggregation).await?;
            Ok(())
        };
        let (p50, p99) = time(20, run).await?;
        let sql = match baseline {
            Some(baseline) => baseline.sqlite(name, data).await?,
            None => String::new(),
        };
        println!("| {name} | {p50:.2} | {p99:.2} | {sql} |");
        figures.push((name.to_owned(), p50));
    }
    println!();
    Ok(())
}

/// Other tools over the same records.
struct Baselines {
    lines: PathBuf,
    database: PathBuf,
}

const SCHEMA: &str = "
    CREATE TABLE log (id INTEGER PRIMARY KEY, ts TEXT, level TEXT, target TEXT, route TEXT,
        path TEXT, duration INTEGER, request_id TEXT, message TEXT, line TEXT);
    CREATE VIRTUAL TABLE words USING fts5(message, content='log', content_rowid='id')";
const INSERT: &str = "
    INSERT INTO log (ts, level, target, route, path, duration, request_id, message, line)
    SELECT value ->> 'timestamp', value ->> 'level', value ->> 'target', value ->> '$.\"http.route\"',
        value ->> '$.\"url.path\"', value ->> 'duration_us', value ->> '$.\"http.request.id\"',
        value ->> 'message', value FROM json_each($1)";
const INDEXES: &str = "
    INSERT INTO words (words) VALUES ('rebuild');
    CREATE INDEX log_level ON log (level); CREATE INDEX log_path ON log (path);
    CREATE INDEX log_duration ON log (duration); CREATE INDEX log_request ON log (request_id);
    ANALYZE";

impl Baselines {
    /// Loads the records into `SQLite` with the indexes its queries want.
    async fn prepare(data: &Data, directory: &Path) -> Result<Self> {
        let database = directory.join("log.sqlite");
        let (cpu, wall) = (cpu_seconds()?, Instant::now());
        let mut connection = connect(&database).await?;
        sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
        let mut lines = BufReader::new(File::open(&data.lines)?).lines();
        loop {
            let chunk: Vec<String> = lines.by_ref().take(20_000).collect::<Result<_, _>>()?;
            if chunk.is_empty() {
                break;
            }
            let array = format!("[{}]", chunk.join(","));
            sqlx::query(INSERT).bind(array).execute(&mut connection).await?;
        }
        sqlx::raw_sql(INDEXES).execute(&mut connection).await?;
        connection.close().await?;
        let millions = data.events as f64 / 1e6;
        println!("| SQLite FTS5 | |\n|---|---|");
        println!("| CPU seconds per million | {:.1} |", (cpu_seconds()? - cpu) / millions);
        println!("| wall seconds per million | {:.1} |", wall.elapsed().as_secs_f64() / millions);
        let bytes = fs::metadata(&database)?.len();
        println!("| disk / JSON | {:.3} |\n", bytes as f64 / data.raw_bytes as f64);
        Ok(Self { lines: data.lines.clone(), database })
    }

    /// Median milliseconds of counting the matching lines, where an expression can say what matches.
    fn ripgrep(&self, name: &str) -> Result<String> {
        let expression = match name {
            "rare term" => "deadlock",
            "common term" => "finished",
            "phrase" => "database is locked",
            "level" => "\"level\":\"error\"",
            "pattern on path" => "\"url.path\":\"/msgs/Wayne",
            "number above" => "\"duration_us\":([5-9][0-9]{5}|[0-9]{7,})",
            _ => return Ok("-".into()),
        };
        let mut times = Vec::new();
        for _ in 0..3 {
            let start = Instant::now();
            let found = Command::new("rg").args(["-c", expression]).arg(&self.lines).output();
            let Ok(found) = found else { return Ok("no rg".into()) };
            ensure!(found.status.code() != Some(2), "rg failed");
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        Ok(format!("{:.0}", times[1]))
    }

    /// Median milliseconds of the same question in SQL.
    async fn sqlite(&self, name: &str, data: &Data) -> Result<String> {
        let Some(statement) = statement(name, &data.request_id) else { return Ok("-".into()) };
        let mut connection = connect(&self.database).await?;
        let mut times = Vec::new();
        for _ in 0..4 {
            let start = Instant::now();
            let query = sqlx::query(sqlx::AssertSqlSafe(statement.clone()));
            let rows = query.fetch_all(&mut connection).await?;
            ensure!(rows.iter().all(|row| !row.is_empty()), "rows without columns");
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        Ok(format!("{:.2}", times[1]))
    }
}

fn statement(name: &str, request_id: &str) -> Option<String> {
    let words = |expression: &str| {
        format!(
            "SELECT line FROM log JOIN words ON words.rowid = id
             WHERE words MATCH '{expression}' ORDER BY words.rowid DESC LIMIT 100"
        )
    };
    let plain =
        |filter: &str| format!("SELECT line FROM log WHERE {filter} ORDER BY id DESC LIMIT 100");
    Some(match name {
        "newest of all" => plain("1"),
        "rare term" => words("deadlock"),
        "common term" => words("finished"),
        "phrase" => words("\"database is locked\""),
        "level" => plain("level = 'error'"),
        "number above" => plain("duration > 500000"),
        "pattern on path" => plain("path GLOB '/msgs/Wayne*'"),
        "request id" => plain(&format!("request_id = '{request_id}'")),
        "histogram by level, 30 min" => {
            "SELECT unixepoch(ts) / 1800, level, count(*) FROM log GROUP BY 1, 2".into()
        }
        "top 10 paths" => "SELECT path, count(*) FROM log WHERE path IS NOT NULL
            GROUP BY 1 ORDER BY 2 DESC LIMIT 10"
            .into(),
        "p99 duration by route" => "SELECT route, count(*), avg(duration) FROM log
            WHERE duration IS NOT NULL GROUP BY 1"
            .into(),
        "count of a common term" => {
            "SELECT count(*) FROM words WHERE words MATCH 'finished'".into()
        }
        "count of slow requests" => "SELECT count(*) FROM log WHERE duration > 500000".into(),
        _ => return None,
    })
}

async fn connect(database: &Path) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .pragma("cache_size", "-64000")
        .pragma("mmap_size", "2147483648");
    Ok(SqliteConnection::connect_with(&options).await?)
}

/// CPU time of this process so far.
fn cpu_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, behind_name) = stat.rsplit_once(')').context("/proc/self/stat is cut off")?;
    let ticks = behind_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}

fn peak_megabytes() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim_end_matches("kB").trim().parse::<f64>()? / 1e3)
}

/// Bytes of the files below a directory with one of these extensions or names; of all when none is
/// given.
fn bytes_below(path: &Path, kinds: &[&str]) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let sizes = entries.flatten().map(|entry| {
        let path = entry.path();
        let part = path.extension().or_else(|| path.file_name());
        let is_wanted = kinds.is_empty() || kinds.iter().any(|kind| part == Some(kind.as_ref()));
        match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes_below(&path, kinds),
            Ok(meta) if is_wanted => meta.len(),
            _ => 0,
        }
    });
    sizes.sum()
}
