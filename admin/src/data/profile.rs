//! The profile of a request: its own record, its SQL statements and its log records. Statements may
//! be recorded one by one or aggregated at the end of the request; both are aggregated here.

use std::collections::HashSet;

use logsearch::fields;
use logsearch::record::{LogRecord, Value};
use ulid::Ulid;

use super::record::{number_of, text_of};

/// How often one statement has to run in a request to be called N+1: it should be one statement.
pub const REPEATS: u64 = 5;
/// Query for requests with such a statement.
pub const REPEATING: &str = "repeats:>=5";
/// Maximum number of runs of a statement that are drawn.
const PIECES: usize = 500;
/// Field with the source location of a statement.
const SOURCE: &str = "db.query.source";

/// A SQL statement of a request, aggregated over its runs.
#[derive(Clone, Debug)]
pub struct Statement {
    pub name: String,
    pub sql: String,
    pub callsite: String,
    pub times: u64,
    pub micros: i64,
    pub rows: i64,
    pub failed: bool,
    /// Start and length of the known runs in microseconds, relative to the start of the request.
    pub pieces: Vec<(i64, i64)>,
    /// Start, number and length of what each record says.
    runs: Vec<(i64, u64, i64)>,
}

/// The profile of a request.
pub struct Profile {
    /// The record that was written when the request finished.
    pub end: Option<LogRecord>,
    /// Microseconds since the Unix epoch.
    pub start: i64,
    pub duration: i64,
    pub statements: Vec<Statement>,
}

impl Profile {
    /// Builds the profile from the records of one request, oldest first; at least one.
    pub fn new(records: &[LogRecord]) -> Self {
        let end = records.iter().rev().find(|record| is_end(record)).cloned();
        let first = records.first().map_or(0, |record| record.timestamp);
        let last = records.last().map_or(0, |record| record.timestamp);
        let took = end.as_ref().and_then(|end| number_of(end, fields::DURATION));
        let duration = took.unwrap_or(last - first);
        let start = end.as_ref().map_or(first, |end| end.timestamp - duration);
        let folded = records.iter().any(|record| record.field(fields::DB_RUNS).is_some());
        let mut statements: Vec<Statement> = Vec::new();
        for record in records.iter().filter(|record| record.field(fields::DB_QUERY).is_some()) {
            if folded && record.field(fields::DB_RUNS).is_none() {
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

    /// Number of statements and their microseconds, while the client waited and after it had left: a change
    /// is finished whoever waits for it.
    pub fn database(&self) -> [(u64, i64); 2] {
        let mut sums = [(0, 0); 2];
        let runs = self.statements.iter().flat_map(|statement| &statement.runs);
        for (offset, times, micros) in runs {
            let is_after = self.end.is_some() && *offset >= self.duration;
            let sum = &mut sums[usize::from(is_after)];
            *sum = (sum.0 + times, sum.1 + micros);
        }
        sums
    }

    /// Microseconds from the start of the request to the end of all that it did.
    pub fn until(&self) -> i64 {
        let runs = self.statements.iter().flat_map(|statement| &statement.runs);
        runs.map(|(offset, _, micros)| if *offset >= self.duration { offset + micros } else { 0 })
            .fold(self.duration, i64::max)
    }

    /// Number of runs of the most repeated statement.
    pub fn most_repeats(&self) -> u64 {
        self.statements.iter().map(|statement| statement.times).max().unwrap_or(0)
    }
}

impl Statement {
    fn add(&mut self, other: Self) {
        self.times += other.times;
        self.micros += other.micros;
        self.rows += other.rows;
        self.failed |= other.failed;
        let room = PIECES.saturating_sub(self.pieces.len());
        self.pieces.extend(other.pieces.into_iter().take(room));
        self.runs.extend(other.runs);
    }

    /// Whether the statement repeats often enough to be N+1.
    pub fn is_repeated(&self) -> bool {
        self.times >= REPEATS
    }
}

/// Whether this record was written when a request finished.
pub fn is_end(record: &LogRecord) -> bool {
    record.field(fields::STATUS).is_some() && record.field(fields::DURATION).is_some()
}

/// The id of the request or job that a record belongs to.
fn work(record: &LogRecord) -> Option<String> {
    text_of(record, fields::REQUEST_ID).or_else(|| text_of(record, fields::JOB))
}

/// Statement records without duplicates: slow and failed runs are recorded at once and again in the
/// aggregate at the end of the request.
pub fn dedup_statements(records: &[LogRecord]) -> Vec<&LogRecord> {
    let is_folded = |record: &&LogRecord| record.field(fields::DB_RUNS).is_some();
    let folded: HashSet<_> = records.iter().filter(is_folded).filter_map(work).collect();
    let is_new = |record: &&LogRecord| {
        is_folded(record) || work(record).is_none_or(|work| !folded.contains(&work))
    };
    records.iter().filter(is_new).collect()
}

/// Whether this record describes an aggregated step of a finished request.
pub fn is_step(record: &LogRecord) -> bool {
    record.field(fields::OFFSET).is_some()
}

/// Reads a statement from its record, aggregated or not.
pub fn statement(record: &LogRecord, start: i64) -> Statement {
    let micros = number_of(record, fields::DURATION).unwrap_or(0);
    let offset = number_of(record, fields::OFFSET);
    let text = |name| text_of(record, name).unwrap_or_default();
    let failed = record.field(fields::ERROR_MESSAGE).is_some()
        || matches!(record.field(fields::ERROR_TYPE), Some(Value::Str(kind)) if !kind.is_empty());
    let offset = offset.unwrap_or(record.timestamp - micros - start);
    let times =
        number_of(record, fields::DB_RUNS).and_then(|times| u64::try_from(times).ok()).unwrap_or(1);
    Statement {
        name: text(fields::DB_OPERATION),
        sql: text(fields::DB_QUERY),
        callsite: text_of(record, SOURCE).unwrap_or_else(|| text(fields::CALLSITE)),
        times,
        micros,
        rows: number_of(record, fields::DB_ROWS).unwrap_or(0),
        failed,
        pieces: vec![(offset, micros)],
        runs: vec![(offset, times, micros)],
    }
}

/// The time encoded in a ULID, in microseconds since the Unix epoch; `None` for other ids.
pub fn time_of_id(id: &str) -> Option<i64> {
    let millis = Ulid::from_string(id).ok()?.timestamp_ms();
    i64::try_from(millis).ok()?.checked_mul(1_000)
}

#[cfg(test)]
pub mod tests {
    use logsearch::record::Level;

    use super::*;

    #[test]
    fn the_clause_finds_what_is_called_n_plus_one() {
        assert_eq!(REPEATING, format!("repeats:>={REPEATS}"));
    }

    /// A record at a time, with these fields.
    pub fn record(timestamp: i64, fields: &[(&str, Value)]) -> LogRecord {
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

    /// A statement of 10 µs at a time, with more fields.
    pub fn sql(timestamp: i64, more: &[(&str, Value)]) -> LogRecord {
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
    fn what_went_on_after_the_client_left_is_told_apart() {
        let end = [(fields::STATUS, Value::Int(499)), (fields::DURATION, Value::Int(300))];
        let run = |timestamp, times, offset| {
            sql(
                timestamp,
                &[(fields::DB_RUNS, Value::Int(times)), (fields::OFFSET, Value::Int(offset))],
            )
        };
        let records =
            [run(1_300, 1, 100), record(1_300, &end), run(3_000, 0, 300), run(3_000, 2, 900)];
        let profile = Profile::new(&records);
        assert_eq!(profile.database(), [(1, 10), (2, 20)]);
        assert_eq!((profile.most_repeats(), profile.until()), (3, 910));
    }

    #[test]
    fn what_the_service_folded_is_not_counted_twice() {
        let records = [
            sql(1, &[]),
            sql(2, &[]),
            sql(3, &[(fields::DB_RUNS, Value::Int(2)), (fields::OFFSET, Value::Int(1))]),
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
        let folded = [(fields::DB_RUNS, Value::Int(1))];
        let records = [of("a", &[]), of("a", &folded), of("b", &[]), sql(1, &[]), sql(1, &folded)];
        assert_eq!(dedup_statements(&records).len(), 4);
    }

    #[test]
    fn a_ulid_tells_its_time() {
        assert_eq!(time_of_id("01ARZ3NDEKTSV4RRFFQ69G5FAV"), Some(1_469_922_850_259_000));
        assert_eq!(time_of_id("abc"), None);
        assert_eq!(time_of_id("é1ARZ3NDEKTSV4RRFFQ69G5FA"), None);
    }
}
