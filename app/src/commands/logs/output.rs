//! How records are written on standard output.

use std::env;

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use logsearch::export::{CSV_FIELDS, Format};
use logsearch::record::LogRecord;
use logsearch::text_line;

use super::line::line;
use crate::commands::out::Out;

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

/// How to show records to whoever reads them.
#[derive(Args, Clone, Copy, Debug)]
pub struct Look {
    /// Output format [default: pretty on a terminal, otherwise ndjson]
    #[arg(long, value_enum)]
    format: Option<OutputFormat>,
    /// Show all fields of each record, and times in UTC
    #[arg(long, short)]
    verbose: bool,
}

/// Writes records one after the other.
pub struct Output {
    out: Out,
    format: Option<Format>,
    is_verbose: bool,
    colors: bool,
    zone: TimeZone,
}

impl Output {
    /// Creates the output that this look asks for.
    pub fn looking(look: Look) -> anyhow::Result<Self> {
        let out = Out::lock();
        let format = look.format.unwrap_or(usual(out.is_terminal()));
        Self::with(out, format, look.verbose)
    }

    /// Creates the output and writes the header, if the format has one.
    pub fn new(format: OutputFormat) -> anyhow::Result<Self> {
        Self::with(Out::lock(), format, true)
    }

    fn with(mut out: Out, format: OutputFormat, is_verbose: bool) -> anyhow::Result<Self> {
        let format = match format {
            OutputFormat::Pretty => None,
            OutputFormat::Ndjson => Some(Format::Ndjson),
            OutputFormat::Csv => Some(Format::csv_with(&CSV_FIELDS)),
        };
        let colors = has_colors(out.is_terminal(), |name| env::var(name).ok());
        if let Some(format) = &format {
            out.text(&format.header())?;
        }
        Ok(Self { out, format, is_verbose, colors, zone: TimeZone::system() })
    }

    /// Writes records.
    pub fn records(&mut self, records: &[LogRecord]) -> anyhow::Result<()> {
        for record in records {
            match &self.format {
                Some(format @ Format::Ndjson) => self.out.json(&format.record(record))?,
                Some(format) => self.out.text(&format.record(record))?,
                None if self.is_verbose => self.out.safe(&text_line(record, self.colors))?,
                None => self.out.safe(&line(record, &self.zone, self.colors))?,
            }
        }
        self.out.flush()?;
        Ok(())
    }
}

/// People read a terminal, programs a pipe.
fn usual(is_terminal: bool) -> OutputFormat {
    if is_terminal { OutputFormat::Pretty } else { OutputFormat::Ndjson }
}

/// By the convention of <https://no-color.org>, and not on a terminal that knows none.
fn has_colors(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_off = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    is_terminal && !is_off && variable("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_for_a_terminal_that_wants_them() {
        let with = |is_terminal, name: &'static str, value: &'static str| {
            has_colors(is_terminal, |asked| (asked == name).then(|| value.to_owned()))
        };
        assert!(with(true, "TERM", "xterm") && with(true, "NO_COLOR", ""));
        assert!(!with(false, "TERM", "xterm"));
        assert!(!with(true, "NO_COLOR", "1") && !with(true, "TERM", "dumb"));
    }

    #[test]
    fn a_pipe_gets_json_and_a_terminal_lines() {
        assert_eq!([true, false].map(usual), [OutputFormat::Pretty, OutputFormat::Ndjson]);
    }
}
