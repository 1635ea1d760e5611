//! What the service costs and what it survives, as a table: CPU per request, timelines at a hundred
//! times the messages, 16 writers at once, processes that are killed, and memory after a simulation.
//! On SQLite, and on PostgreSQL where its server is installed, in a temporary cluster.
//!
//! `cargo bench -p minitwit --bench load` builds and starts the release binary; nothing else has to
//! run, and the machine should be idle. `MINITWIT_SCENARIO=<file>` replays a file of the course for the
//! simulation instead of an invented one. Behind `--`, parts can be chosen: `simulation`, `requests`,
//! `writers`, `kills`, `timelines`.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is for people")]

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, HOST};
use http_body_util::Full;
use minitwit::auth::SessionToken;
use minitwit::client::{self, Answer, Failure};
use minitwit::db::{DatabaseUrl, Db, PoolSizes};
use serde_json::json;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::task::JoinSet;

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/postgres.rs"]
mod postgres;

const SIMULATOR: &str = "Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh";
/// Far above what anything should take: what is slow shows in the figures, not as an error.
const PATIENCE: Duration = Duration::from_secs(30);
const SMALL: u64 = 10_000;
const LARGE: u64 = 1_000_000;
const FOLLOWED: u64 = 500;
const WRITERS: usize = 16;
const WRITING: Duration = Duration::from_secs(30);
const KILLS: u64 = 20;

#[tokio::main]
async fn main() {
    println!("| figure | database | measured | bar | |\n|---|---|---|---|---|");
    measure("SQLite", None).await;
    if let Some(cluster) = postgres::shared() {
        let database = cluster.create_database();
        measure("PostgreSQL", Some(database.url())).await;
    }
}

async fn measure(name: &'static str, postgres: Option<String>) {
    let dir = tempfile::tempdir().unwrap();
    let place = Place { name, dir: dir.path(), postgres };
    // A first start brings the database to the program's schema.
    drop(place.start());
    if wanted("simulation") {
        memory_after_simulation(&place);
    }
    if wanted("requests") {
        cpu_per_request(&place).await;
    }
    if wanted("writers") {
        many_writers(&place).await;
    }
    if wanted("kills") {
        killed(&place).await;
    }
    if wanted("timelines") {
        timelines(&place).await;
    }
}

/// Whether the arguments name this part, or none. Cargo adds options of its own.
fn wanted(part: &str) -> bool {
    let mut parts = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).peekable();
    parts.peek().is_none() || parts.any(|wanted| wanted == part)
}

/// Where a service is started.
struct Place<'a> {
    name: &'static str,
    dir: &'a Path,
    postgres: Option<String>,
}

impl Place<'_> {
    fn row(&self, figure: &str, measured: f64, unit: &str, bar: f64) {
        let verdict = if measured <= bar { "holds" } else { "**over**" };
        println!("| {figure} | {} | {measured:.2} {unit} | {bar} {unit} | {verdict} |", self.name);
    }

    fn url(&self) -> DatabaseUrl {
        match &self.postgres {
            Some(url) => DatabaseUrl::Postgres(url.clone()),
            None => DatabaseUrl::Sqlite(self.dir.join("minitwit.sqlite")),
        }
    }

    async fn sql(&self, sqlite: &str, postgres: &str) {
        let sql = |text: &str| AssertSqlSafe(text.to_owned());
        match self.url() {
            DatabaseUrl::Sqlite(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let mut connection = options.connect().await.unwrap();
                sqlx::raw_sql(sql(sqlite)).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            DatabaseUrl::Postgres(url) => {
                let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
                let mut connection = options.connect().await.unwrap();
                sqlx::raw_sql(sql(postgres)).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    fn start(&self) -> Service {
        let mut command = Command::new(env!("CARGO_BIN_EXE_minitwit"));
        let port = "127.0.0.1:0";
        command.args(["--site", port, "--api", port, "--ops", port, "--log-format", "json"]);
        command.args(["--backups", "0", "--data-dir"]).arg(self.dir);
        if let Some(url) = &self.postgres {
            command.env("MINITWIT_DATABASE_URL", url);
        }
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut addresses = Vec::new();
        while addresses.len() < 3 {
            let line = lines.next().unwrap().unwrap();
            let record = serde_json::from_str::<serde_json::Value>(&line).unwrap_or_default();
            if record["message"] == "listening" {
                addresses.push(record["address"].as_str().unwrap().parse().unwrap());
            }
        }
        std::thread::spawn(move || lines.for_each(drop));
        Service { child, site: addresses[0], api: addresses[1] }
    }
}

/// A running service, killed when dropped.
struct Service {
    child: Child,
    site: SocketAddr,
    api: SocketAddr,
}

impl Service {
    /// User and system time so far.
    fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let field = |index| fields.split(' ').nth(index).unwrap().parse::<u64>().unwrap();
        let ticks_per_second = rustix::param::clock_ticks_per_second();
        Duration::from_millis((field(11) + field(12)) * 1_000 / ticks_per_second)
    }

    /// Resident memory in MB.
    fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    async fn register(&self, name: &str) {
        let body = json!({"username": name, "email": "a@b", "pwd": "password"});
        let answer = post(self.api, "/register", &body).await.unwrap();
        assert!([204, 400].contains(&answer.status.as_u16()));
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

async fn get(address: SocketAddr, path: &str, cookie: &str) -> Answer {
    let request = http::Request::get(path).header(HOST, "localhost").header(COOKIE, cookie);
    let request = request.header(AUTHORIZATION, SIMULATOR).body(Full::default()).unwrap();
    let answer = client::send(address, request, PATIENCE).await.unwrap();
    assert_eq!(answer.status, 200, "{path}");
    answer
}

async fn post(api: SocketAddr, path: &str, body: &serde_json::Value) -> Result<Answer, Failure> {
    let request = http::Request::post(path).header(HOST, "localhost");
    let request = request.header(AUTHORIZATION, SIMULATOR);
    let request = request.body(Full::<Bytes>::from(body.to_string())).unwrap();
    client::send(api, request, PATIENCE).await
}

fn memory_after_simulation(place: &Place<'_>) {
    let service = place.start();
    let mut simulate = Command::new(env!("CARGO_BIN_EXE_minitwit"));
    simulate.args(["simulate", "--no-wait", "--json", "--url"]);
    simulate.arg(format!("http://{}", service.api));
    match std::env::var_os("MINITWIT_SCENARIO") {
        Some(file) => simulate.arg("--file").arg(file),
        None => simulate.args(["--users", "129", "--duration", "20s"]),
    };
    let output = simulate.output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = &report["all"];
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    let errors = all["errors"].as_u64().unwrap() as f64;
    place.row(&format!("errors of {} simulated commands", all["requests"]), errors, "", 0.0);
    place.row("resident memory afterwards", service.memory(), "MB", 60.0);
}

async fn cpu_per_request(place: &Place<'_>) {
    let service = place.start();
    service.register("bench").await;
    for number in 0..100 {
        post(service.api, "/msgs/bench", &message(&format!("message {number}"))).await.unwrap();
    }
    let requests = 1_000;
    let cpu = average(&service, requests, async |_| drop(get(service.site, "/public", "").await));
    place.row("CPU of GET /public", cpu.await, "ms", 1.0);
    let list = "/msgs?no=100";
    let cpu = average(&service, requests, async |_| drop(get(service.api, list, "").await));
    place.row("CPU of GET /msgs?no=100", cpu.await, "ms", 1.0);
    let cpu = average(&service, requests, async |number| {
        let text = message(&format!("measured {number}"));
        assert_eq!(post(service.api, "/msgs/bench", &text).await.unwrap().status, 204);
    });
    place.row("CPU of POST /msgs/<user>", cpu.await, "ms", 1.0);
    let cpu = average(&service, 50, async |number| {
        service.register(&format!("new {number}")).await;
    });
    place.row("CPU of POST /register", cpu.await, "ms", 40.0);
}

/// CPU time of the service per request, in milliseconds. Each has a connection of its own.
async fn average(service: &Service, requests: u32, request: impl AsyncFn(u32)) -> f64 {
    for number in 0..requests / 10 {
        request(number + requests).await;
    }
    let before = service.cpu();
    for number in 0..requests {
        request(number).await;
    }
    service.cpu().saturating_sub(before).as_secs_f64() * 1e3 / f64::from(requests)
}

fn message(text: &str) -> serde_json::Value {
    json!({ "content": text })
}

async fn many_writers(place: &Place<'_>) {
    let service = place.start();
    service.register("writer").await;
    let end = Instant::now() + WRITING;
    let (acknowledged, errors) = write(service.api, "w", move |_| Instant::now() < end).await;
    drop(service);
    place.row(&format!("errors of {WRITERS} writers in 30 s"), count(errors), "", 0.0);
    let lost = lost(place, &acknowledged).await;
    place.row(&format!("lost of {} acknowledged", acknowledged.len()), lost, "", 0.0);
}

async fn killed(place: &Place<'_>) {
    let mut acknowledged = HashSet::new();
    for round in 0..KILLS {
        let mut service = place.start();
        service.register("writer").await;
        let api = service.api;
        let writing = tokio::spawn(async move { write(api, &format!("k{round}"), |_| true).await });
        // Other moments each time: early, while busy, at a checkpoint.
        tokio::time::sleep(Duration::from_millis(50 + round * 137 % 900)).await;
        service.child.kill().unwrap();
        acknowledged.extend(writing.await.unwrap().0);
    }
    let lost = lost(place, &acknowledged).await;
    let figure = format!("lost of {} acknowledged, {KILLS} times kill -9", acknowledged.len());
    place.row(&figure, lost, "", 0.0);
}

/// What of it the database does not hold exactly once.
async fn lost(place: &Place<'_>, acknowledged: &HashSet<String>) -> f64 {
    let sizes = PoolSizes { sqlite_readers: 1, postgres: 1 };
    let db = Db::open_existing(&place.url(), sizes).await.unwrap();
    let mut missing = acknowledged.clone();
    let mut after = 0;
    loop {
        let messages = db.dump_messages(after, 10_000).await.unwrap();
        let Some(last) = messages.last() else { break };
        after = last.id;
        for message in &messages {
            missing.remove(&message.text);
        }
    }
    db.close().await;
    count(missing.len())
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

/// Posts from many writers while `more`, or until nobody answers; what was acknowledged, and how many
/// answers were wrong.
async fn write(
    api: SocketAddr,
    name: &str,
    more: impl Fn(u32) -> bool + Copy + Send + Sync + 'static,
) -> (HashSet<String>, usize) {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let name = format!("{name} {writer}");
        writers.spawn(async move {
            let (mut acknowledged, mut errors) = (Vec::new(), 0);
            for number in (0..).take_while(|number| more(*number)) {
                let text = format!("{name} {number}");
                match post(api, "/msgs/writer", &message(&text)).await {
                    Ok(answer) if answer.status == 204 => acknowledged.push(text),
                    Ok(_) => errors += 1,
                    Err(_) => {
                        errors += 1;
                        break;
                    }
                }
            }
            (acknowledged, errors)
        });
    }
    let mut all = (HashSet::new(), 0);
    while let Some(part) = writers.join_next().await {
        let (acknowledged, errors) = part.unwrap();
        all.0.extend(acknowledged);
        all.1 += errors;
    }
    all
}

/// Timelines with some messages, and with a hundred times as many.
async fn timelines(place: &Place<'_>) {
    let token = SessionToken::generate().unwrap();
    let hash = token.hash().map(|byte| format!("{byte:02x}")).concat();
    // Users with ids of their own, behind those of the other measurements.
    let user = "'reader ' || i, 'r@example.com', 'none', 0";
    let session = |blob: &str| {
        format!(
            "INSERT INTO sessions SELECT {blob}, id, 9e15::BIGINT, 9e15::BIGINT FROM users \
             WHERE username = 'reader 1';"
        )
    };
    let follow = format!(
        "INSERT INTO followers (who_id, whom_id, created_at) SELECT r.id, u.id, 0 FROM users r, users u
         WHERE r.username = 'reader 1' AND u.username LIKE 'reader %' AND u.id > r.id
         ORDER BY u.id LIMIT {FOLLOWED};"
    );
    let now = "DELETE FROM messages; DELETE FROM sessions;";
    place
        .sql(
            &format!(
                "{now} WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
                 INSERT INTO users (username, email, pw_hash, created_at) SELECT {user} FROM n; {follow}
                 {}",
                session(&format!("x'{hash}'")).replace("9e15::BIGINT", "unixepoch() * 1000000")
            ),
            &format!(
                "{now} INSERT INTO users (username, email, pw_hash, created_at)
                 SELECT {user} FROM generate_series(1, 1000) i; {follow} {}",
                session(&format!("'\\x{hash}'"))
                    .replace("9e15::BIGINT", "(extract(epoch FROM now()) * 1000000)::BIGINT")
            ),
        )
        .await;
    let cookie = format!("sid={}", token.to_cookie());
    seed(place, 0, SMALL).await;
    let small = medians(place, &cookie).await;
    seed(place, SMALL, LARGE).await;
    let large = medians(place, &cookie).await;
    for (name, small, large) in
        [("GET /public", small.0, large.0), ("GET / with 500 followed", small.1, large.1)]
    {
        eprintln!("{}: {name} p50 {small:.2} ms, then {large:.2} ms", place.name);
        place.row(&format!("p50 of {name}, 1 M to 10 k messages"), large / small, "times", 1.2);
    }
}

/// Messages by a thousand authors in turn, a second apart.
async fn seed(place: &Place<'_>, from: u64, to: u64) {
    let columns = "INSERT INTO messages (author_id, text, pub_date)
        SELECT (SELECT MIN(id) FROM users WHERE username LIKE 'reader %') + (i * 7919) % 1000,
               'message number ' || i, 1500000000000000 + i * 1000000";
    let first = from + 1;
    place
        .sql(
            &format!(
                "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {to})
                 {columns} FROM n; PRAGMA optimize;"
            ),
            &format!("{columns} FROM generate_series({first}::BIGINT, {to}::BIGINT) i; ANALYZE;"),
        )
        .await;
}

/// Medians of the public and of a personal timeline, in milliseconds.
async fn medians(place: &Place<'_>, cookie: &str) -> (f64, f64) {
    let service = place.start();
    let answer = get(service.site, "/", cookie).await;
    assert!(String::from_utf8_lossy(&answer.body).contains("My Timeline"));
    let public = median(async || drop(get(service.site, "/public", "").await)).await;
    let home = median(async || drop(get(service.site, "/", cookie).await)).await;
    (public, home)
}

async fn median(request: impl AsyncFn()) -> f64 {
    let mut times = Vec::new();
    for _ in 0..400 {
        let started = Instant::now();
        request().await;
        times.push(started.elapsed());
    }
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}
