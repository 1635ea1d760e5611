//! One store against another on the same records: pages, counts and every other aggregation. The second
//! is the meaning of the answers, so a difference is a mistake of the first.

use std::collections::HashMap;

use super::{cursor, search, walk};
use crate::memory::MemoryStore;
use crate::query::parse;
use crate::record::{LogRecord, Value};
use crate::store::{
    Aggregate, Aggregation, Cursor, LogStore, MAX_PAGE, PercentileGroup, TimeRange,
};

/// Asks both stores everything about one query and expects the same answers: newest and oldest pages,
/// a second page, a window inside, counts, bars, top values, event types.
pub async fn compare(store: &dyn LogStore, reference: &MemoryStore, range: TimeRange, text: &str) {
    let inner = TimeRange { from: range.from + (range.to - range.from) / 3, to: range.to - 1 };
    for (range, ascending, limit) in
        [(TimeRange::ALL, false, 30), (range, true, 7), (inner, false, 100), (inner, true, 20)]
    {
        let mut asked = search(text, range, ascending, limit);
        for _ in 0..2 {
            let found = store.search(&asked).await.expect("search");
            let wanted = reference.search(&asked).await.expect("search in memory");
            let (found, wanted) = (found.records, (wanted.next, wanted.records));
            assert_eq!(places(&found), places(&wanted.1), "{text} in {asked:?}");
            assert_eq!(found, wanted.1, "{text} in {asked:?}");
            let Some(next) = wanted.0 else { break };
            asked.after = Some(next);
        }
    }
    let top = ["level", "http.route", "user.name", "x.mixed"].map(str::to_owned).to_vec();
    for asked in [
        Aggregation::Count,
        Aggregation::Histogram { interval: range.interval(50) },
        Aggregation::TopValues { fields: top, size: 5 },
        Aggregation::EventTypes { size: 5 },
    ] {
        compare_aggregation(store, reference, range, text, &asked).await;
        compare_aggregation(store, reference, inner, text, &asked).await;
    }
}

fn places(records: &[LogRecord]) -> Vec<Cursor> {
    records.iter().map(cursor).collect()
}

/// Asks both stores for one aggregation and expects the same answer, percentiles within 2 %.
pub async fn compare_aggregation(
    store: &dyn LogStore,
    reference: &MemoryStore,
    range: TimeRange,
    text: &str,
    asked: &Aggregation,
) {
    let query = parse(text).query;
    let found = store.aggregate(range, &query, asked).await.expect("aggregate");
    let wanted = reference.aggregate(range, &query, asked).await.expect("aggregate in memory");
    let (Aggregate::Percentiles(found), Aggregate::Percentiles(_)) = (&found, &wanted) else {
        assert_eq!(found, wanted, "{text}: {asked:?} in {range:?}");
        return;
    };
    let Aggregation::Percentiles { field, by, percents, .. } = asked else { return };
    let exact = exact_numbers(reference, range, text, field, by.as_deref()).await;
    let Aggregate::Percentiles(wanted) = wanted else { return };
    let heads = |groups: &[PercentileGroup]| {
        groups.iter().map(|group| (group.value.clone(), group.count)).collect::<Vec<_>>()
    };
    assert_eq!(heads(found), heads(&wanted), "{text}: groups of {asked:?}");
    for group in found {
        let sorted = exact.get(&group.value).map_or(&[][..], Vec::as_slice);
        let wanted = if sorted.is_empty() { 0 } else { percents.len() };
        assert_eq!(group.percentiles.len(), wanted, "{text}: {group:?}");
        for (percent, answer) in percents.iter().zip(&group.percentiles) {
            assert!(
                is_close(sorted, *percent, *answer),
                "{text}: {percent} % is {answer} in {group:?}"
            );
        }
    }
}

async fn exact_numbers(
    reference: &MemoryStore,
    range: TimeRange,
    text: &str,
    field: &str,
    by: Option<&str>,
) -> HashMap<String, Vec<f64>> {
    let mut groups: HashMap<String, Vec<f64>> = HashMap::new();
    for record in walk(reference, search(text, range, true, MAX_PAGE)).await {
        let group = match by {
            Some(by) => record.field(by).map(|value| value.as_ref().text().into_owned()),
            None => Some(String::new()),
        };
        let number = match record.field(field) {
            #[expect(clippy::cast_precision_loss, reason = "percentiles are given to 2 %")]
            Some(Value::Int(number)) => Some(*number as f64),
            Some(Value::Float(number)) => Some(*number),
            _ => None,
        };
        if let (Some(group), Some(number)) = (group, number) {
            groups.entry(group).or_default().push(number);
        }
    }
    for numbers in groups.values_mut() {
        numbers.sort_by(f64::total_cmp);
    }
    groups
}

/// Whether an answer is within 2 % of the numbers around that rank; definitions of a percentile differ
/// in which of the neighbors they take.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank is between 0 and the number of records"
)]
fn is_close(sorted: &[f64], percent: f64, answer: f64) -> bool {
    let rank = percent / 100.0 * (sorted.len() as f64 - 1.0);
    let last = sorted.len() - 1;
    let low = sorted[(rank.floor() as usize).saturating_sub(1)];
    let high = sorted[(rank.ceil() as usize + 1).min(last)];
    low - low.abs() * 0.02 <= answer && answer <= high + high.abs() * 0.02
}
