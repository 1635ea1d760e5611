//! Errors grouped by source location and masked error chain. An error is new if its location
//! reported none in the week before the window.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use logsearch::fields;
use logsearch::query::{Query, parse};
use logsearch::record::LogRecord;
use logsearch::store::{LogStore, MAX_PAGE, Search, StoreError, TimeRange};

use super::record::text_of;
use crate::format::{self, SECOND};

/// Query that defines an error.
static ERRORS: LazyLock<Query> = LazyLock::new(|| parse("level:error OR error.message:*").query);
/// How far back to look for earlier errors of a location, in microseconds.
const BEFORE: i64 = 7 * 86_400 * SECOND;
/// Maximum number of source locations looked up.
const PLACES: usize = 1_000;
/// Maximum number of groups per page.
const GROUPS: usize = 200;

/// A group of errors.
pub struct Group {
    pub place: String,
    pub newest: LogRecord,
    pub fingerprint: String,
    pub count: u64,
    pub first: i64,
    pub users: HashSet<String>,
    pub times: Vec<i64>,
}

/// Restricts a query to errors.
pub fn errors(query: &Query) -> Query {
    query.clone().and(ERRORS.clone())
}

/// Source locations that reported errors in the week before.
pub async fn known_places(
    store: &dyn LogStore,
    range: TimeRange,
) -> Result<HashSet<String>, StoreError> {
    let before = TimeRange { from: range.from.saturating_sub(BEFORE), to: range.from };
    let types = store.event_types(before, &ERRORS, PLACES).await?;
    Ok(types.into_iter().map(|one| one.callsite).collect())
}

/// What a record shares with the others of its group: 16 hexadecimal digits (FNV-1a) of its place and
/// its masked chain, the same in every process and release.
fn fingerprint_of(record: &LogRecord) -> String {
    let chain = text_of(record, fields::ERROR_MESSAGE).unwrap_or_else(|| record.message.clone());
    format::fingerprint(&[&place(record), &mask(&chain)])
}

fn place(record: &LogRecord) -> String {
    text_of(record, fields::CALLSITE).unwrap_or_else(|| record.target.clone())
}

/// Groups records, given newest first, with the newest group first.
pub fn groups(records: &[LogRecord]) -> Vec<Group> {
    let mut index: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for record in records {
        let fingerprint = fingerprint_of(record);
        let at = *index.entry(fingerprint.clone()).or_insert_with(|| {
            groups.push(Group {
                place: place(record),
                fingerprint,
                newest: record.clone(),
                count: 0,
                first: record.timestamp,
                users: HashSet::new(),
                times: Vec::new(),
            });
            groups.len() - 1
        });
        let group = &mut groups[at];
        group.count += 1;
        group.first = group.first.min(record.timestamp);
        group.users.extend(text_of(record, fields::USER_NAME));
        group.times.push(record.timestamp);
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups.truncate(GROUPS);
    groups
}

/// Masks variable parts of a text: numbers, ids and quoted parts.
fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(512));
    for word in text.split_inclusive(|c: char| c.is_whitespace() || ",;:()[]{}=/".contains(c)) {
        let end = word.trim_end_matches(|c: char| c.is_whitespace() || ",;:()[]{}=/".contains(c));
        let varies = end.chars().any(|c| c.is_ascii_digit()) || end.starts_with(['"', '\'', '`']);
        out.push_str(if varies { "#" } else { end });
        out.push_str(&word[end.len()..]);
        if out.len() > 512 {
            break;
        }
    }
    out
}

/// The group of that fingerprint in a range and its records, newest first.
pub async fn find(
    store: &dyn LogStore,
    range: TimeRange,
    fingerprint: &str,
) -> Result<Option<(Group, Vec<LogRecord>)>, StoreError> {
    let search = Search::new(errors(&Query::All)).within(range).limit(MAX_PAGE);
    let records = store.search(&search).await?.records;
    let of = |record: &LogRecord| fingerprint_of(record) == fingerprint;
    let records: Vec<LogRecord> = records.into_iter().filter(of).collect();
    Ok(groups(&records).pop().map(|group| (group, records)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_from_case_to_case_is_masked() {
        assert_eq!(mask("user 12 not found"), mask("user 7 not found"));
        assert_eq!(mask("key \"a\": 0x1f"), mask("key \"bc\": 0x2e"));
        assert_eq!(mask("database is locked"), "database is locked");
        assert_ne!(mask("database is locked"), mask("disk is full"));
        assert!(mask(&"æ ".repeat(10_000)).len() < 600);
    }
}
