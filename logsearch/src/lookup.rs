//! From an id that somebody pasted to the one thing that has it.

use std::str::FromStr;

use crate::fields::{REQUEST_ID, SPAN_ID, TRACE_ID};
use crate::query::{Field, Operand, Query, fold};
use crate::record::LogRecord;
use crate::store::{Cursor, LogStore, Search, StoreError, TimeRange};

/// Digits of the microseconds of an event id: any time since 2001 has as many. Fewer are a word, `10-4`.
const EVENT_DIGITS: usize = 15;

/// A word that looks like an id and like nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Id {
    /// Of one record: its [`Cursor`], both numbers with a hyphen between them.
    Event(Cursor),
    /// Of a request: a ULID, a UUID or 16 hexadecimal digits, which may also be of a span.
    Request(String),
    /// Of a trace: 32 hexadecimal digits, alone or in a `traceparent`.
    Trace(String),
}

/// A text that does not look like an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected a ULID, a UUID, 16 or 32 hexadecimal digits, or an event id")]
#[non_exhaustive]
pub struct ParseIdError;

impl FromStr for Id {
    type Err = ParseIdError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        if let Some(cursor) = cursor_of(word) {
            return Ok(Self::Event(cursor));
        }
        if let Some(trace) = trace_of(word) {
            return Ok(Self::Trace(trace.to_owned()));
        }
        let is_request = is_ulid(word) || is_uuid(word) || is_hex(word, 16);
        if is_request { Ok(Self::Request(word.to_owned())) } else { Err(ParseIdError) }
    }
}

impl Id {
    /// The id that a query is, when it is nothing else: one bare or quoted word.
    pub fn of(query: &Query) -> Option<Self> {
        match query {
            Query::Text(word) | Query::Phrase(word) => word.trim().parse().ok(),
            _ => None,
        }
    }

    /// The one thing that has this id; `None` when nothing has it, or several things have.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn find(&self, store: &dyn LogStore) -> Result<Option<Found>, StoreError> {
        match self {
            Self::Event(at) => Ok(event(store, *at).await?.then_some(Found::Event(*at))),
            Self::Request(id) => match request(store, REQUEST_ID, id).await? {
                None => request(store, SPAN_ID, id).await,
                found => Ok(found),
            },
            Self::Trace(id) => match request(store, TRACE_ID, id).await? {
                None => request(store, REQUEST_ID, id).await,
                found => Ok(found),
            },
        }
    }
}

/// What has an id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// The record at this place.
    Event(Cursor),
    /// The request with this id, as its records spell it.
    Request(String),
}

async fn event(store: &dyn LogStore, at: Cursor) -> Result<bool, StoreError> {
    let (timestamp, sequence) = at;
    let range = TimeRange { from: timestamp, to: timestamp.saturating_add(1) };
    let before = sequence.checked_sub(1).map(|before| (timestamp, before));
    let search = Search::new(Query::All).within(range).oldest_first().after(before).limit(1);
    let page = store.search(&search).await?;
    Ok(page.records.first().is_some_and(|record| (record.timestamp, record.sequence) == at))
}

/// The only request of which a record has this id in a field.
async fn request(store: &dyn LogStore, name: &str, id: &str) -> Result<Option<Found>, StoreError> {
    let has_id = Query::Eq(Field::of(name), Operand::Text(fold(id).into_owned()));
    let query = has_id.and(Query::has_field(REQUEST_ID));
    let page = store.search(&Search::new(query.clone()).limit(1)).await?;
    let Some(request) = page.records.first().and_then(request_of) else { return Ok(None) };
    let others = !Query::Exact(Field::of(REQUEST_ID), request.clone());
    let others = store.count(TimeRange::ALL, &query.and(others)).await?;
    Ok((others == 0).then_some(Found::Request(request)))
}

fn request_of(record: &LogRecord) -> Option<String> {
    record.field(REQUEST_ID).map(|id| id.as_ref().text().into_owned())
}

fn cursor_of(word: &str) -> Option<Cursor> {
    let (micros, sequence) = word.split_once('-')?;
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_event = micros.len() >= EVENT_DIGITS && is_number(micros) && is_number(sequence);
    is_event.then_some((micros.parse().ok()?, sequence.parse().ok()?))
}

/// The trace id of a word: the word itself, or that of a `traceparent`. All zeros are none.
fn trace_of(word: &str) -> Option<&str> {
    let mut parts = word.split('-');
    let trace = match (parts.next()?, parts.next(), parts.next(), parts.next(), parts.next()) {
        (trace, None, ..) => trace,
        (version, Some(trace), Some(span), Some(flags), None)
            if is_hex(version, 2) && is_hex(span, 16) && is_hex(flags, 2) =>
        {
            trace
        }
        _ => return None,
    };
    (is_hex(trace, 32) && trace.bytes().any(|byte| byte != b'0')).then_some(trace)
}

fn is_hex(word: &str, digits: usize) -> bool {
    word.len() == digits && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_uuid(word: &str) -> bool {
    word.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && word.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// 26 digits of base 32 by Crockford, which has no I, L, O and U, of 128 bits.
fn is_ulid(word: &str) -> bool {
    let is_digit = |byte: u8| {
        byte.is_ascii_alphanumeric()
            && !matches!(byte.to_ascii_uppercase(), b'I' | b'L' | b'O' | b'U')
    };
    word.len() == 26 && word.starts_with(|c| ('0'..='7').contains(&c)) && word.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;
    use crate::record::{Level, Value};

    const ULID: &str = "01JD8QK9T3Z4M5N6P7R8S9T001";
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn only_what_looks_like_an_id_is_one() {
        let request = |word: &str| Ok(Id::Request(word.to_owned()));
        for word in [ULID, "00f067aa0ba902b7", "550e8400-e29b-41d4-a716-446655440000"] {
            assert_eq!(word.parse(), request(word));
        }
        let trace = Ok(Id::Trace(TRACE.to_owned()));
        assert_eq!(TRACE.parse(), trace);
        assert_eq!(format!("00-{TRACE}-00f067aa0ba902b7-01").parse(), trace);
        assert_eq!("1793491200000001-42".parse(), Ok(Id::Event((1_793_491_200_000_001, 42))));
        for word in [
            "",
            "error",
            "10-4",
            "2026-11-22",
            "timeout",
            "81JD8QK9T3Z4M5N6P7R8S9T001",
            "01JD8QK9T3Z4M5N6P7R8S9T00U",
            "deadbeef",
            "00000000000000000000000000000000",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-x-01",
            "internationalizationwords_",
        ] {
            assert_eq!(word.parse::<Id>(), Err(ParseIdError), "{word}");
        }
    }

    #[tokio::test]
    async fn an_id_leads_to_the_one_thing_that_has_it() {
        let store = MemoryStore::new();
        let record = |sequence: u64, request: &str, trace: &str, span: &str| LogRecord {
            timestamp: 1_793_491_200_000_000,
            sequence,
            level: Level::Info,
            target: "t".into(),
            message: "m".into(),
            fields: [(REQUEST_ID, request), (TRACE_ID, trace), (SPAN_ID, span)]
                .map(|(name, value)| (name.to_owned(), Value::Str(value.to_owned())))
                .into(),
        };
        let shared = "0af7651916cd43dd8448eb211c80319c";
        store
            .append(vec![
                record(1, ULID, TRACE, "00f067aa0ba902b7"),
                record(2, ULID, TRACE, "00f067aa0ba902b8"),
                record(3, "01JD8QK9T3Z4M5N6P7R8S9T002", shared, "00f067aa0ba902b9"),
                record(4, "01JD8QK9T3Z4M5N6P7R8S9T003", shared, "00f067aa0ba902ba"),
            ])
            .await
            .unwrap();
        let found = async |word: &str| word.parse::<Id>().unwrap().find(&store).await.unwrap();
        let request = Some(Found::Request(ULID.to_owned()));
        assert_eq!(found(ULID).await, request);
        assert_eq!(found(&ULID.to_lowercase()).await, request, "in any case");
        assert_eq!(found(TRACE).await, request);
        assert_eq!(found("00f067aa0ba902b8").await, request, "by a span");
        assert_eq!(found(shared).await, None, "two requests have it");
        assert_eq!(found("01JD8QK9T3Z4M5N6P7R8S9T009").await, None);
        let at = (1_793_491_200_000_000, 3);
        assert_eq!(found("1793491200000000-3").await, Some(Found::Event(at)));
        assert_eq!(found("1793491200000000-9").await, None);
    }
}
