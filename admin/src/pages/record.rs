//! One record as pages show it: a row with its cells, and all of its fields with what a click on each
//! does. Every text is shown through the escaper of the templates.

use logsearch::fields::{self, Kind};
use logsearch::query::{Highlighter, Query};
use logsearch::record::{LogRecord, Value, ValueRef};

use crate::format;
use crate::links::{Links, cursor};
use crate::params::{canonical_name, short_name};

/// Characters of a message in a list.
const LINE: usize = 400;

/// A row of a list.
pub struct Row {
    pub id: String,
    pub time: String,
    pub time_full: String,
    /// Set on the first row of a day.
    pub day: String,
    pub level: &'static str,
    pub message: Vec<Piece>,
    /// The whole message, when the row shows only its beginning.
    pub whole: String,
    pub cells: Vec<Cell>,
    pub fields: Vec<FieldRow>,
    pub chain: Vec<String>,
    pub url: String,
    pub json: String,
    pub context: String,
    pub request: String,
    pub same_type: String,
    pub is_here: bool,
}

/// Part of a message, marked when it is what the query looks for.
pub struct Piece {
    pub text: String,
    pub is_match: bool,
}

/// A value in a column.
pub struct Cell {
    pub text: String,
    pub url: String,
    pub is_number: bool,
}

/// A field of a record.
pub struct FieldRow {
    pub name: String,
    pub canonical: String,
    pub text: String,
    /// The value in another unit, where that reads better.
    pub hint: String,
    pub clause: String,
}

/// Makes rows.
pub struct Rows<'a> {
    pub links: &'a Links,
    pub columns: &'a [String],
    /// What to mark in messages.
    pub highlighter: Option<Highlighter>,
}

impl Rows<'_> {
    /// Rows in the order of the records, with a mark where the day changes.
    pub fn list(&self, records: &[LogRecord]) -> Vec<Row> {
        let mut last_day = None;
        let row = |record: &LogRecord| {
            let mut row = self.row(record);
            let day = format::day_number(record.timestamp);
            if last_day.replace(day) != Some(day) {
                row.day = format::day(record.timestamp);
            }
            row
        };
        records.iter().map(row).collect()
    }

    /// One row.
    pub fn row(&self, record: &LogRecord) -> Row {
        let at = cursor(record);
        let line = first_line(&record.message);
        let request = text_of(record, fields::REQUEST_ID);
        let callsite = record.field(fields::CALLSITE);
        let same_type = match callsite {
            Some(callsite) => Query::value_clause(fields::CALLSITE, callsite.as_ref()),
            None => Query::value_clause(fields::TARGET, ValueRef::Str(&record.target)),
        };
        Row {
            id: Links::event_id(at),
            time: format::time(record.timestamp),
            time_full: format::rfc3339(record.timestamp),
            day: String::new(),
            level: record.level.as_str(),
            whole: if line == record.message { String::new() } else { record.message.clone() },
            message: pieces(&line, self.highlighter.as_ref()),
            cells: self.columns.iter().map(|column| self.cell(record, column)).collect(),
            fields: field_rows(record),
            chain: chain(record),
            url: self.links.event(at),
            json: self.links.event_json(at),
            context: self.links.context(at, "all", ""),
            request: request.map(|id| self.links.request(&id)).unwrap_or_default(),
            same_type: same_type.to_string(),
            is_here: false,
        }
    }

    fn cell(&self, record: &LogRecord, column: &str) -> Cell {
        let name = canonical_name(column);
        let text = match record.field(&name) {
            Some(Value::Int(micros)) if fields::kind(&name) == Kind::Microseconds => {
                format::millis(*micros)
            }
            _ => column_text(record, &name),
        };
        let is_request = name == fields::REQUEST_ID && !text.is_empty();
        Cell {
            url: if is_request { self.links.request(&text) } else { String::new() },
            is_number: fields::kind(&name).is_number(),
            text,
        }
    }
}

/// The text of a field by its canonical name, in stored units; empty when the record lacks it.
pub fn column_text(record: &LogRecord, name: &str) -> String {
    match name {
        fields::LEVEL => record.level.as_str().to_owned(),
        fields::TARGET => record.target.clone(),
        fields::MESSAGE => record.message.clone(),
        fields::SEQUENCE => record.sequence.to_string(),
        name => text_of(record, name).unwrap_or_default(),
    }
}

/// The text of a field, if the record has it.
pub fn text_of(record: &LogRecord, field: &str) -> Option<String> {
    record.field(field).map(|value| value.as_ref().text().into_owned())
}

/// The number of a field, if the record has one.
pub fn number_of(record: &LogRecord, field: &str) -> Option<i64> {
    match record.field(field)? {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

/// The name of a column at its head.
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

/// Outermost first, as the layer joined it.
fn chain(record: &LogRecord) -> Vec<String> {
    let Some(chain) = text_of(record, fields::ERROR_MESSAGE) else { return Vec::new() };
    chain.split(": ").map(str::to_owned).collect()
}

fn field_rows(record: &LogRecord) -> Vec<FieldRow> {
    let own = [
        (fields::LEVEL, Value::Str(record.level.as_str().to_owned())),
        (fields::TARGET, Value::Str(record.target.clone())),
    ];
    let own = own.iter().map(|(name, value)| (*name, value));
    let others = record.fields.iter().map(|(name, value)| (name.as_str(), value));
    own.chain(others).map(|(name, value)| field_row(name, value)).collect()
}

fn field_row(name: &str, value: &Value) -> FieldRow {
    let hint = match value {
        Value::Int(micros) if fields::kind(name) == Kind::Microseconds => format::duration(*micros),
        _ => String::new(),
    };
    FieldRow {
        name: short_name(name),
        canonical: name.to_owned(),
        text: value.as_ref().text().into_owned(),
        hint,
        clause: Query::value_clause(name, value.as_ref()).to_string(),
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
