//! Compares a window with the time before: the field values whose share of all records changed
//! most. Helps when the error message does not name the cause. Ordered by statistical significance,
//! so that a few records do not count as a finding; counts are exact.

use logsearch::fields;
use logsearch::query::{Field, Query, parse};
use logsearch::record::ValueRef;
use logsearch::store::{LogStore, StoreError, TimeRange, TopValues};

use super::summary;
use crate::context::window::Window;
use crate::format::SECOND;

/// Values compared per field.
const VALUES: usize = 200;
/// Maximum number of differences shown.
const SHOWN: usize = 10;
/// Significance threshold: the G statistic for p = 0.001 with one degree of freedom.
pub(super) const UNLIKELY: f64 = 10.83;
/// Minimum length of the baseline window, in microseconds.
const SHORTEST: i64 = 3_600 * SECOND;

/// What differs between a window and the time before.
pub struct Differences {
    /// The most significant first.
    pub found: Vec<Difference>,
    /// Length of the time before, in microseconds.
    pub length: i64,
    /// Number of records in the window and before.
    pub total: u64,
    pub total_before: u64,
}

/// A value whose share of all records changed, with its records in the window and before.
pub struct Difference {
    pub field: String,
    pub value: String,
    pub during: u64,
    pub before: u64,
    g: f64,
}

/// Compares a window with the time before. The requests of the panel at `base` are excluded, and records
/// that raised log levels and alerting add: investigating an incident causes them.
///
/// # Errors
/// When the store fails.
pub async fn differences(
    store: &dyn LogStore,
    window: &Window,
    base: &str,
) -> Result<Differences, StoreError> {
    let range = window.range();
    let length = window.length().max(SHORTEST);
    let earlier = TimeRange { from: range.from.saturating_sub(length), to: range.from };
    between(store, range, earlier, &others(base)).await
}

/// Compares the records of a window that match with those of another one. The requests of the panel at `base`
/// are excluded.
///
/// # Errors
/// When the store fails.
pub async fn differences_from(
    store: &dyn LogStore,
    range: TimeRange,
    earlier: TimeRange,
    query: &Query,
    base: &str,
) -> Result<Differences, StoreError> {
    between(store, range, earlier, &query.clone().and(others(base))).await
}

async fn between(
    store: &dyn LogStore,
    range: TimeRange,
    earlier: TimeRange,
    others: &Query,
) -> Result<Differences, StoreError> {
    let length = earlier.to.saturating_sub(earlier.from);
    let (total, total_before, during, before) = tokio::try_join!(
        store.count(range, others),
        store.count(earlier, others),
        store.top_values(range, others, &summary::FIELDS, VALUES),
        store.top_values(earlier, others, &summary::FIELDS, VALUES),
    )?;
    let mut found = candidates(&during, &before, total, total_before);
    // A value beyond the most frequent ones has a count, too.
    for one in &mut found {
        if one.during == 0 || one.before == 0 {
            let clause = others.clone().and(one.clause());
            one.during = store.count(range, &clause).await?;
            one.before = store.count(earlier, &clause).await?;
            one.g = g(one.during, total, one.before, total_before);
        }
    }
    let found = choose(found, total, total_before);
    Ok(Differences { found, length, total, total_before })
}

impl Differences {
    /// Whether both windows have records.
    pub fn is_comparable(&self) -> bool {
        self.total > 0 && self.total_before > 0
    }
}

/// Records that are not of a request to the panel, not about alerts, and not below INFO: somebody who
/// raised the level would find what that added.
fn others(base: &str) -> Query {
    let route = Field::of(fields::ROUTE);
    let panel = Query::PhraseIn(route.clone(), base.to_owned());
    (!panel)
        .and(!Query::Wild(route, format!("{base}/*")))
        .and(!Query::has_field("alert.name"))
        .and(parse("level>=info").query)
}

/// All values that changed significantly, most significant first.
fn candidates(
    during: &[TopValues],
    before: &[TopValues],
    total: u64,
    total_before: u64,
) -> Vec<Difference> {
    let mut found = Vec::new();
    for (now, then) in during.iter().zip(before) {
        let count = |top: &TopValues, value: &str| {
            top.values.iter().find(|(known, _)| known == value).map_or(0, |(_, count)| *count)
        };
        let only_then = then.values.iter().filter(|(value, _)| count(now, value) == 0);
        for (value, _) in now.values.iter().chain(only_then) {
            let (during, before) = (count(now, value), count(then, value));
            let g = g(during, total, before, total_before);
            let (field, value) = (now.field.clone(), value.clone());
            found.push(Difference { field, value, during, before, g });
        }
    }
    found.retain(|one| one.g >= UNLIKELY);
    found.sort_by(|left, right| right.g.total_cmp(&left.g));
    found.truncate(4 * SHOWN);
    found
}

/// The most informative differences: a drop that only mirrors a rise is omitted.
fn choose(mut found: Vec<Difference>, total: u64, total_before: u64) -> Vec<Difference> {
    found.retain(|one| one.g >= UNLIKELY);
    found.sort_by(|left, right| right.g.total_cmp(&left.g));
    let rose = |one: &Difference| one.rose(total, total_before);
    let risen: Vec<String> =
        found.iter().filter(|one| rose(one)).map(|one| one.field.clone()).collect();
    found.retain(|one| rose(one) || !risen.contains(&one.field));
    found.truncate(SHOWN);
    found
}

impl Difference {
    /// Finds the records with the value.
    pub fn clause(&self) -> Query {
        Query::value_clause(&self.field, ValueRef::Str(&self.value))
    }

    /// Whether the share of these totals is larger than before.
    pub fn rose(&self, total: u64, total_before: u64) -> bool {
        u128::from(self.during) * u128::from(total_before)
            > u128::from(self.before) * u128::from(total)
    }
}

/// The G statistic of a value's presence in two groups: the significance of the difference of their
/// shares.
#[expect(clippy::cast_precision_loss, reason = "an order is wanted, not a figure")]
pub(super) fn g(during: u64, total: u64, before: u64, total_before: u64) -> f64 {
    let (all, with) = ((total + total_before) as f64, (during + before) as f64);
    if total == 0 || total_before == 0 {
        return 0.0;
    }
    let cell = |observed: u64, group: u64, present: f64| {
        let expected = group as f64 * present / all;
        if observed == 0 { 0.0 } else { observed as f64 * (observed as f64 / expected).ln() }
    };
    2.0 * (cell(during, total, with)
        + cell(total.saturating_sub(during), total, all - with)
        + cell(before, total_before, with)
        + cell(total_before.saturating_sub(before), total_before, all - with))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top(field: &str, values: &[(&str, u64)]) -> TopValues {
        let values = values.iter().map(|(value, count)| ((*value).to_owned(), *count)).collect();
        TopValues { field: field.to_owned(), values, others: 0, missing: 0 }
    }

    #[test]
    fn what_changed_beyond_chance_comes_first_and_chance_is_left_out() {
        let during = [
            top("http.response.status_code", &[("200", 700), ("503", 300)]),
            top("user.name", &[("anna", 11), ("bo", 9)]),
        ];
        let before = [
            top("http.response.status_code", &[("200", 2_000)]),
            top("user.name", &[("anna", 20), ("bo", 21)]),
        ];
        let found = choose(candidates(&during, &before, 1_000, 2_000), 1_000, 2_000);
        let values: Vec<&str> = found.iter().map(|one| one.value.as_str()).collect();
        assert_eq!(values, ["503"]);
        assert!(found[0].rose(1_000, 2_000));
    }

    #[test]
    fn what_vanished_is_told_when_nothing_took_its_place() {
        let during = [top("job.name", &[])];
        let before = [top("job.name", &[("backup", 100)])];
        let found = choose(candidates(&during, &before, 1_000, 1_000), 1_000, 1_000);
        assert_eq!((found[0].value.as_str(), found[0].rose(1_000, 1_000)), ("backup", false));
        assert!(candidates(&during, &before, 0, 1_000).is_empty());
    }
}
