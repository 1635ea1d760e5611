//! Lines of bounded length: JSON for collectors, text for people. A collector such as Docker's cuts a line
//! at 16 KiB and so breaks its JSON; here values are cut instead, with a mark.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::codec::TRUNCATED;
use crate::fields;
use crate::record::{Level, Matchable, ValueRef};

/// Every line has fewer bytes, its end included.
pub const MAX_LINE: usize = 16 * 1024;
/// Bytes a value may have, tried one after the other until the line is short enough.
const LIMITS: [usize; 5] = [usize::MAX, 4_096, 1_024, 128, 16];
/// The keys of every line; a field of that name is written as `labels.<name>`.
const KEYS: [&str; 5] = ["timestamp", "level", "message", "target", TRUNCATED];
/// Fields that text leaves out: in every record, or meaningless to people.
const NOT_SHOWN: [&str; 6] = [
    fields::CALLSITE,
    fields::SPAN_ID,
    fields::SPAN_NAME,
    fields::PARENT_ID,
    fields::TRACE_ID,
    fields::METHOD,
];

/// Appends a record as one line of JSON with its end.
pub fn json_line(record: &impl Matchable, out: &mut Vec<u8>) {
    let start = out.len();
    let tries = LIMITS.map(|limit| (limit, true)).into_iter().chain([(16, false)]);
    for (limit, has_fields) in tries {
        out.truncate(start);
        // Writing to memory fails for no record.
        let _ = serde_json::to_writer(&mut *out, &Cut { record, limit, has_fields });
        if out.len() - start + 1 < MAX_LINE {
            break;
        }
    }
    out.push(b'\n');
}

/// A record whose texts have at most so many bytes.
struct Cut<'a, R> {
    record: &'a R,
    limit: usize,
    has_fields: bool,
}

impl<R: Matchable> Serialize for Cut<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (record, limit) = (self.record, self.limit);
        let mut map = serializer.serialize_map(None)?;
        match jiff::Timestamp::from_microsecond(record.timestamp()) {
            Ok(time) => map.serialize_entry("timestamp", &format_args!("{time:.6}"))?,
            // Beyond the year 9999 there is no such text.
            Err(_) => map.serialize_entry("timestamp", &record.timestamp())?,
        }
        map.serialize_entry("level", record.level().as_upper_str())?;
        map.serialize_entry("message", &cut(record.message(), limit))?;
        map.serialize_entry("target", &cut(record.target(), limit))?;
        let is_cut = limit < usize::MAX || record.field(TRUNCATED).is_some();
        if is_cut {
            map.serialize_entry(TRUNCATED, &true)?;
        }
        let mut result = Ok(());
        if self.has_fields {
            record.each_field(&mut |name, value| {
                if result.is_ok() && name != TRUNCATED {
                    result = entry(&mut map, name, value, limit);
                }
            });
        }
        result?;
        map.end()
    }
}

fn entry<M: SerializeMap>(
    map: &mut M,
    name: &str,
    value: ValueRef<'_>,
    limit: usize,
) -> Result<(), M::Error> {
    let name: Cow<'_, str> =
        if KEYS.contains(&name) { format!("labels.{name}").into() } else { name.into() };
    match value {
        ValueRef::Bool(value) => map.serialize_entry(&*name, &value),
        ValueRef::Int(value) => map.serialize_entry(&*name, &value),
        ValueRef::Float(value) => map.serialize_entry(&*name, &value),
        ValueRef::Str(value) => map.serialize_entry(&*name, &cut(value, limit)),
    }
}

/// The text, or its beginning and how much is missing.
fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return text.into();
    }
    let kept = text.floor_char_boundary(limit);
    format!("{}… ({} bytes cut)", &text[..kept], text.len() - kept).into()
}

/// Time, level, message, target and fields in one line with its end. What a visitor wrote cannot steer the
/// terminal: control characters are shown as escapes. A line that would be too long is cut.
pub fn text(record: &impl Matchable, colors: bool) -> String {
    let time = jiff::Timestamp::from_microsecond(record.timestamp()).unwrap_or_default();
    let level = format!("{:<5}", record.level().as_upper_str());
    let level =
        if colors { format!("\u{1b}[{}m{level}\u{1b}[0m", color(record.level())) } else { level };
    let (message, target) = (visible(record.message()), visible(record.target()));
    let mut line = format!("{time:.6} {level} {message}  {target}");
    record.each_field(&mut |name, value| {
        if !NOT_SHOWN.contains(&name) {
            // Writing to memory does not fail.
            let _ = write!(line, " {}={}", visible(name), visible(&value.text()));
        }
    });
    // Room for the mark and the end of the line.
    let mut line = cut(&line, MAX_LINE - 64).into_owned();
    line.push('\n');
    line
}

fn color(level: Level) -> u8 {
    match level {
        Level::Trace | Level::Debug => 90,
        Level::Info => 32,
        Level::Warn => 33,
        Level::Error => 31,
    }
}

fn visible(text: &str) -> Cow<'_, str> {
    let turns = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_steering = |c: char| c.is_control() || turns(c);
    if !text.contains(is_steering) {
        return text.into();
    }
    let shown = |c: char| {
        if is_steering(c) { c.escape_default().to_string() } else { c.to_string() }
    };
    text.chars().map(shown).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::{LogRecord, Value};

    fn record(message: &str, fields: Vec<(String, Value)>) -> LogRecord {
        LogRecord {
            timestamp: 1_793_491_200_000_001,
            sequence: 7,
            level: Level::Warn,
            target: "t".into(),
            message: message.into(),
            fields,
        }
    }

    fn json(record: &LogRecord) -> (usize, serde_json::Value) {
        let mut line = Vec::new();
        json_line(record, &mut line);
        assert_eq!(line.split_inclusive(|byte| *byte == b'\n').count(), 1);
        (line.len(), serde_json::from_slice(&line).expect("valid JSON"))
    }

    #[test]
    fn a_short_record_is_written_whole() {
        let record = record("two\nlines", vec![("level".into(), Value::Int(3))]);
        let mut line = Vec::new();
        json_line(&record, &mut line);
        let wanted = r#"{"timestamp":"2026-11-01T00:00:00.000001Z","level":"WARN","message":"two\nlines","target":"t","labels.level":3}"#;
        assert_eq!(String::from_utf8(line).expect("text"), format!("{wanted}\n"));
    }

    #[test]
    fn long_values_are_cut_with_a_mark_and_short_ones_stay() {
        let path = "/ä".repeat(10_000);
        let fields =
            vec![("url.path".into(), Value::Str(path.clone())), ("status".into(), Value::Int(404))];
        let (length, line) = json(&record("request", fields));
        assert!(length < MAX_LINE, "{length}");
        let kept = line["url.path"].as_str().expect("a path");
        assert!(kept.starts_with("/ä/ä") && kept.ends_with(" bytes cut)"), "{kept}");
        assert_eq!((&line["status"], &line[TRUNCATED]), (&404.into(), &true.into()));
    }

    #[test]
    fn a_record_cannot_steer_the_terminal() {
        let fields = vec![("url.path".into(), Value::Str("/\r".into()))];
        let shown = text(&record("\u{1b}[2Jgone\nINFO forged \u{202e}", fields), false);
        assert_eq!(
            shown,
            "2026-11-01T00:00:00.000001Z WARN  \\u{1b}[2Jgone\\nINFO forged \\u{202e}  t url.path=/\\r\n"
        );
    }

    proptest! {
        #[test]
        fn every_line_is_short_and_valid(
            message in "\\PC{0,40}|[\\x00-\\x1f]{0,60}",
            count in 0..64_usize,
            name in "[\\x00-\\x1fa-zä]{1,200}",
            value in "[\\x00-\\x1f\"ä]{0,400}",
            times in 1..60_usize,
        ) {
            let field = |n: usize| (format!("{n}{name}"), Value::Str(value.repeat(times)));
            let record = record(&message.repeat(times * 10), (0..count).map(field).collect());
            prop_assert!(json(&record).0 < MAX_LINE);
            prop_assert!(text(&record, true).len() < MAX_LINE);
        }
    }
}
