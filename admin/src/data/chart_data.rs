//! The data of all charts in a window, with the same intervals, so that charts line up in time.

use super::traffic::{self, Counts};
use crate::context::error::PanelError;
use crate::context::panel::Panel;
use crate::context::window::Window;
use crate::format::{self, SECOND};
use crate::history::{History, Interval};
use crate::metrics::{Plot, Span, plots};

/// Lengths of intervals in seconds; from a minute on each is a whole number of minutes.
const STEPS: [i64; 15] =
    [10, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400];
/// Gaps up to this many intervals are not marked.
const HICCUP: i64 = 1;

/// Data of all charts in a window.
pub struct ChartData {
    pub span: Span,
    pub plots: Vec<Plot>,
    /// Notices to show above the charts.
    pub notices: Vec<String>,
    /// Start of the metric history, in microseconds since the Unix epoch; earlier processes
    /// included.
    pub since: Option<i64>,
    counts: Counts,
}

/// Loads all charts with at most about `points` intervals.
pub async fn chart_data(
    panel: &Panel,
    window: Window,
    points: i64,
) -> Result<ChartData, PanelError> {
    let range = window.range();
    let finest =
        panel.host.metrics().map_or(10 * SECOND, |metrics| metrics.history().finest(range.from));
    let step = step(range.to - range.from, points).max(finest);
    let counts = Counts::read(panel.store.as_ref(), range, step, &panel.traffic_filter).await?;
    Ok(ChartData::new(panel, (range.from, range.to), step, counts))
}

impl ChartData {
    fn new(panel: &Panel, (from, to): (i64, i64), step: i64, counts: Counts) -> Self {
        let starts = starts(from, to, step);
        let mut chart_data = Self {
            span: Span { from, to, step, starts, gaps: Vec::new() },
            plots: traffic::plots(&counts, (from, to)),
            notices: Vec::new(),
            since: None,
            counts,
        };
        if let Some(metrics) = panel.host.metrics() {
            let history = metrics.history();
            let intervals = history.read(from, to, step);
            chart_data.plots.extend(plots(metrics, &history, &intervals));
            chart_data.look_for_gaps(&history, &intervals);
            chart_data.notices.extend(history.notices().map(str::to_owned));
            if history.bad_lines() > 0 {
                let lines = format::plural(history.bad_lines(), "line");
                chart_data
                    .notices
                    .push(format!("could not parse {lines} of the metrics exposition"));
            }
        }
        chart_data
    }

    /// Number of requests in the window: total, 4xx, 5xx, given up.
    pub fn totals(&self) -> [u64; 4] {
        self.counts.totals()
    }

    /// Filter of the counted requests, as a query.
    pub fn traffic(&self) -> &str {
        self.counts.traffic()
    }

    /// The same data in at most `rows` intervals, for tables.
    pub fn coarser(&self, panel: &Panel, rows: i64) -> Self {
        let step = step(self.span.to - self.span.from, rows).max(self.span.step);
        Self::new(panel, (self.span.from, self.span.to), step, self.counts.coarser(step))
    }

    /// Finds the gaps in which no samples were taken.
    fn look_for_gaps(&mut self, history: &History, intervals: &[Interval]) {
        let Some((first, last)) = history.span() else { return };
        self.since = Some(first);
        let (from, to, step) = (self.span.from, self.span.to, self.span.step);
        let last = last.saturating_add(3 * crate::metrics::EVERY);
        let inside = intervals.iter().filter(|interval| {
            interval.start.saturating_add(step) > first && interval.start < last
        });
        let mut gaps: Vec<(i64, i64)> = Vec::new();
        for interval in inside.filter(|interval| interval.cells.rows == 0) {
            match gaps.last_mut() {
                Some(gap) if gap.1 == interval.start => gap.1 += step,
                _ => gaps.push((interval.start, interval.start.saturating_add(step))),
            }
        }
        // The newest interval has just begun.
        gaps.retain(|gap| gap.1 < to || gap.1 - gap.0 > HICCUP * step);
        if first > from.saturating_add(step) {
            gaps.insert(0, (from, first.min(to)));
        }
        self.span.gaps = gaps;
    }
}

/// The shortest standard interval that divides this length into at most `points` intervals, in
/// microseconds.
fn step(length: i64, points: i64) -> i64 {
    let least = length / points.max(1);
    let usual = STEPS.into_iter().map(|step| step * SECOND).find(|step| *step >= least);
    let day = 86_400 * SECOND;
    usual.unwrap_or_else(|| least.saturating_add(day - 1) / day * day)
}

/// Starts of the aligned intervals that overlap a range.
fn starts(from: i64, to: i64, step: i64) -> Vec<i64> {
    let (first, last) = (from.div_euclid(step), (to - 1).div_euclid(step));
    (first..=last).map(|number| number.saturating_mul(step)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_few_and_those_of_tables_are_whole_numbers_of_those_of_charts() {
        for seconds in [1, 60, 299, 300, 900, 3_600, 5_000, 43_200, 86_400, 604_800, 2_592_000] {
            let length = seconds * SECOND;
            let (chart, table) = (step(length, 120), step(length, 30));
            assert!(length / chart <= 120 && length / table <= 30, "{seconds}");
            assert_eq!(table % chart, 0, "{seconds}");
        }
        assert!(i64::MAX / step(i64::MAX, 120) <= 120);
        assert_eq!(starts(5, 31, 10), [0, 10, 20, 30]);
        assert_eq!(starts(-5, 1, 10), [-10, 0]);
    }
}
