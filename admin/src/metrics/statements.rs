//! Cost of every SQL statement over all runs, from OpenTelemetry's histogram of database client
//! durations. The histogram does not know the requests.

use std::collections::BTreeMap;

use super::plot::percentile;
use crate::format::micros;
use crate::history::{Cardinality, History, SeriesKind, TrackedSeries, select};

const DURATION: &str = "db_client_operation_duration_seconds";
const SUM: &str = "db_client_operation_duration_seconds_sum";
/// Label with the name of the statement.
const NAME: &str = "db_query_summary";

/// Cost of a statement over a time range.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Number of runs.
    pub times: u64,
    /// Total duration in microseconds.
    pub micros: i64,
    /// Median duration in microseconds; `None` without runs.
    pub p50: Option<i64>,
    /// 95th percentile of the duration in microseconds; `None` without runs.
    pub p95: Option<i64>,
    /// The least that the 95th percentile can be, where buckets only tell between which bounds it lies.
    pub p95_least: Option<i64>,
}

/// Cost of all statements over a time range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Costs {
    /// Costs by statement name.
    pub statements: BTreeMap<String, Cost>,
    /// Time of the first known sample, in microseconds since the Unix epoch.
    pub since: i64,
}

/// Series the history tracks for statement costs.
pub fn tracks() -> Vec<TrackedSeries> {
    let track = |metric, kind| TrackedSeries {
        selector: select(metric).by(NAME),
        kind,
        cardinality: Cardinality::Many,
    };
    let (kind, cardinality) = (SeriesKind::Histogram, Cardinality::Few);
    vec![
        track(DURATION, kind),
        track(SUM, SeriesKind::Counter),
        // Knows the bounds of buckets in which nothing was ever counted.
        TrackedSeries { selector: select(DURATION), kind, cardinality },
    ]
}

/// Costs of all statements that ran in this range; `None` if statements are not measured.
pub fn costs(history: &History, from: i64, to: i64) -> Option<Costs> {
    let [buckets, sum] = [DURATION, SUM].map(|metric| select(metric).by(NAME).to_string());
    let of_all = select(DURATION).to_string();
    let cells = history.total(from, to);
    let mut bounds = Vec::new();
    let mut grown: BTreeMap<&str, Grown> = BTreeMap::new();
    for (number, column) in history.columns().iter().enumerate() {
        if column.track == of_all {
            bounds.extend(column.bound.parse::<f64>());
        }
        let Some(value) = cells.get(number) else { continue };
        if column.track == sum {
            grown.entry(&column.group).or_default().seconds += value;
        } else if let (true, Ok(bound)) = (column.track == buckets, column.bound.parse()) {
            grown.entry(&column.group).or_default().buckets.push((bound, value));
        }
    }
    let since = history.span().filter(|_| !bounds.is_empty())?.0;
    let costs = grown.into_iter().map(|(name, grown)| (name.to_owned(), grown.cost(&bounds)));
    Some(Costs { statements: costs.filter(|(_, cost)| cost.times > 0).collect(), since })
}

/// Increase of the series of one statement.
#[derive(Default)]
struct Grown {
    seconds: f64,
    /// Upper bound and count of the buckets that grew, which are cumulative.
    buckets: Vec<(f64, f64)>,
}

impl Grown {
    fn cost(mut self, bounds: &[f64]) -> Cost {
        let lowest = self.buckets.iter().map(|(bound, _)| *bound).fold(f64::INFINITY, f64::min);
        // What did not grow was left out, and tells where the runs begin.
        let without_runs = bounds.iter().filter(|bound| **bound < lowest);
        self.buckets.extend(without_runs.map(|bound| (*bound, 0.0)));
        let runs = self.buckets.iter().map(|(_, count)| *count).fold(0.0, f64::max);
        let percentile = |share| percentile(share, self.buckets.clone()).map(micros);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let times = runs as u64;
        let (p50, p95) = (percentile(0.5), percentile(0.95));
        let below = self.buckets.iter().filter(|(_, count)| *count < runs * 0.95);
        let p95_least = p95.map(|_| micros(below.map(|(bound, _)| *bound).fold(0.0, f64::max)));
        Cost { times, micros: micros(self.seconds), p50, p95, p95_least }
    }
}

impl Cost {
    /// Brings percentiles into agreement with the slowest run that was kept: no percentile of all runs lies
    /// above their slowest. Returns the slowest of all runs, and whether it is only known to be at least
    /// that, because it was not kept.
    pub fn reconcile(&mut self, slowest_kept: Option<i64>) -> Option<(i64, bool)> {
        let (Some(p95), Some(least)) = (self.p95, self.p95_least) else {
            return slowest_kept.map(|slowest| (slowest, false));
        };
        let is_kept = slowest_kept.is_some_and(|slowest| slowest >= least);
        let slowest = slowest_kept.filter(|_| is_kept).unwrap_or(least);
        self.p95 = Some(p95.min(slowest));
        self.p50 = self.p50.map(|p50| p50.min(slowest));
        Some((slowest, !is_kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::SECOND;

    /// So many runs of 2 ms and of 40 ms.
    fn exposition(name: &str, fast: u32, slow: u32) -> String {
        let sum = f64::from(fast) * 0.002 + f64::from(slow) * 0.04;
        let all = fast + slow;
        let bucket = |bound: &str, count| {
            let labels = format!("db_query_summary=\"{name}\",error_type=\"\",le=\"{bound}\"");
            format!("{DURATION}_bucket{{{labels}}} {count}\n")
        };
        let buckets = [("0.001", 0), ("0.01", fast), ("0.1", all), ("+Inf", all)];
        let buckets: String = buckets.iter().map(|(bound, count)| bucket(bound, count)).collect();
        format!("{buckets}{SUM}{{db_query_summary=\"{name}\",error_type=\"\"}} {sum}\n")
    }

    #[test]
    fn no_percentile_lies_above_the_slowest_run() {
        let cost =
            Cost { p50: Some(900), p95: Some(2_400), p95_least: Some(1_000), ..Cost::default() };
        let reconciled = |kept| {
            let mut cost = cost;
            let slowest = cost.reconcile(kept);
            (cost.p50.unwrap(), cost.p95.unwrap(), slowest)
        };
        assert_eq!(reconciled(Some(9_000)), (900, 2_400, Some((9_000, false))));
        assert_eq!(reconciled(Some(1_200)), (900, 1_200, Some((1_200, false))));
        assert_eq!(reconciled(Some(212)), (900, 1_000, Some((1_000, true))));
        assert_eq!(reconciled(None), (900, 1_000, Some((1_000, true))));
        assert_eq!(Cost::default().reconcile(Some(5)), Some((5, false)));
    }

    #[test]
    fn every_run_counts_and_only_those_of_the_time() {
        let mut history = History::new(tracks(), 10 * SECOND);
        assert_eq!(costs(&history, 0, i64::MAX), None);
        for (at, fast, slow) in [(1, 5, 5), (2, 6, 5), (3, 106, 5), (4, 106, 15)] {
            let text = exposition("a", fast, slow) + &exposition("b", 1, 0);
            history.observe(&text, at * 10 * SECOND);
        }
        let found = costs(&history, 0, i64::MAX).unwrap();
        assert_eq!(found.since, 10 * SECOND);
        // What was counted before the first look is of no known time, and b has not run since.
        assert_eq!(found.statements.len(), 1);
        let all = found.statements["a"];
        assert_eq!((all.times, all.micros), (111, 602_000));
        // 101 of 111 runs lie evenly between 1 and 10 ms.
        assert_eq!(all.p50, Some(5_946));
        let second = costs(&history, 21 * SECOND, 31 * SECOND).unwrap().statements["a"];
        assert_eq!((second.times, second.micros, second.p95), (100, 200_000, Some(9_550)));
        assert_eq!((all.p95_least, second.p95_least), (Some(10_000), Some(1_000)));
        assert_eq!(costs(&history, 0, 5 * SECOND).unwrap().statements.len(), 0);
    }
}
