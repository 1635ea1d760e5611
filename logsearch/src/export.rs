//! A whole result as text, page by page, so that its size does not matter: NDJSON for programs, CSV
//! for spreadsheets.

use std::fmt::Write as _;

use crate::fields;
pub use crate::json::{Line, TIMESTAMP, line, parse_line};
use crate::record::{LogRecord, Matchable};
use crate::store::{Pages, StoreError};

/// Fields of a table for people, behind the columns that every record has: what was asked, by whom, and what
/// came of it.
pub const CSV_FIELDS: [&str; 8] = [
    fields::REQUEST_ID,
    fields::METHOD,
    fields::ROUTE,
    fields::STATUS,
    fields::DURATION,
    fields::USER_NAME,
    fields::ERROR_MESSAGE,
    fields::CALLSITE,
];

/// Output format of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line, see [`json`].
    Ndjson,
    /// A header and one row a record, with these columns (canonical names, `@timestamp` for the time).
    Csv {
        /// Order and names of the columns.
        columns: Vec<String>,
    },
}

impl Format {
    /// CSV with the columns that every record has and these fields behind them.
    pub fn csv_with(fields: &[&str]) -> Self {
        let own = [TIMESTAMP, fields::LEVEL, fields::TARGET, fields::MESSAGE];
        Self::Csv { columns: own.iter().chain(fields).map(|name| (*name).to_owned()).collect() }
    }

    /// The media type.
    pub const fn media_type(&self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv { .. } => "text/csv; charset=utf-8",
        }
    }

    /// Header of the format; empty if it has none.
    pub fn header(&self) -> String {
        match self {
            Self::Ndjson => String::new(),
            Self::Csv { columns } => {
                row(columns.iter().map(|name| cell(name.trim_start_matches('@'))))
            }
        }
    }

    /// Formats one record including its line break.
    pub fn record(&self, record: &LogRecord) -> String {
        match self {
            Self::Ndjson => line(record) + "\n",
            Self::Csv { columns } => row(columns.iter().map(|name| column(record, name))),
        }
    }
}

/// A running export.
#[derive(Clone)]
pub struct Export {
    pages: Pages,
    format: Format,
    is_started: bool,
}

impl Export {
    /// The records of these pages in that format.
    pub fn new(pages: Pages, format: Format) -> Self {
        Self { pages, format, is_started: false }
    }

    /// The next piece of text, `None` behind the last. After an error the export is not whole, and
    /// whoever reads it has to be told, for instance by breaking off the transfer.
    pub async fn next(&mut self) -> Result<Option<String>, StoreError> {
        let Some(page) = self.pages.next().await? else { return Ok(None) };
        let mut text = String::new();
        if !self.is_started {
            self.is_started = true;
            text = self.format.header();
        }
        for record in &page {
            text.push_str(&self.format.record(record));
        }
        Ok(Some(text))
    }
}

fn row(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join(",") + "\r\n"
}

fn column(record: &LogRecord, name: &str) -> String {
    match name {
        TIMESTAMP => match jiff::Timestamp::from_microsecond(record.timestamp) {
            Ok(time) => format!("{time:.6}"),
            Err(_) => record.timestamp.to_string(),
        },
        fields::LEVEL => record.level.to_string(),
        fields::TARGET => cell(&record.target),
        fields::MESSAGE => cell(&record.message),
        fields::SEQUENCE => record.sequence.to_string(),
        // A negative number is no formula, only a text that starts like one is.
        _ => match Matchable::field(record, name) {
            Some(crate::record::ValueRef::Str(text)) => cell(text),
            Some(number) => number.text().into_owned(),
            None => String::new(),
        },
    }
}

/// How a formula starts, with the wide and small forms that a spreadsheet may read as the plain ones.
const FORMULA: [char; 12] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '﹦', '﹢', '﹣', '﹫'];

/// Whether a spreadsheet may run a cell with this text. It does what starts as a formula, in some also
/// behind white space; a tab, carriage return or line feed in front may begin a cell of its own.
fn is_formula(text: &str) -> bool {
    let is_skipped = |c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}';
    text.starts_with(['\t', '\r', '\n']) || text.trim_start_matches(is_skipped).starts_with(FORMULA)
}

/// A text as a cell of CSV by RFC 4180. What a spreadsheet would run, also when a visitor wrote it, is kept as
/// text by a quote in front.
pub fn cell(text: &str) -> String {
    let mark = if is_formula(text) { "'" } else { "" };
    if !text.contains([',', '"', '\n', '\r']) {
        return format!("{mark}{text}");
    }
    let mut quoted = String::with_capacity(text.len() + 4);
    let _ = write!(quoted, "\"{mark}");
    for part in text.split_inclusive('"') {
        quoted.push_str(part);
        if part.ends_with('"') {
            quoted.push('"');
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Level, Value};

    fn record(message: &str, number: i64) -> LogRecord {
        LogRecord {
            timestamp: 1_793_491_200_000_001,
            sequence: 7,
            level: Level::Info,
            target: "t".into(),
            message: message.into(),
            fields: vec![("x.n".into(), Value::Int(number))],
        }
    }

    #[test]
    fn a_cell_that_a_spreadsheet_would_run_is_kept_as_text() {
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\tx",
            "\rx",
            "\nx",
            "＝1+1",
            "＋1",
            "－1",
            "＠SUM(A1)",
            "﹦1",
            "﹢1",
            "﹣1",
            "﹫x",
            " =1",
            "\u{a0}@x",
            "\u{feff}=1",
            "\u{0}=1",
        ] {
            assert!(cell(text).trim_start_matches('"').starts_with('\''), "{text:?}");
        }
        assert_eq!(cell("=a,\"b\""), "\"'=a,\"\"b\"\"\"");
        for text in ["a=b", "1-1", "", " a", "−1", "“=1”"] {
            assert_eq!(cell(text), text);
        }
    }

    #[test]
    fn a_row_has_the_asked_columns_in_order() {
        let format = Format::csv_with(&["x.n", "x.missing", "event.sequence"]);
        assert_eq!(
            format.header() + &format.record(&record("two\nlines, \"quoted\"", -5)),
            "timestamp,level,target,message,x.n,x.missing,event.sequence\r\n\
             2026-11-01T00:00:00.000001Z,info,t,\"two\nlines, \"\"quoted\"\"\",-5,,7\r\n"
        );
    }

    #[test]
    fn ndjson_has_no_header_and_a_line_a_record() {
        let text = Format::Ndjson.header() + &Format::Ndjson.record(&record("a\nb", 1));
        assert_eq!(text.matches('\n').count(), 1);
        assert!(parse_line(text.trim_end()).is_some());
    }
}
