//! What is known of one request: its own record, the statements it ran, what its code said. Statements
//! that a service folded at the end of a request count as often as they ran; where it recorded each one
//! instead, they are folded here.

use std::cmp::Reverse;
use std::collections::HashSet;

use logsearch::fields;
use logsearch::record::{LogRecord, Value};

use crate::pages::logs::rows::{number_of, text_of};
use crate::ui::charts::Step;

/// How often one statement has to run in a request to be called N+1.
pub const REPEATS: u64 = 5;
/// How often a folded statement ran.
pub const TIMES: &str = "db.repeats";
/// Where a statement stands in the source.
const SOURCE: &str = "db.query.source";

/// A statement of a request.
#[derive(Clone, Debug)]
pub struct Statement {
    pub name: String,
    pub sql: String,
    pub callsite: String,
    pub times: u64,
    pub micros: i64,
    pub rows: i64,
    pub failed: bool,
    /// Start and length of the runs that are known, from the start of the request.
    pub pieces: Vec<(i64, i64)>,
}

/// One request.
pub struct Profile {
    /// The record of its end.
    pub end: Option<LogRecord>,
    /// Microseconds since the Unix epoch.
    pub start: i64,
    pub duration: i64,
    pub statements: Vec<Statement>,
}

impl Profile {
    /// From the records of one request, oldest first; there is at least one.
    pub fn new(records: &[LogRecord]) -> Self {
        let end = records.iter().rev().find(|record| is_end(record)).cloned();
        let first = records.first().map_or(0, |record| record.timestamp);
        let last = records.last().map_or(0, |record| record.timestamp);
        let took = end.as_ref().and_then(|end| number_of(end, fields::DURATION));
        let duration = took.unwrap_or(last - first);
        let start = end.as_ref().map_or(first, |end| end.timestamp - duration);
        let folded = records.iter().any(|record| record.field(TIMES).is_some() && !is_end(record));
        let mut statements: Vec<Statement> = Vec::new();
        for record in records.iter().filter(|record| record.field(fields::DB_QUERY).is_some()) {
            if folded && record.field(TIMES).is_none() {
                continue;
            }
            let next = statement(record, start);
            match statements.iter_mut().find(|known| known.sql == next.sql) {
                Some(known) => known.add(next),
                None => statements.push(next),
            }
        }
        Self { end, start, duration, statements }
    }

    /// How often the statement ran that ran most often.
    pub fn most_repeats(&self) -> u64 {
        self.statements.iter().map(|statement| statement.times).max().unwrap_or(0)
    }

    /// The request itself, which the other steps are parts of.
    fn whole(&self) -> Step {
        Step {
            label: "the request".to_owned(),
            pieces: vec![(0, self.duration)],
            times: 1,
            total: self.duration,
            ..Step::default()
        }
    }

    /// The request, then statements and everything else that took time, in order of their starts.
    pub fn steps(&self, records: &[LogRecord]) -> Vec<Step> {
        let mut steps: Vec<Step> = self.statements.iter().map(Statement::step).collect();
        let others = records.iter().filter(|record| {
            record.field(fields::DB_QUERY).is_none()
                && record.field(fields::DURATION).is_some()
                && !is_end(record)
        });
        steps.extend(others.map(|record| {
            let took = number_of(record, fields::DURATION).unwrap_or(0);
            let name = text_of(record, fields::SPAN_NAME);
            let offset = number_of(record, fields::OFFSET);
            Step {
                label: name.unwrap_or_else(|| record.message.clone()),
                pieces: vec![(offset.unwrap_or(record.timestamp - took - self.start), took)],
                times: 1,
                total: took,
                ..Step::default()
            }
        }));
        nest(&mut steps);
        if !steps.is_empty() {
            steps.insert(0, self.whole());
        }
        steps
    }
}

impl Statement {
    fn add(&mut self, other: Self) {
        self.times += other.times;
        self.micros += other.micros;
        self.rows += other.rows;
        self.failed |= other.failed;
        self.pieces.extend(other.pieces);
    }

    /// Whether it should be one statement.
    pub fn is_repeated(&self) -> bool {
        self.times >= REPEATS
    }

    fn step(&self) -> Step {
        let note = match (self.failed, self.is_repeated()) {
            (true, _) => "failed".to_owned(),
            (false, true) => format!("N+1: same statement ran {} times", self.times),
            (false, false) => String::new(),
        };
        Step {
            label: if self.name.is_empty() { beginning(&self.sql) } else { self.name.clone() },
            pieces: self.pieces.clone(),
            times: self.times,
            total: self.micros,
            is_bad: !note.is_empty(),
            note,
            from: self.callsite.clone(),
            is_statement: true,
            ..Step::default()
        }
    }
}

/// Brings steps into the order of their starts, a longer one first, and finds what lies in what.
fn nest(steps: &mut [Step]) {
    let piece = |step: &Step| step.pieces.first().copied().unwrap_or_default();
    steps.sort_by_key(|step| (piece(step).0, Reverse(piece(step).1)));
    let mut around: Vec<i64> = Vec::new();
    for step in steps {
        let (start, took) = piece(step);
        around.retain(|end| *end > start);
        step.depth = around.len() + 1;
        // Nothing is part of a statement, and its runs may lie far apart.
        if !step.is_statement {
            around.push(start + took);
        }
    }
}

/// Enough of a statement to know it by.
fn beginning(sql: &str) -> String {
    const KEPT: usize = 48;
    match sql.char_indices().nth(KEPT) {
        Some((at, _)) => format!("{}…", &sql[..at]),
        None => sql.to_owned(),
    }
}

/// Whether this is the record of a request's end.
pub fn is_end(record: &LogRecord) -> bool {
    record.field(fields::STATUS).is_some() && record.field(fields::DURATION).is_some()
}

/// Which request or job a record is of.
fn work(record: &LogRecord) -> Option<String> {
    text_of(record, fields::REQUEST_ID).or_else(|| text_of(record, fields::JOB))
}

/// Records of statements, each run once: what a service folded at the end of a request it may have told
/// before, of slow and of failed runs.
pub fn told_once(records: &[LogRecord]) -> Vec<&LogRecord> {
    let is_folded = |record: &&LogRecord| record.field(TIMES).is_some();
    let folded: HashSet<_> = records.iter().filter(is_folded).filter_map(work).collect();
    let is_new = |record: &&LogRecord| {
        is_folded(record) || work(record).is_none_or(|work| !folded.contains(&work))
    };
    records.iter().filter(is_new).collect()
}

/// Whether this was recorded at the end of a request about a part of it, by a service that folds them.
pub fn is_step(record: &LogRecord) -> bool {
    record.field(fields::OFFSET).is_some()
}

/// One record of a statement, folded or not.
pub fn statement(record: &LogRecord, start: i64) -> Statement {
    let micros = number_of(record, fields::DURATION).unwrap_or(0);
    let offset = number_of(record, fields::OFFSET);
    let text = |name| text_of(record, name).unwrap_or_default();
    let failed = record.field(fields::ERROR_MESSAGE).is_some()
        || matches!(record.field(fields::ERROR_TYPE), Some(Value::Str(kind)) if !kind.is_empty());
    Statement {
        name: text(fields::DB_OPERATION),
        sql: text(fields::DB_QUERY),
        callsite: text_of(record, SOURCE).unwrap_or_else(|| text(fields::CALLSITE)),
        times: number_of(record, TIMES).and_then(|times| u64::try_from(times).ok()).unwrap_or(1),
        micros,
        rows: number_of(record, fields::DB_ROWS).unwrap_or(0),
        failed,
        pieces: vec![(offset.unwrap_or(record.timestamp - micros - start), micros)],
    }
}

/// The moment a ULID carries, in microseconds; `None` for other ids.
pub fn time_of_id(id: &str) -> Option<i64> {
    const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    if id.len() != 26 || !id.is_ascii() {
        return None;
    }
    let mut millis: i64 = 0;
    for (at, digit) in id.chars().enumerate() {
        let value = ALPHABET.find(digit.to_ascii_uppercase())?;
        if at < 10 {
            millis = millis * 32 + i64::try_from(value).ok()?;
        }
    }
    millis.checked_mul(1_000)
}

#[cfg(test)]
mod tests {
    use logsearch::record::Level;

    use super::*;

    fn record(timestamp: i64, fields: &[(&str, Value)]) -> LogRecord {
        LogRecord {
            timestamp,
            sequence: 1,
            level: Level::Info,
            target: "t".to_owned(),
            message: "m".to_owned(),
            fields: fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        }
    }

    fn sql(timestamp: i64, more: &[(&str, Value)]) -> LogRecord {
        let mut record = record(timestamp, &[(fields::DURATION, Value::Int(10))]);
        record.fields.push((fields::DB_QUERY.to_owned(), Value::Str("SELECT 1".to_owned())));
        record.fields.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        record
    }

    #[test]
    fn repeated_statements_are_folded_and_called_by_their_name() {
        let end = [(fields::STATUS, Value::Int(200)), (fields::DURATION, Value::Int(900))];
        let mut records: Vec<LogRecord> = (0..5).map(|n| sql(200 + n * 100, &[])).collect();
        records.push(record(1_000, &end));
        let profile = Profile::new(&records);
        assert_eq!((profile.start, profile.duration, profile.most_repeats()), (100, 900, 5));
        assert_eq!(profile.statements.len(), 1);
        assert!(profile.statements[0].is_repeated());
        assert_eq!(profile.statements[0].pieces[0], (90, 10));
    }

    #[test]
    fn what_the_service_folded_is_not_counted_twice() {
        let records = [
            sql(1, &[]),
            sql(2, &[]),
            sql(3, &[(TIMES, Value::Int(2)), (fields::OFFSET, Value::Int(1))]),
        ];
        let profile = Profile::new(&records);
        assert_eq!(profile.most_repeats(), 2);
        assert_eq!(profile.statements[0].pieces, [(1, 10)]);
    }

    #[test]
    fn a_slow_run_that_was_told_before_is_not_told_again() {
        let of = |request: &str, more: &[(&str, Value)]| {
            let id = (fields::REQUEST_ID, Value::Str(request.to_owned()));
            sql(1, &[&[id], more].concat())
        };
        let folded = [(TIMES, Value::Int(1))];
        let records = [of("a", &[]), of("a", &folded), of("b", &[]), sql(1, &[]), sql(1, &folded)];
        assert_eq!(told_once(&records).len(), 4);
    }

    #[test]
    fn what_a_step_is_part_of_stands_around_it() {
        let part = |name: &str, offset, took| {
            let field = |name: &str, value| (name.to_owned(), value);
            let mut record = record(1_000, &[(fields::DURATION, Value::Int(took))]);
            record.fields.push(field(fields::SPAN_NAME, Value::Str(name.to_owned())));
            record.fields.push(field(fields::OFFSET, Value::Int(offset)));
            record
        };
        let end = [(fields::STATUS, Value::Int(200)), (fields::DURATION, Value::Int(900))];
        let mut records = vec![part("render", 500, 300), part("handler", 100, 700)];
        records.push(sql(1_000, &[(TIMES, Value::Int(2)), (fields::OFFSET, Value::Int(100))]));
        records.extend([part("send", 800, 100), record(1_000, &end)]);
        let steps = Profile::new(&records).steps(&records);
        let found: Vec<_> = steps.iter().map(|step| (step.label.as_str(), step.depth)).collect();
        let expected =
            [("the request", 0), ("handler", 1), ("SELECT 1", 2), ("render", 2), ("send", 1)];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_ulid_tells_its_time() {
        assert_eq!(time_of_id("01ARZ3NDEKTSV4RRFFQ69G5FAV"), Some(1_469_922_850_259_000));
        assert_eq!(time_of_id("abc"), None);
        assert_eq!(time_of_id("é1ARZ3NDEKTSV4RRFFQ69G5FA"), None);
    }
}
