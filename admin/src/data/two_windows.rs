//! Figures of requests in two windows, to tell what a change did. A difference is called better or worse
//! only from enough requests and beyond chance. Windows may differ in length: what is counted is compared
//! per second.

pub mod errors;
pub mod statements;

use logsearch::fields;
use logsearch::query::{Comparison, Field, Query};
use logsearch::store::{LogStore, StoreError, TimeRange};

use super::comparison::{UNLIKELY, g};
use super::requests::{FAILED, ends};

/// Requests in each window from which on a share of them and their median are judged.
const LEAST: u64 = 20;
/// Requests in each window from which on the p95 is judged: five of them are slower than it.
const LEAST_OF_TAIL: u64 = 100;
/// Changes by less than this factor are not called a change, however certain they are.
const NOTABLE: f64 = 1.1;

/// Something of both windows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pair<T> {
    pub before: T,
    pub after: T,
}

/// What became of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Too few cases to tell a change from chance.
    TooFew,
    /// No change beyond chance, or one too small to matter.
    Unchanged,
    Better,
    Worse,
    /// More than before, which is neither good nor bad.
    Higher,
    /// Less than before, which is neither good nor bad.
    Lower,
    /// Seen after and not before.
    New,
    /// Seen before and not after.
    Gone,
}

impl Verdict {
    /// Its name in the markup.
    pub fn name(self) -> &'static str {
        match self {
            Self::TooFew => "too-few",
            Self::Unchanged => "unchanged",
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Higher => "higher",
            Self::Lower => "lower",
            Self::New => "new",
            Self::Gone => "gone",
        }
    }

    /// What the page says.
    pub fn text(self) -> &'static str {
        match self {
            Self::TooFew => "too few to tell",
            Self::Unchanged => "no clear change",
            other => other.name(),
        }
    }

    /// Whether it is printed in bold.
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Worse | Self::New)
    }

    fn of_rise(is_rise: bool) -> Self {
        if is_rise { Self::Worse } else { Self::Better }
    }
}

/// Requests of a window.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    pub count: u64,
    /// Answered with 5xx, or given up by their clients.
    pub failed: u64,
    /// Median and p95 of the duration in microseconds; `None` without requests.
    pub latency: [Option<f64>; 2],
}

/// Requests of both windows, and what became of their rate, failures, median and p95.
pub struct RequestChange {
    pub requests: Pair<Requests>,
    pub rate: Verdict,
    pub failures: Verdict,
    pub latency: [Verdict; 2],
}

impl RequestChange {
    /// Reads and judges the requests that match.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read(
        store: &dyn LogStore,
        ranges: Pair<TimeRange>,
        query: &Query,
    ) -> Result<Self, StoreError> {
        let all = ends(query);
        let (before, after) = tokio::try_join!(
            Requests::read(store, ranges.before, &all),
            Requests::read(store, ranges.after, &all),
        )?;
        let requests = Pair { before, after };
        let percentile = |at: usize| percentile_change(store, ranges, &all, &requests, at);
        let (median, p95) = tokio::try_join!(percentile(0), percentile(1))?;
        let counts = Pair { before: requests.before.count, after: requests.after.count };
        Ok(Self {
            rate: rate_change(counts, ranges),
            failures: failure_change(&requests),
            latency: [median, p95],
            requests,
        })
    }
}

impl Requests {
    async fn read(
        store: &dyn LogStore,
        range: TimeRange,
        query: &Query,
    ) -> Result<Self, StoreError> {
        let failed = query.clone().and(FAILED.clone());
        let (count, failed, times) = tokio::try_join!(
            store.count(range, query),
            store.count(range, &failed),
            store.percentiles(range, query, fields::DURATION, &[50.0, 95.0]),
        )?;
        let latency = [0, 1].map(|at| times.percentiles.get(at).copied());
        Ok(Self { count, failed, latency })
    }
}

/// The length of a range in microseconds.
pub fn length(range: TimeRange) -> u64 {
    range.to.saturating_sub(range.from).max(1).unsigned_abs()
}

/// How often per second.
#[expect(clippy::cast_precision_loss, reason = "a rate has three digits")]
pub fn per_second(count: u64, micros: u64) -> f64 {
    count as f64 / (micros as f64 / 1e6)
}

/// Whether a rate changed: each microsecond is a case in which something happened or not.
fn has_rate_changed(counts: Pair<u64>, lengths: Pair<u64>) -> bool {
    g(counts.after, lengths.after, counts.before, lengths.before) >= UNLIKELY
}

fn rates(counts: Pair<u64>, lengths: Pair<u64>) -> Pair<f64> {
    Pair {
        before: per_second(counts.before, lengths.before),
        after: per_second(counts.after, lengths.after),
    }
}

fn is_notable(figures: Pair<f64>) -> bool {
    let (low, high) = (figures.before.min(figures.after), figures.before.max(figures.after));
    high >= low * NOTABLE
}

fn rate_change(counts: Pair<u64>, ranges: Pair<TimeRange>) -> Verdict {
    let lengths = Pair { before: length(ranges.before), after: length(ranges.after) };
    let rates = rates(counts, lengths);
    match () {
        () if counts.before + counts.after < LEAST => Verdict::TooFew,
        () if !is_notable(rates) || !has_rate_changed(counts, lengths) => Verdict::Unchanged,
        () if rates.after > rates.before => Verdict::Higher,
        () => Verdict::Lower,
    }
}

fn failure_change(requests: &Pair<Requests>) -> Verdict {
    let Pair { before, after } = requests;
    if before.count.min(after.count) < LEAST {
        return Verdict::TooFew;
    }
    if g(after.failed, after.count, before.failed, before.count) < UNLIKELY {
        return Verdict::Unchanged;
    }
    let [share, share_before] = [after, before].map(|one| u128::from(one.failed));
    let is_rise = share * u128::from(before.count) > share_before * u128::from(after.count);
    Verdict::of_rise(is_rise)
}

/// Whether a percentile moved: how many requests took longer than what lies between it before and after
/// tells, in each window, whether that is more than chance.
async fn percentile_change(
    store: &dyn LogStore,
    ranges: Pair<TimeRange>,
    query: &Query,
    requests: &Pair<Requests>,
    at: usize,
) -> Result<Verdict, StoreError> {
    let Pair { before, after } = requests;
    let least = [LEAST, LEAST_OF_TAIL][at];
    let (Some(was), Some(is)) = (before.latency[at], after.latency[at]) else {
        return Ok(Verdict::TooFew);
    };
    if before.count.min(after.count) < least {
        return Ok(Verdict::TooFew);
    }
    // A clock of microseconds measures less than one as none.
    let times = Pair { before: was.max(1.0), after: is.max(1.0) };
    if !is_notable(times) {
        return Ok(Verdict::Unchanged);
    }
    let between = (times.before * times.after).sqrt().round();
    let slower =
        Query::Compare(Field::of(fields::DURATION), Comparison::GreaterOrEqual, between.into());
    let slower = query.clone().and(slower);
    let (slower_before, slower_after) =
        tokio::try_join!(store.count(ranges.before, &slower), store.count(ranges.after, &slower),)?;
    if g(slower_after, after.count, slower_before, before.count) < UNLIKELY {
        return Ok(Verdict::Unchanged);
    }
    Ok(Verdict::of_rise(times.after > times.before))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::SECOND;

    fn minutes(before: i64, after: i64) -> Pair<TimeRange> {
        let range = |minutes: i64| TimeRange { from: 0, to: minutes * 60 * SECOND };
        Pair { before: range(before), after: range(after) }
    }

    fn failing(before: (u64, u64), after: (u64, u64)) -> Verdict {
        let of = |(failed, count)| Requests { count, failed, ..Requests::default() };
        failure_change(&Pair { before: of(before), after: of(after) })
    }

    #[test]
    fn a_rate_is_compared_per_second_and_beyond_chance() {
        let of = |before, after, ranges| rate_change(Pair { before, after }, ranges);
        assert_eq!(of(600, 100, minutes(60, 10)), Verdict::Unchanged);
        assert_eq!(of(600, 200, minutes(60, 10)), Verdict::Higher);
        assert_eq!(of(600, 20, minutes(60, 10)), Verdict::Lower);
        assert_eq!(of(100, 115, minutes(10, 10)), Verdict::Unchanged, "chance");
        assert_eq!(of(1_000_000, 1_050_000, minutes(10, 10)), Verdict::Unchanged, "too small");
        assert_eq!(of(0, 19, minutes(10, 10)), Verdict::TooFew);
        assert_eq!(of(0, 20, minutes(10, 10)), Verdict::Higher);
    }

    #[test]
    fn few_requests_make_nothing_worse() {
        assert_eq!(failing((0, 19), (19, 19)), Verdict::TooFew);
        assert_eq!(failing((0, 1_000), (1, 20)), Verdict::Unchanged);
        assert_eq!(failing((0, 1_000), (5, 20)), Verdict::Worse);
        assert_eq!(failing((500, 1_000), (10, 1_000)), Verdict::Better);
        assert_eq!(failing((0, 0), (0, 0)), Verdict::TooFew);
    }
}
