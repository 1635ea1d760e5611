//! The services that are measured: started from the release binary on free ports, each with a database
//! of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, HOST};
use http_body_util::Full;
use minitwit::client::{self, Answer, Failure};
use minitwit::db::DatabaseUrl;
use serde_json::json;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tempfile::TempDir;

use crate::postgres::{Cluster, Database};

const SIMULATOR: &str = "Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh";
/// Far above what anything should take: what is slow shows in the figures, not as an error.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Where a service is started.
pub struct Place {
    name: &'static str,
    dir: TempDir,
    postgres: Option<Database>,
}

impl Place {
    /// A new database, brought to the program's schema: in a file, or in the cluster.
    pub fn new(cluster: Option<&'static Cluster>) -> Self {
        let name = if cluster.is_some() { "PostgreSQL" } else { "SQLite" };
        let dir = tempfile::tempdir().unwrap();
        let place = Self { name, dir, postgres: cluster.map(Cluster::create_database) };
        drop(place.start());
        place
    }

    /// Prints a figure that may be at most `bar`.
    pub fn row(&self, figure: &str, measured: f64, unit: &str, bar: f64) {
        let verdict = if measured <= bar { "holds" } else { "**over**" };
        println!("| {figure} | {} | {measured:.2} {unit} | {bar} {unit} | {verdict} |", self.name);
    }

    /// Prints a figure that may be no less than `bar`.
    pub fn row_at_least(&self, figure: &str, measured: f64, unit: &str, bar: f64) {
        let verdict = if measured >= bar { "holds" } else { "**under**" };
        println!("| {figure} | {} | {measured:.2} {unit} | {bar} {unit} | {verdict} |", self.name);
    }

    /// The database.
    pub fn url(&self) -> DatabaseUrl {
        match &self.postgres {
            Some(database) => DatabaseUrl::Postgres(database.url()),
            None => DatabaseUrl::Sqlite(self.dir.path().join("minitwit.sqlite")),
        }
    }

    /// Runs SQL beside the service.
    pub async fn sql(&self, sqlite: &str, postgres: &str) {
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

    /// Starts the service.
    pub fn start(&self) -> Service {
        self.start_with(&[])
    }

    /// Starts the service with further arguments.
    pub fn start_with(&self, args: &[&str]) -> Service {
        let mut command = Command::new(env!("CARGO_BIN_EXE_minitwit"));
        let port = "127.0.0.1:0";
        command.args(["--site", port, "--api", port, "--ops", port, "--log-format", "json"]);
        command.args(["--backups", "0", "--data-dir"]).arg(self.dir.path()).args(args);
        if let Some(database) = &self.postgres {
            command.env("MINITWIT_DATABASE_URL", database.url());
        }
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut addresses = Vec::new();
        while addresses.len() < 3 {
            let line = lines.next().unwrap().unwrap();
            let record = serde_json::from_str::<serde_json::Value>(&line).unwrap_or_default();
            if record["message"] == "listening" {
                addresses.push(record["listener.address"].as_str().unwrap().parse().unwrap());
            }
        }
        std::thread::spawn(move || lines.for_each(drop));
        Service { child, site: addresses[0], api: addresses[1] }
    }
}

/// A running service, killed when dropped.
pub struct Service {
    child: Child,
    pub site: SocketAddr,
    pub api: SocketAddr,
}

impl Service {
    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Ends it as an operator does, and waits for the end. User and system time of its whole life.
    pub async fn stop(mut self) -> Duration {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        // A process that has ended keeps its figures until somebody asks how it ended.
        while !self.stat(0).starts_with('Z') {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let cpu = self.cpu();
        self.child.wait().unwrap();
        cpu
    }

    /// User and system time so far.
    pub fn cpu(&self) -> Duration {
        let field = |index| self.stat(index).parse::<u64>().unwrap();
        let ticks_per_second = rustix::param::clock_ticks_per_second();
        Duration::from_millis((field(11) + field(12)) * 1_000 / ticks_per_second)
    }

    /// What the system says of it behind its name.
    fn stat(&self, index: usize) -> String {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        fields.split(' ').nth(index).unwrap().to_owned()
    }

    /// Resident memory in MB.
    pub fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }

    /// Registers a user, unless there is one of that name.
    pub async fn register(&self, name: &str) {
        let body = json!({"username": name, "email": "a@b", "pwd": "password"});
        let answer = post(self.api, "/register", &body).await.unwrap();
        assert!([204, 400].contains(&answer.status.as_u16()));
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// A `GET` that has to succeed.
pub async fn get(address: SocketAddr, path: &str, cookie: &str) -> Answer {
    let request = http::Request::get(path).header(HOST, "localhost").header(COOKIE, cookie);
    let request = request.header(AUTHORIZATION, SIMULATOR).body(Full::default()).unwrap();
    let answer = client::send(address, request, TIMEOUT).await.unwrap();
    assert_eq!(answer.status, 200, "{path}");
    answer
}

/// A command to the API.
pub async fn post(
    api: SocketAddr,
    path: &str,
    body: &serde_json::Value,
) -> Result<Answer, Failure> {
    let request = http::Request::post(path).header(HOST, "localhost");
    let request = request.header(AUTHORIZATION, SIMULATOR);
    let request = request.body(Full::<Bytes>::from(body.to_string())).unwrap();
    client::send(api, request, TIMEOUT).await
}

/// The body of a message.
pub fn message(text: &str) -> serde_json::Value {
    json!({ "content": text })
}
