//! Records of a test's own: lines that are built up field by field.

use logsearch::fields;
use logsearch::record::{Level, LogRecord, Value};

/// 2026-11-01T00:00:00Z, in microseconds.
pub const START: i64 = 1_793_491_200_000_000;
pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;

/// A record in the making.
#[derive(Clone)]
pub struct Line(LogRecord);

/// A record at [`START`], of level INFO.
pub fn line(message: &str) -> Line {
    Line(LogRecord {
        timestamp: START,
        sequence: 0,
        level: Level::Info,
        target: "shop".to_owned(),
        message: message.to_owned(),
        fields: Vec::new(),
    })
}

/// The end of a request that took so many milliseconds.
pub fn request(route: &str, status: i64, millis: i64) -> Line {
    line(&format!("GET {route} {status}"))
        .text(fields::METHOD, "GET")
        .text(fields::ROUTE, route)
        .number(fields::STATUS, status)
        .number(fields::DURATION, millis * 1_000)
}

/// What a request with that id says of a statement: how often it ran, in how many milliseconds in all.
pub fn statement(request: &str, name: &str, sql: &str, runs: i64, millis: i64) -> Line {
    line("statement profile")
        .text(fields::REQUEST_ID, request)
        .text(fields::DB_OPERATION, name)
        .text(fields::DB_QUERY, sql)
        .number(fields::DB_RUNS, runs)
        .number(fields::DURATION, millis * 1_000)
}

/// Records in the order given, numbered.
pub fn log(lines: impl IntoIterator<Item = Line>) -> Vec<LogRecord> {
    let numbered = (1..).zip(lines);
    numbered.map(|(sequence, line)| LogRecord { sequence, ..line.0 }).collect()
}

impl Line {
    /// So many seconds behind the start.
    pub fn at(mut self, seconds: i64) -> Self {
        self.0.timestamp = START + seconds * SECOND;
        self
    }

    pub fn level(mut self, level: Level) -> Self {
        self.0.level = level;
        self
    }

    pub fn target(mut self, target: &str) -> Self {
        target.clone_into(&mut self.0.target);
        self
    }

    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.0.fields.push((name.to_owned(), Value::Str(value.to_owned())));
        self
    }

    pub fn number(mut self, name: &str, value: i64) -> Self {
        self.0.fields.push((name.to_owned(), Value::Int(value)));
        self
    }
}
