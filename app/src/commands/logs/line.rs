//! A record as one line for people: local time, level, message, and the few fields that matter. All fields
//! are in the other formats.

use std::borrow::Cow;
use std::fmt::Write as _;

use admin::format;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use logsearch::fields;
use logsearch::record::{Level, LogRecord, Value};

use crate::commands::out::is_steering;

/// Fields with a name in front, and the name.
const NAMED: [(&str, &str); 5] = [
    (fields::DB_OPERATION, "statement"),
    (fields::JOB, "job"),
    (fields::USER_NAME, "user"),
    (fields::ERROR_TYPE, "type"),
    (fields::ERROR_MESSAGE, "error"),
];
/// Where a request went.
const PLACES: [&str; 2] = [fields::PATH, fields::ROUTE];
/// Beginnings of names of fields that say how a record came to be, or repeat what is shown.
const BOOKKEEPING: [&str; 15] = [
    "code.",
    "db.",
    "duration_us",
    "error.",
    "event.sequence",
    "http.",
    "job.name",
    "offset_us",
    "parent.",
    "service.",
    "span.",
    "thread.",
    "trace.",
    "url.",
    "user.",
];
/// Fields of a record that is about nothing of the above.
const MAX_OTHERS: usize = 4;
/// Longest value, in characters.
const MAX_VALUE: usize = 160;
/// Turns colors and brightness off.
const PLAIN: &str = "\u{1b}[0m";
/// Less bright.
const DIM: &str = "\u{1b}[2m";

/// The line of a record, with its end.
pub fn line(record: &LogRecord, zone: &TimeZone, colors: bool) -> String {
    let paint = |code: &str, text: &str| {
        if colors { format!("{code}{text}{PLAIN}") } else { text.to_owned() }
    };
    let time = Timestamp::from_microsecond(record.timestamp).unwrap_or_default();
    let time = time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string();
    let level = format!("{:<5}", record.level.as_upper_str());
    let mut line = format!(
        "{} {} {}",
        paint(DIM, &time),
        paint(color(record.level), &level),
        shown(&record.message)
    );
    for value in request(record) {
        // Writing to a string cannot fail.
        let _ = write!(line, "  {value}");
    }
    for (name, value) in named(record) {
        let _ = write!(line, "  {}{value}", paint(DIM, &format!("{name}=")));
    }
    line.push('\n');
    line
}

/// What a request was and how it ended unless the message says so, and how long something took.
fn request(record: &LogRecord) -> Vec<String> {
    let text =
        |name: &str| record.field(name).map(|value| shown(&value.as_ref().text()).into_owned());
    let place = PLACES.iter().find_map(|name| text(name));
    let duration = match record.field(fields::DURATION) {
        Some(Value::Int(micros)) => Some(format::duration(*micros)),
        _ => None,
    };
    let parts = [text(fields::METHOD), place, text(fields::STATUS)].into_iter().flatten();
    parts.filter(|part| !record.message.contains(part)).chain(duration).collect()
}

fn named(record: &LogRecord) -> Vec<(&str, String)> {
    let value = |value: &Value| shown(&value.as_ref().text()).into_owned();
    let mut named: Vec<_> = NAMED
        .iter()
        .filter_map(|(field, name)| Some((*name, value(record.field(field)?))))
        .collect();
    let is_request = record.field(fields::METHOD).is_some();
    let is_other =
        |name: &str| !is_request && !BOOKKEEPING.iter().any(|start| name.starts_with(start));
    let others = record.fields.iter().filter(|(name, _)| is_other(name)).take(MAX_OTHERS);
    named.extend(others.map(|(name, field)| (name.as_str(), value(field))));
    named
}

/// On one line, of bounded length, and without what would act on a terminal.
fn shown(text: &str) -> Cow<'_, str> {
    let is_long = text.chars().nth(MAX_VALUE).is_some();
    if !is_long && !text.contains(is_steering) {
        return text.into();
    }
    let escape = |c: char| {
        if is_steering(c) { c.escape_default().to_string() } else { c.to_string() }
    };
    let mut shown: String = text.chars().take(MAX_VALUE).map(escape).collect();
    if is_long {
        shown.push('…');
    }
    shown.into()
}

fn color(level: Level) -> &'static str {
    match level {
        Level::Trace | Level::Debug => "\u{1b}[90m",
        Level::Info => "\u{1b}[32m",
        Level::Warn => "\u{1b}[33m",
        Level::Error => "\u{1b}[31m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(message: &str, fields: &[(&str, Value)]) -> LogRecord {
        LogRecord {
            timestamp: 1_793_491_200_123_456,
            sequence: 7,
            level: Level::Warn,
            target: "t".into(),
            message: message.into(),
            fields: fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        }
    }

    fn text(value: &str) -> Value {
        Value::Str(value.to_owned())
    }

    #[test]
    fn a_request_is_told_by_what_it_was_and_how_it_ended() {
        let fields = [
            ("code.callsite", text("a.rs:1")),
            (fields::METHOD, text("POST")),
            (fields::ROUTE, text("/msgs/{username}")),
            (fields::PATH, text("/msgs/bob")),
            (fields::STATUS, Value::Int(503)),
            (fields::DURATION, Value::Int(2_000_000)),
            (fields::USER_NAME, text("bob")),
            (fields::ERROR_MESSAGE, text("timed\nout\u{1b}[2J")),
            (fields::REQUEST_ID, text("abc")),
        ];
        let zone = TimeZone::fixed(jiff::tz::offset(9));
        let line = line(&record("request failed", &fields), &zone, false);
        let duration = format::duration(2_000_000);
        let wanted = format!(
            "2026-11-01 09:00:00.123 WARN  request failed  POST  /msgs/bob  503  {duration}  \
             user=bob  error=timed\\nout\\u{{1b}}[2J\n"
        );
        assert_eq!(line, wanted);
        let told = super::line(&record("POST /msgs/bob 503", &fields), &zone, false);
        assert!(told.contains(&format!("POST /msgs/bob 503  {duration}  user=bob")), "{told}");
    }

    #[test]
    fn colors_wrap_and_change_nothing() {
        let fields = [("listener.name", text("site")), ("long", text(&"x".repeat(500)))];
        let record = record("listening", &fields);
        let plain = line(&record, &TimeZone::UTC, false);
        assert!(plain.contains("  listener.name=site  long=xx") && plain.len() < 300, "{plain}");
        let colored = line(&record, &TimeZone::UTC, true);
        assert!(colored.contains("\u{1b}[33mWARN \u{1b}[0m"), "{colored:?}");
        let codes = [DIM, PLAIN, color(Level::Warn)];
        assert_eq!(codes.iter().fold(colored, |text, code| text.replace(code, "")), plain);
    }
}
