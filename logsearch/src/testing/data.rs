//! The log of a web service from a seed: requests with their statements, the request line, what the
//! code says in between, and jobs. About 59 % of the records are statements, users follow Zipf's law,
//! a record is about 300 bytes as JSON, a million of them span about a day.

use std::collections::VecDeque;

use super::random::{Random, mix};
use crate::fields;
use crate::record::{Level, LogRecord, Value};

/// When the log starts: 2026-11-01 00:00 UTC, in microseconds.
const START: i64 = 1_793_491_200_000_000;
/// Microseconds between the starts of two requests, on average.
const BETWEEN_REQUESTS: i64 = 350_000;
const USERS: usize = 5_000;

/// An endless log.
#[derive(Clone, Debug)]
pub struct WebLog {
    seed: u64,
    random: Random,
    ready: VecDeque<LogRecord>,
    time: i64,
    sequence: u64,
    requests: u64,
}

/// Method, route template and how often of a thousand.
const ROUTES: [(&str, &str, usize); 11] = [
    ("GET", "/public", 300),
    ("GET", "/{username}", 150),
    ("GET", "/", 100),
    ("POST", "/msgs/{username}", 110),
    ("POST", "/add_message", 80),
    ("GET", "/msgs/{username}", 60),
    ("POST", "/fllws/{username}", 60),
    ("GET", "/msgs", 50),
    ("GET", "/latest", 40),
    ("GET", "/fllws/{username}", 30),
    ("POST", "/register", 20),
];

/// Statement and place of the code.
const STATEMENTS: [(&str, &str); 8] = [
    ("SELECT * FROM message WHERE flagged = 0 LIMIT $1", "src/db/messages.rs:41"),
    ("SELECT id, email FROM user WHERE username = $1", "src/db/users.rs:28"),
    ("INSERT INTO message (author_id, text, at) VALUES ($1, $2, $3)", "src/db/messages.rs:88"),
    ("SELECT 1 FROM follower WHERE who_id = $1 AND whom_id = $2", "src/db/follows.rs:17"),
    ("SELECT user_id FROM session WHERE hash = $1", "src/db/sessions.rs:33"),
    ("UPDATE latest SET value = $1", "src/db/latest.rs:12"),
    ("INSERT INTO follower VALUES ($1, $2)", "src/db/follows.rs:41"),
    ("SELECT count(*) FROM message", "src/db/totals.rs:9"),
];

const FIRST: [&str; 16] = [
    "Octavia",
    "Florentino",
    "Wayne",
    "Malcolm",
    "Æsa",
    "Søren",
    "Rosa",
    "Dina",
    "Jürgen",
    "Mellie",
    "Guadalupe",
    "Nathan",
    "Yuri",
    "Zoë",
    "Kim",
    "Ines",
];
const LAST: [&str; 16] = [
    "Niss",
    "Barrera",
    "Janda",
    "Petrov",
    "Østergård",
    "Lind",
    "Okafor",
    "Tanaka",
    "Muñoz",
    "Weiß",
    "Kristensen",
    "Rossi",
    "Novak",
    "Silva",
    "Haddad",
    "Smith",
];

/// The target of what jobs say.
const JOBS: &str = "minitwit::jobs";

impl WebLog {
    /// The log of this seed.
    pub fn new(seed: u64) -> Self {
        let random = Random::new(mix(seed));
        Self { seed, random, ready: VecDeque::new(), time: START, sequence: 0, requests: 0 }
    }

    /// The id of a request by its number, from 1.
    pub fn request_id(&self, number: u64) -> String {
        format!("{:016x}", mix(self.seed ^ number.rotate_left(32)))
    }

    /// The name of a user by rank.
    pub fn user(rank: usize) -> String {
        let name = format!("{} {}", FIRST[rank % 16], LAST[rank / 16 % 16]);
        if rank < 256 { name } else { format!("{name} {}", rank / 256) }
    }

    fn push(&mut self, after: i64, level: Level, target: &str, message: String, fields: Fields) {
        self.time += after;
        self.sequence += 1;
        // Threads hand over their records in a slightly different order than they read the clock.
        let late = if self.random.below(64) == 0 { self.random.between(0, 3_000) } else { 0 };
        self.ready.push_back(LogRecord {
            timestamp: self.time - late,
            sequence: self.sequence,
            level,
            target: target.to_owned(),
            message,
            fields: fields.0,
        });
    }

    fn request(&mut self) {
        self.requests += 1;
        let start = self.time;
        let id = self.request_id(self.requests);
        let user = Self::user(self.random.zipf(USERS));
        let (method, route) = self.route();
        let statements = *self.random.pick(&[1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 5]);
        for _ in 0..statements {
            self.statement(&id);
        }
        let failed = method == "POST" && self.random.per_mille(14);
        if failed {
            self.failure(&id, &user);
        } else if self.random.per_mille(560) {
            self.remark(&id, &user);
        }
        let status = match (failed, method) {
            (true, _) => 500,
            _ if self.random.per_mille(25) => *self.random.pick(&[400, 403, 404, 404, 429]),
            (_, "POST") if route.starts_with("/msgs") || route.starts_with("/fllws") => 204,
            (_, "POST") => 302,
            _ => 200,
        };
        let took = self.time - start + self.random.log_between(80, 2_000);
        let path = route.replace("{username}", &user.replace(' ', "%20"));
        let fields = Fields::default()
            .text(fields::REQUEST_ID, &id)
            .text(fields::METHOD, method)
            .int(fields::STATUS, status)
            .text(fields::ROUTE, route)
            .text(fields::PATH, &path)
            .text(fields::USER_NAME, &user)
            .int(fields::DURATION, took)
            .int(fields::DB_COUNT, statements);
        let level = match status {
            500.. => Level::Error,
            400.. => Level::Warn,
            _ => Level::Info,
        };
        self.push(90, level, "minitwit::observe", "request finished".into(), fields);
    }

    fn route(&mut self) -> (&'static str, &'static str) {
        let mut point = self.random.below(1_000);
        for (method, route, weight) in ROUTES {
            if point < weight {
                return (method, route);
            }
            point -= weight;
        }
        (ROUTES[0].0, ROUTES[0].1)
    }

    fn statement(&mut self, id: &str) {
        let (text, place) = STATEMENTS[self.random.zipf(STATEMENTS.len())];
        let slow = self.random.per_mille(1);
        let took = if slow {
            self.random.log_between(50_000, 2_000_000)
        } else {
            self.random.log_between(30, 9_000)
        };
        let fields = Fields::default()
            .text(fields::REQUEST_ID, id)
            .text(fields::DB_QUERY, text)
            .int(fields::DURATION, took)
            .int(fields::DB_ROWS, self.random.log_between(1, 40))
            .text(fields::CALLSITE, place);
        let (level, message) = match slow {
            true => (Level::Warn, "slow statement"),
            false if text.starts_with("SELECT") => (Level::Debug, "rows read"),
            false => (Level::Debug, "row written"),
        };
        self.push(took + 15, level, "minitwit::db", message.into(), fields);
    }

    fn failure(&mut self, id: &str, user: &str) {
        let errors = [
            ("database is locked", "sqlite.busy"),
            ("pool timed out while waiting for an open connection", "pool.timeout"),
            ("connection reset by peer", "io.reset"),
        ];
        let (cause, kind) = errors[self.random.zipf(errors.len())];
        let fields = Fields::default()
            .text(fields::REQUEST_ID, id)
            .text(fields::USER_NAME, user)
            .text(
                fields::ERROR_MESSAGE,
                &format!("insert message: error returned from database: {cause}"),
            )
            .text(fields::ERROR_TYPE, kind)
            .text(fields::CALLSITE, "src/error.rs:57");
        self.push(300, Level::Error, "minitwit::error", "request failed".into(), fields);
    }

    /// Something that a part of the program says while it serves a user: level, target, text and place.
    fn saying(&mut self, user: &str) -> (Level, &'static str, String, &'static str) {
        let number = self.random.between(1, 400_000);
        match self.random.below(1_000) {
            0..=379 => (
                Level::Info,
                "minitwit::pages::timeline",
                format!("timeline of {user} built"),
                "src/pages/timeline.rs:64",
            ),
            380..=599 => (
                Level::Info,
                "minitwit::pages::message",
                format!("message {number} posted by {user}"),
                "src/pages/message.rs:31",
            ),
            600..=799 => (
                Level::Debug,
                "minitwit::auth",
                format!("session renewed for {user}"),
                "src/auth.rs:120",
            ),
            800..=899 => (
                Level::Info,
                "minitwit::api::follows",
                format!("{user} follows {}", Self::user(self.random.zipf(USERS))),
                "src/api/follows.rs:44",
            ),
            900..=979 => (
                Level::Info,
                "minitwit::pages::account",
                format!("user {user} signed in"),
                "src/pages/account.rs:77",
            ),
            980..=995 => (
                Level::Warn,
                "minitwit::db",
                format!("retry {} of 3, database is busy", self.random.between(1, 3)),
                "src/db/executor.rs:102",
            ),
            996..=997 => (
                Level::Warn,
                "minitwit::auth",
                "password check was refused, too many attempts".into(),
                "src/auth.rs:88",
            ),
            _ => (Level::Info, JOBS, format!("job finished after {number} ms"), "src/jobs.rs:52"),
        }
    }

    /// What the code says in between.
    fn remark(&mut self, id: &str, user: &str) {
        let mut fields = Fields::default().text(fields::REQUEST_ID, id);
        let (level, target, message, place) = self.saying(user);
        if target == JOBS {
            let jobs = ["totals", "sessions", "parity", "backup"];
            fields = fields.text(fields::JOB, jobs[self.random.below(jobs.len())]);
        }
        // Rare enough to have a handful of hits in a million records.
        let message = if self.random.below(9_000) == 0 {
            format!("deadlock detected: {message}")
        } else {
            message
        };
        self.push(40, level, target, message, fields.text(fields::CALLSITE, place));
    }
}

impl Iterator for WebLog {
    type Item = LogRecord;

    fn next(&mut self) -> Option<LogRecord> {
        if self.ready.is_empty() {
            self.time += self.random.between(0, 2 * BETWEEN_REQUESTS);
            self.request();
        }
        self.ready.pop_front()
    }
}

/// Fields of a record being made.
#[derive(Default)]
struct Fields(Vec<(String, Value)>);

impl Fields {
    fn text(self, name: &str, value: &str) -> Self {
        self.with(name, Value::Str(value.to_owned()))
    }

    fn int(self, name: &str, value: i64) -> Self {
        self.with(name, Value::Int(value))
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.0.push((name.to_owned(), value));
        self
    }
}

/// Records as bad as they come: values of every type under one name, digits in strings, empty and huge
/// texts, control characters, other scripts, equal timestamps, negative numbers.
pub fn odd_records(seed: u64) -> impl Iterator<Item = LogRecord> {
    let mut random = Random::new(mix(seed ^ 0x0DD));
    (1_u64..).map(move |sequence| {
        let mut fields = Vec::new();
        for name in ODD_NAMES {
            if random.below(3) == 0 {
                fields.push((name.to_owned(), odd_value(&mut random)));
            }
        }
        LogRecord {
            // Many records share a microsecond, some lie before 1970.
            timestamp: random.between(-3, 40) * 250_000,
            sequence,
            level: *random.pick(&Level::ALL),
            target: (*random.pick(&["", "a", "A::b", "minitwit::api", "tödlich::数"])).to_owned(),
            message: odd_text(&mut random),
            fields,
        }
    })
}

const ODD_NAMES: [&str; 9] = [
    fields::USER_NAME,
    fields::USER_ID,
    fields::STATUS,
    fields::DURATION,
    fields::ERROR_MESSAGE,
    fields::PATH,
    "x.mixed",
    "x.text",
    "plain",
];

fn odd_value(random: &mut Random) -> Value {
    match random.below(6) {
        0 => Value::Bool(random.below(2) == 0),
        1 => Value::Int(*random.pick(&[
            0,
            -1,
            5,
            7,
            200,
            404,
            503,
            250_000,
            i64::MAX,
            i64::MIN,
            1 << 53,
        ])),
        2 => Value::Float(*random.pick(&[0.0, 0.5, -2.5, 5.0, 404.0, 1e16, 1e300])),
        _ => Value::Str(odd_text(random)),
    }
}

fn odd_text(random: &mut Random) -> String {
    const TEXTS: [&str; 27] = [
        "",
        " ",
        "5",
        "007",
        "5.0",
        "-1",
        "true",
        "TRUE",
        "null",
        "a",
        "A",
        "error",
        "Database IS locked",
        "database is locked",
        "locked database",
        "/sim/flws/Florentino",
        "a_b-c.d",
        "naïve Café",
        "ÄRGER",
        "ΑΣ ας",
        "数据库 locked",
        "🎉 party",
        "\u{1b}[31mred\u{1b}[0m",
        "nul\u{0}byte",
        "\u{202e}rtl",
        "line\nbreak\ttab",
        "\"quoted\" \\ back*slash?",
    ];
    match random.below(40) {
        0 => "x".repeat(random.below(3_000)),
        1 => "é9 ".repeat(random.below(300)),
        2 => format!("{} {}", random.pick(&TEXTS), random.pick(&TEXTS)),
        _ => (*random.pick(&TEXTS)).to_owned(),
    }
}
