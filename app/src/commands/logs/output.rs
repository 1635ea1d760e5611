//! How records are written on standard output.

use std::io::{IsTerminal, StdoutLock, Write, stdout};

use clap::ValueEnum;
use logsearch::export::Format;
use logsearch::fields;
use logsearch::record::{Level, LogRecord, Value};

/// Output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Human-readable lines
    Pretty,
    /// One JSON object per line
    Ndjson,
    /// Comma-separated values with a header
    Csv,
}

/// CSV columns after the ones that every record has.
const CSV_FIELDS: [&str; 8] = [
    fields::REQUEST_ID,
    fields::METHOD,
    fields::ROUTE,
    fields::STATUS,
    fields::DURATION,
    fields::USER_NAME,
    fields::ERROR_MESSAGE,
    fields::CALLSITE,
];
/// Fields omitted from pretty lines: in every record, or meaningless to people.
const NOT_SHOWN: [&str; 6] = [
    fields::CALLSITE,
    fields::SPAN_ID,
    fields::SPAN_NAME,
    fields::PARENT_ID,
    fields::TRACE_ID,
    fields::METHOD,
];

/// Writes records one after the other.
pub struct Output {
    out: StdoutLock<'static>,
    format: Option<Format>,
    colors: bool,
}

impl Output {
    /// Creates the output and writes the header, if the format has one.
    pub fn new(format: OutputFormat) -> anyhow::Result<Self> {
        let format = match format {
            OutputFormat::Pretty => None,
            OutputFormat::Ndjson => Some(Format::Ndjson),
            OutputFormat::Csv => Some(Format::csv_with(&CSV_FIELDS)),
        };
        let colors = stdout().is_terminal();
        let mut out = stdout().lock();
        if let Some(format) = &format {
            out.write_all(format.header().as_bytes())?;
        }
        Ok(Self { out, format, colors })
    }

    /// Writes records.
    pub fn records(&mut self, records: &[LogRecord]) -> anyhow::Result<()> {
        for record in records {
            let line = match &self.format {
                Some(format) => format.record(record),
                None => pretty(record, self.colors),
            };
            self.out.write_all(line.as_bytes())?;
        }
        self.out.flush()?;
        Ok(())
    }
}

/// Time, level, message, target and fields in one line. What a visitor wrote cannot steer the
/// terminal: control characters are shown as escapes.
fn pretty(record: &LogRecord, colors: bool) -> String {
    let time = jiff::Timestamp::from_microsecond(record.timestamp).unwrap_or_default();
    let level = format!("{:<5}", record.level.as_str().to_uppercase());
    let level =
        if colors { format!("\u{1b}[{}m{level}\u{1b}[0m", color(record.level)) } else { level };
    let start =
        format!("{time:.6} {level} {}  {}", visible(&record.message), visible(&record.target));
    let shown = record.fields.iter().filter(|(name, _)| !NOT_SHOWN.contains(&name.as_str()));
    let fields = shown.map(|(name, value)| format!("{}={}", visible(name), shown_value(value)));
    let parts: Vec<String> = std::iter::once(start).chain(fields).collect();
    parts.join(" ") + "\n"
}

fn shown_value(value: &Value) -> String {
    match value {
        Value::Str(text) => visible(text),
        other => other.as_ref().text().into_owned(),
    }
}

fn color(level: Level) -> u8 {
    match level {
        Level::Trace | Level::Debug => 90,
        Level::Info => 32,
        Level::Warn => 33,
        Level::Error => 31,
    }
}

fn visible(text: &str) -> String {
    let is_steering =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(is_steering) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if is_steering(c) { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_cannot_steer_the_terminal() {
        let record = LogRecord {
            timestamp: 1_793_491_200_000_001,
            sequence: 7,
            level: Level::Warn,
            target: "t".into(),
            message: "\u{1b}[2Jgone\nINFO forged \u{202e}".into(),
            fields: vec![("url.path".into(), Value::Str("/\r".into()))],
        };
        assert_eq!(
            pretty(&record, false),
            "2026-11-01T00:00:00.000001Z WARN  \\u{1b}[2Jgone\\nINFO forged \\u{202e}  t url.path=/\\r\n"
        );
    }
}
