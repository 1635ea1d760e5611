//! Other tools over the same records: ripgrep and `SQLite` FTS5.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, ensure};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::data::Data;
use crate::process::cpu_seconds;

/// Other tools over the same records.
pub struct Baselines {
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
    /// Loads the records into `SQLite` with the indexes its queries want, unless that has been done.
    #[expect(clippy::cast_precision_loss, reason = "figures are printed with three digits")]
    pub async fn prepare(data: &Data) -> Result<Self> {
        let database = data.lines.with_file_name("log.sqlite");
        if database.exists() {
            return Ok(Self { lines: data.lines.clone(), database });
        }
        let (cpu, wall) = (cpu_seconds()?, Instant::now());
        let mut connection = connect(&database).await?;
        sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
        let mut lines = BufReader::new(fs::File::open(&data.lines)?).lines();
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
    pub fn ripgrep(&self, name: &str) -> Result<String> {
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
    pub async fn sqlite(&self, name: &str, data: &Data) -> Result<String> {
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
