//! A record as JSON, decided once for files, exports and pages: one flat object whose keys are the
//! names people search by, so that a line can be grepped for what was typed and `a` never collides
//! with `a.b`. Nesting for engines that want it is their mapping's business.
//!
//! `@timestamp` is RFC 3339 in UTC with microseconds, then `level`, `target`, `message`,
//! `event.sequence`, then the fields in their order. A field of one of these five names is written as
//! `labels.<name>`, so that no key appears twice.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::fields;
use crate::record::{Level, LogRecord, Matchable, Value, ValueRef};

/// The key of the time.
pub const TIMESTAMP: &str = "@timestamp";

/// A record that serializes to its canonical object.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a, R>(pub &'a R);

impl<R: Matchable> Serialize for Line<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let mut map = serializer.serialize_map(None)?;
        match jiff::Timestamp::from_microsecond(record.timestamp()) {
            Ok(time) => map.serialize_entry(TIMESTAMP, &format_args!("{time:.6}"))?,
            // Beyond the year 9999 there is no such text.
            Err(_) => map.serialize_entry(TIMESTAMP, &record.timestamp())?,
        }
        map.serialize_entry(fields::LEVEL, record.level().as_str())?;
        map.serialize_entry(fields::TARGET, record.target())?;
        map.serialize_entry(fields::MESSAGE, record.message())?;
        map.serialize_entry(fields::SEQUENCE, &record.sequence())?;
        let mut result = Ok(());
        record.each_field(&mut |name, value| {
            if result.is_ok() {
                result = entry(&mut map, &key(name), value);
            }
        });
        result?;
        map.end()
    }
}

fn entry<M: SerializeMap>(map: &mut M, name: &str, value: ValueRef<'_>) -> Result<(), M::Error> {
    match value {
        ValueRef::Bool(value) => map.serialize_entry(name, &value),
        ValueRef::Int(value) => map.serialize_entry(name, &value),
        ValueRef::Float(value) => map.serialize_entry(name, &value),
        ValueRef::Str(value) => map.serialize_entry(name, value),
    }
}

fn key(name: &str) -> Cow<'_, str> {
    let is_taken = [TIMESTAMP, fields::LEVEL, fields::TARGET, fields::MESSAGE, fields::SEQUENCE];
    if is_taken.contains(&name) { format!("labels.{name}").into() } else { name.into() }
}

/// The canonical object as one line without its end. JSON escapes control characters, so a line is
/// always one record.
pub fn line(record: &impl Matchable) -> String {
    // Strings and finite numbers serialize; others do not get into a record.
    serde_json::to_string(&Line(record)).unwrap_or_default()
}

/// Reads a line written by [`line()`]. `None` when a part of every record is missing; fields of a type
/// that records do not have are left out, the order of the others is that of their names.
pub fn parse_line(line: &str) -> Option<LogRecord> {
    let mut object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).ok()?;
    let timestamp = match object.remove(TIMESTAMP)? {
        serde_json::Value::String(text) => text.parse::<jiff::Timestamp>().ok()?.as_microsecond(),
        other => other.as_i64()?,
    };
    let mut text = |name| match object.remove(name) {
        Some(serde_json::Value::String(text)) => Some(text),
        _ => None,
    };
    let level = Level::parse(&text(fields::LEVEL)?)?;
    let (target, message) = (text(fields::TARGET)?, text(fields::MESSAGE)?);
    let sequence = object.remove(fields::SEQUENCE)?.as_u64()?;
    let known = |(name, value)| Some((name, serde_json::from_value::<Value>(value).ok()?));
    let fields = object.into_iter().filter_map(known).collect();
    Some(LogRecord { timestamp, sequence, level, target, message, fields })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(fields: Vec<(String, Value)>) -> LogRecord {
        LogRecord {
            timestamp: 1_793_491_200_000_001,
            sequence: 7,
            level: Level::Warn,
            target: "minitwit::db".into(),
            message: "two\nlines \u{1b}[0m".into(),
            fields,
        }
    }

    #[test]
    fn a_record_is_one_flat_line() {
        let record = record(vec![
            ("http.route".into(), Value::Str("/public".into())),
            ("level".into(), Value::Int(3)),
        ]);
        assert_eq!(
            line(&record),
            r#"{"@timestamp":"2026-11-01T00:00:00.000001Z","level":"warn","target":"minitwit::db","message":"two\nlines \u001b[0m","event.sequence":7,"http.route":"/public","labels.level":3}"#
        );
    }

    #[test]
    fn a_line_reads_back_as_the_record() {
        let record = record(vec![
            ("a".into(), Value::Bool(true)),
            ("b".into(), Value::Int(i64::MIN)),
            ("c".into(), Value::Float(5.0)),
            ("d".into(), Value::Str("5".into())),
        ]);
        assert_eq!(parse_line(&line(&record)), Some(record.clone()));
        let far = LogRecord { timestamp: i64::MAX, ..record };
        assert_eq!(parse_line(&line(&far)), Some(far));
        assert_eq!(parse_line("{}"), None);
    }
}
