//! Compares a request with others of its route: medians, percentiles and how far this one deviates.

use logsearch::fields;
use logsearch::query::Query;
use logsearch::record::{LogRecord, ValueRef};
use logsearch::store::{LogStore, StoreError, TimeRange};

use super::record::{number_of, text_of};
use super::requests::ends;
use crate::format::{self, SECOND};

/// Requests up to this long before and after are compared, in microseconds.
const BEFORE: i64 = 24 * 3_600 * SECOND;
const AFTER: i64 = 3_600 * SECOND;
/// Values above this multiple of the median are marked.
const UNUSUAL: f64 = 3.0;

/// Compared fields: title, field name, and whether it is a duration.
const FIGURES: [(&str, &str, bool); 4] = [
    ("duration", fields::DURATION, true),
    ("database time", fields::DB_DURATION, true),
    ("statements", fields::DB_COUNT, false),
    ("bytes sent", fields::BODY_BYTES, false),
];

/// A value of this request next to median and p95 of its route.
pub struct Compared {
    pub title: &'static str,
    pub this: String,
    pub median: String,
    pub p95: String,
    /// Multiple of the median, such as `×18`; empty if not meaningful.
    pub times: String,
    pub is_unusual: bool,
}

/// Compares the request of this record; also returns the number of requests it was compared with.
pub async fn compare(
    store: &dyn LogStore,
    record: &LogRecord,
) -> Result<(Vec<Compared>, u64), StoreError> {
    let Some(route) = text_of(record, fields::ROUTE) else { return Ok((Vec::new(), 0)) };
    let at = record.timestamp;
    let range = TimeRange { from: at.saturating_sub(BEFORE), to: at.saturating_add(AFTER) };
    let mut query =
        ends(&Query::All).and(Query::value_clause(fields::ROUTE, ValueRef::Str(&route)));
    if let Some(method) = text_of(record, fields::METHOD) {
        query = query.and(Query::value_clause(fields::METHOD, ValueRef::Str(&method)));
    }
    let mut figures = Vec::new();
    let mut compared_with = 0;
    for (title, field, is_time) in FIGURES {
        let Some(this) = number_of(record, field) else { continue };
        let group = store.percentiles(range, &query, field, &[50.0, 95.0]).await?;
        if let [median, p95] = group.percentiles[..] {
            compared_with = compared_with.max(group.count);
            figures.push(figure(title, this, median, p95, is_time));
        }
    }
    Ok((figures, compared_with))
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "figures to read")]
fn figure(title: &'static str, this: i64, median: f64, p95: f64, is_time: bool) -> Compared {
    let text = |value: f64| {
        let value = value.round() as i64;
        if is_time { format::duration(value) } else { format::count(value.unsigned_abs()) }
    };
    let times = if median > 0.0 { this as f64 / median } else { 0.0 };
    Compared {
        title,
        this: text(this as f64),
        median: text(median),
        p95: text(p95),
        times: if times >= 1.5 { format!("×{times:.1}") } else { String::new() },
        is_unusual: times >= UNUSUAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_usual_is_marked() {
        let slow = figure("duration", 812_000, 44_000.0, 60_000.0, true);
        assert_eq!((slow.this.as_str(), slow.median.as_str()), ("812 ms", "44 ms"));
        assert_eq!((slow.times.as_str(), slow.is_unusual), ("×18.5", true));
        let usual = figure("statements", 3, 3.0, 4.0, false);
        assert_eq!((usual.times.as_str(), usual.is_unusual), ("", false));
        assert!(!figure("statements", 3, 0.0, 0.0, false).is_unusual);
    }
}
