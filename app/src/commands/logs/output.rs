//! How records are written on standard output.

use clap::ValueEnum;
use logsearch::export::Format;
use logsearch::fields;
use logsearch::record::LogRecord;
use logsearch::text_line;

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

/// Writes records one after the other.
pub struct Output {
    out: Out,
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
        let mut out = Out::lock();
        let colors = out.is_terminal();
        if let Some(format) = &format {
            out.text(&format.header())?;
        }
        Ok(Self { out, format, colors })
    }

    /// Writes records.
    pub fn records(&mut self, records: &[LogRecord]) -> anyhow::Result<()> {
        for record in records {
            match &self.format {
                Some(format @ Format::Ndjson) => self.out.json(&format.record(record))?,
                Some(format) => self.out.text(&format.record(record))?,
                None => self.out.safe(&text_line(record, self.colors))?,
            }
        }
        self.out.flush()?;
        Ok(())
    }
}
