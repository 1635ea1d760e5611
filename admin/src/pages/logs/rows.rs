//! One record as pages show it: a row with its cells, and all of its fields with what a click on each
//! does. Every text is shown through the escaper of the templates.

use std::sync::Arc;

use logsearch::fields::{self, Kind};
use logsearch::query::{Highlighter, Query};
use logsearch::record::{LogRecord, Value, ValueRef};

use crate::context::links::{Links, View, cursor, path};
use crate::context::params::{canonical_name, short_name};
use crate::data::record::{chain, column_text, text_of};
use crate::format;
use crate::ui::shell;

/// Characters of a message in a list.
const LINE: usize = 400;

/// A row of a record list.
pub struct Row {
    pub id: String,
    pub time: String,
    pub time_full: String,
    /// The day, on its first row; otherwise empty.
    pub day: String,
    pub level: &'static str,
    pub message: Vec<Piece>,
    /// Error of the record, shown after the message.
    pub cause: Vec<Piece>,
    /// The whole message, when the row shows only its beginning.
    pub whole: String,
    pub cells: Vec<Cell>,
    pub fields: Vec<FieldRow>,
    pub chain: Vec<String>,
    pub url: String,
    pub json: String,
    pub context: String,
    pub request: String,
    /// A command that asks for the same again, where the record is of a request.
    pub curl: String,
    pub is_here: bool,
    pub is_match: bool,
    /// Whether the row is expanded.
    pub is_open: bool,
    /// Target and hidden fields of its buttons.
    pub acts: Arc<Acts>,
}

/// What the buttons of all rows of a page have in common.
pub struct Acts {
    pub action: String,
    pub keep: Vec<(&'static str, String)>,
}

/// Part of a message, marked when it is what the query looks for.
pub struct Piece {
    pub text: String,
    pub is_match: bool,
}

/// A value in a column.
pub struct Cell {
    /// The head of the column, where a page is too narrow for heads.
    pub title: String,
    pub text: String,
    pub url: String,
    pub is_number: bool,
    /// The whole value, where the text is a part of it.
    pub whole: String,
}

/// A field of a record.
pub struct FieldRow {
    pub name: String,
    pub text: Vec<Piece>,
    /// The value in another unit, where that reads better.
    pub hint: String,
}

/// Builds rows.
pub struct Rows<'a> {
    links: &'a Links,
    columns: &'a [String],
    cols: String,
    acts: Arc<Acts>,
    highlighters: Option<[Highlighter; 2]>,
}

impl<'a> Rows<'a> {
    /// Rows with these columns; a click on a field of one leads to the logs of the view.
    pub fn new(links: &'a Links, columns: &'a [String], view: &View) -> Self {
        let acts = Arc::new(Acts { action: links.path(path::LOGS), keep: view.form_fields() });
        Self { links, columns, cols: view.cols_text(), acts, highlighters: None }
    }

    /// Highlights matches of a query in messages and errors.
    #[must_use]
    pub fn marking(self, query: &Query) -> Self {
        let marks = fields::FREE_TEXT.map(|field| Highlighter::new(query, field));
        Self { highlighters: Some(marks), ..self }
    }

    /// Rows in the order of the records, with a mark where the day changes.
    pub fn list<'r>(&self, records: impl IntoIterator<Item = &'r LogRecord>) -> Vec<Row> {
        let mut last_day = None;
        let row = |record: &LogRecord| {
            let mut row = self.row(record);
            let day = format::day_number(record.timestamp);
            if last_day.replace(day) != Some(day) {
                row.day = format::day(record.timestamp);
            }
            row
        };
        records.into_iter().map(row).collect()
    }

    /// Builds a row.
    pub fn row(&self, record: &LogRecord) -> Row {
        let at = cursor(record);
        let line = first_line(&record.message);
        let request = text_of(record, fields::REQUEST_ID);
        Row {
            id: Links::event_id(at),
            time: format::time(record.timestamp),
            time_full: format::rfc3339(record.timestamp),
            day: String::new(),
            level: record.level.as_str(),
            whole: if line == record.message { String::new() } else { record.message.clone() },
            message: pieces(&line, self.marks(fields::MESSAGE)),
            cause: self.cause(record),
            cells: self.columns.iter().map(|column| self.cell(record, column)).collect(),
            fields: self.fields(record),
            chain: chain(record),
            url: self.links.event(at),
            json: self.links.event_json(at),
            context: self.links.context(at, "all", "", &self.cols),
            request: request.map(|id| self.links.request(&id)).unwrap_or_default(),
            curl: curl(record),
            is_here: false,
            is_match: false,
            is_open: false,
            acts: Arc::clone(&self.acts),
        }
    }

    fn cause(&self, record: &LogRecord) -> Vec<Piece> {
        let chain = text_of(record, fields::ERROR_MESSAGE).unwrap_or_default();
        if record.message.contains(&chain) {
            return Vec::new();
        }
        pieces(&first_line(&chain), self.marks(fields::ERROR_MESSAGE))
    }

    fn marks(&self, field: &str) -> Option<&Highlighter> {
        let at = fields::FREE_TEXT.iter().position(|known| *known == field)?;
        self.highlighters.as_ref().map(|marks| &marks[at])
    }

    fn fields(&self, record: &LogRecord) -> Vec<FieldRow> {
        let row = |(name, value): (&str, ValueRef<'_>)| FieldRow {
            name: short_name(name),
            text: pieces(&format::value(&value.text()), self.marks(name)),
            hint: match value {
                ValueRef::Int(micros) if fields::kind(name) == Kind::Microseconds => {
                    format!("µs, {}", format::duration(micros))
                }
                _ => String::new(),
            },
        };
        fields_of(record).map(row).collect()
    }

    fn cell(&self, record: &LogRecord, column: &str) -> Cell {
        let (name, title) = (canonical_name(column), column_title(column));
        let text = match record.field(&name) {
            Some(Value::Int(micros)) if fields::kind(&name) == Kind::Microseconds => {
                format::millis(*micros)
            }
            Some(value) => format::value(&value.as_ref().text()),
            None => column_text(record, &name),
        };
        let is_number = fields::kind(&name).is_number();
        if name == fields::REQUEST_ID && !text.is_empty() {
            let url = self.links.request(&text);
            return Cell { title, text: short_id(&text), url, is_number, whole: text };
        }
        Cell { title, text, url: String::new(), is_number, whole: String::new() }
    }
}

/// Title of a column.
pub fn column_title(column: &str) -> String {
    match fields::kind(&canonical_name(column)) {
        Kind::Microseconds => format!("{column} ms"),
        _ => column.to_owned(),
    }
}

fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    match line.char_indices().nth(LINE) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None if line.len() < message.trim_end().len() => format!("{line} …"),
        None => line.to_owned(),
    }
}

/// Every field of a record as its row lists them: the position is the number by which buttons name it.
fn fields_of(record: &LogRecord) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
    let own = [
        (fields::LEVEL, ValueRef::Str(record.level.as_str())),
        (fields::TARGET, ValueRef::Str(record.target.as_str())),
    ];
    let others = record.fields.iter().map(|(name, value)| (name.as_str(), value.as_ref()));
    own.into_iter().chain(others)
}

/// The clause that finds records with the same value in the field of that number.
pub fn field_clause(record: &LogRecord, number: usize) -> Option<Query> {
    let (name, value) = fields_of(record).nth(number)?;
    Some(Query::value_clause(name, value))
}

/// The clause that finds records of the same event type.
pub fn type_clause(record: &LogRecord) -> Query {
    match record.field(fields::CALLSITE) {
        Some(callsite) => Query::value_clause(fields::CALLSITE, callsite.as_ref()),
        None => Query::value_clause(fields::TARGET, ValueRef::Str(&record.target)),
    }
}

/// The end of an id: ids of one minute begin alike.
fn short_id(id: &str) -> String {
    const KEPT: usize = 7;
    let length = id.chars().count();
    if length <= KEPT + 2 {
        return id.to_owned();
    }
    std::iter::once('…').chain(id.chars().skip(length - KEPT)).collect()
}

/// A request like the one of this record, for a shell that knows where the service is.
pub fn curl(record: &LogRecord) -> String {
    let of = |name| text_of(record, name);
    match (of(fields::METHOD), of(fields::PATH)) {
        (Some(method), Some(path)) => shell::request(&method, &path),
        _ => String::new(),
    }
}

/// The text cut where a match begins or ends.
fn pieces(text: &str, highlighter: Option<&Highlighter>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut done = 0;
    let mut push = |text: Option<&str>, is_match| {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            pieces.push(Piece { text: text.to_owned(), is_match });
        }
    };
    for found in highlighter.map(|marks| marks.find(text)).unwrap_or_default() {
        push(text.get(done..found.start), false);
        push(text.get(found.clone()), true);
        done = found.end;
    }
    push(text.get(done..), false);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_are_marked_without_changing_the_text() {
        let query = logsearch::query::parse("locked OR lock").query;
        let marks = Highlighter::new(&query, fields::MESSAGE);
        let pieces = pieces("Database LOCKED, lock æ", Some(&marks));
        let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(text, "Database LOCKED, lock æ");
        let marked: Vec<&str> =
            pieces.iter().filter(|piece| piece.is_match).map(|piece| piece.text.as_str()).collect();
        assert_eq!(marked, ["LOCKED", "lock"]);
    }

    #[test]
    fn long_and_many_lined_messages_are_cut_in_lists() {
        assert_eq!(first_line("one\ntwo"), "one …");
        assert_eq!(first_line("one\n"), "one");
        assert_eq!(first_line(&"æ".repeat(LINE + 1)).chars().count(), LINE + 1);
        assert_eq!(first_line(""), "");
    }
}
