//! Turns history into lines with a unit: rates, percentiles from buckets, ratios.

use std::collections::BTreeMap;

use logsearch::metrics::{Metric, Unit};

use super::Metrics;
use super::chart::{Chart, Expr, LineStyle, Set};
use crate::format;
use crate::history::{Bucket, Column, History, Interval};

/// Unit of a chart's values, for axes and legends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Things.
    Count,
    /// Things per second.
    PerSecond,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// A share of 1.
    Share,
}

impl Measure {
    fn of(expr: &Expr, metric: Option<&Metric>, unit: Option<Unit>) -> Self {
        // How many observations there were, not what was observed.
        let counts = metric.is_some_and(|metric| expr.metric() == format!("{}_count", metric.name));
        let known = metric.filter(|_| !counts).map(|metric| metric.unit);
        let unit = unit.or(known).unwrap_or(Unit::None);
        match (expr, unit) {
            (Expr::Share(..), _) | (Expr::Gauge(..), Unit::Ratio) => Self::Share,
            (Expr::Rate(_), Unit::Bytes) => Self::BytesPerSecond,
            // Seconds per second are processors, or whatever else is busy, in whole ones.
            (Expr::Rate(_), Unit::Seconds) | (Expr::PerEach(..), _) => Self::Count,
            (Expr::Rate(_), _) => Self::PerSecond,
            (_, Unit::Seconds) => Self::Seconds,
            (_, Unit::Bytes) => Self::Bytes,
            _ => Self::Count,
        }
    }

    /// Formats a value with its unit.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Count => format::number(value),
            Self::PerSecond => format!("{}/s", format::number(value)),
            Self::Seconds => format::duration(format::micros(value)),
            Self::Bytes => format::bytes(value),
            Self::BytesPerSecond => format!("{}/s", format::bytes(value)),
            Self::Share => format!("{}%", format::number(value * 100.0)),
        }
    }
}

/// One line of a chart, a value for each interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    pub style: LineStyle,
    /// One value per interval; `None` where unknown.
    pub values: Vec<Option<f64>>,
    /// Total increase over all intervals, for counters.
    pub grew: Option<f64>,
}

/// The time that charts of a page share.
#[derive(Clone, Debug)]
pub struct Span {
    /// First microsecond of the window.
    pub from: i64,
    /// End, exclusive, in microseconds since the Unix epoch.
    pub to: i64,
    /// Length of an interval in microseconds.
    pub step: i64,
    /// The start of each interval.
    pub starts: Vec<i64>,
    /// When nothing was watched though before and after it was.
    pub gaps: Vec<(i64, i64)>,
}

/// A chart with its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    pub set: Set,
    pub id: String,
    pub title: String,
    /// Description of the metric.
    pub help: String,
    /// Names of the metrics it reads.
    pub metrics: Vec<&'static str>,
    pub measure: Measure,
    pub series: Vec<Series>,
    /// Log query that a click opens.
    pub query: String,
    /// Name under which Now shows its last value.
    pub now: Option<&'static str>,
}

/// All charts that have data.
pub fn plots(metrics: &Metrics, history: &History, intervals: &[Interval]) -> Vec<Plot> {
    let lookup = Lookup::new(history);
    let plots = metrics.charts.iter().map(|chart| plot(metrics, chart, &lookup, intervals));
    plots.filter(|plot| !plot.series.is_empty()).collect()
}

fn plot(metrics: &Metrics, chart: &Chart, lookup: &Lookup<'_>, intervals: &[Interval]) -> Plot {
    let first = chart.lines.first();
    let metric = |expr: &Expr| metrics.metric(base_name(metrics, expr.metric()));
    let mut names: Vec<&'static str> = Vec::new();
    for name in chart.lines.iter().map(|line| base_name(metrics, line.expr.metric())) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let help = names.first().and_then(|name| metrics.metric(name)).map_or("", |found| found.help);
    Plot {
        set: chart.set,
        id: chart.id.to_owned(),
        title: chart.title.to_owned(),
        help: help.to_owned(),
        metrics: names,
        measure: first
            .map_or(Measure::Count, |line| Measure::of(&line.expr, metric(&line.expr), chart.unit)),
        series: chart
            .lines
            .iter()
            .flat_map(|line| lookup.series(&line.expr, line.name, line.style, intervals))
            .collect(),
        query: chart.query.to_owned(),
        now: chart.now,
    }
}

/// The metric that a histogram series belongs to.
fn base_name(metrics: &Metrics, name: &'static str) -> &'static str {
    if metrics.metric(name).is_some() {
        return name;
    }
    let base = name.strip_suffix("_count").or_else(|| name.strip_suffix("_sum"));
    base.filter(|base| metrics.metric(base).is_some()).unwrap_or(name)
}

/// Looks up columns by series.
struct Lookup<'a> {
    /// Number of each column of a series, by group and bound.
    tracks: BTreeMap<&'a str, Vec<(usize, &'a Column)>>,
}

impl<'a> Lookup<'a> {
    fn new(history: &'a History) -> Self {
        let mut tracks: BTreeMap<&str, Vec<(usize, &Column)>> = BTreeMap::new();
        for (number, column) in history.columns().iter().enumerate() {
            tracks.entry(&column.track).or_default().push((number, column));
        }
        Self { tracks }
    }

    fn columns(&self, track: &str) -> &[(usize, &'a Column)] {
        self.tracks.get(track).map_or(&[], Vec::as_slice)
    }

    /// A line, or one for each group; none for series that were never seen.
    fn series(
        &self,
        expr: &Expr,
        name: &str,
        style: LineStyle,
        intervals: &[Interval],
    ) -> Vec<Series> {
        let picked: Vec<String> =
            expr.tracks().iter().map(|track| track.selector.to_string()).collect();
        let Some(columns) = picked.first().map(|track| self.columns(track)) else {
            return Vec::new();
        };
        let mut groups: Vec<&str> = columns.iter().map(|(_, column)| &*column.group).collect();
        groups.sort_unstable();
        groups.dedup();
        let series = |group: &str| {
            let within = |track: &String| -> Vec<(usize, &Column)> {
                let columns = self.columns(track).iter().copied();
                columns.filter(|(_, column)| column.group == group).collect()
            };
            let columns: Vec<_> = picked.iter().map(within).collect();
            let values = intervals.iter().map(|interval| value(expr, &columns, &interval.cells));
            let values = values.collect();
            Series {
                name: label(name, group),
                style,
                values,
                grew: grew(expr, &columns, intervals),
            }
        };
        let all = groups.into_iter().map(series);
        all.filter(|series| series.values.iter().any(Option::is_some)).collect()
    }
}

fn grew(expr: &Expr, columns: &[Vec<(usize, &Column)>], intervals: &[Interval]) -> Option<f64> {
    let Expr::Rate(_) = expr else { return None };
    let (number, _) = columns.first()?.first()?;
    intervals
        .iter()
        .filter_map(|interval| interval.cells.get(*number))
        .reduce(|sum, more| sum + more)
}

fn label(name: &str, group: &str) -> String {
    match (name, group) {
        (name, "") => name.to_owned(),
        ("", group) => group.to_owned(),
        (name, group) => format!("{name} {group}"),
    }
}

fn value(expr: &Expr, columns: &[Vec<(usize, &Column)>], cells: &Bucket) -> Option<f64> {
    let get = |at: usize| {
        let column = columns.get(at)?.first()?;
        cells.get(column.0)
    };
    match expr {
        Expr::Gauge(..) => get(0),
        Expr::Rate(_) => per_second(get(0)?, cells.covered),
        Expr::PerEach(..) | Expr::Share(..) => share(get(0)?, get(1)?),
        Expr::Percentile(_, share) => {
            let bucket = |(number, column): &(usize, &Column)| {
                Some((column.bound.parse().ok()?, cells.get(*number)?))
            };
            percentile(*share, columns.first()?.iter().filter_map(bucket).collect())
        }
    }
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

#[expect(clippy::cast_precision_loss, reason = "a rate has three digits")]
fn per_second(increase: f64, covered: i64) -> Option<f64> {
    (covered > 0).then(|| increase / (covered as f64 / 1e6))
}

/// The percentile of observations in cumulative buckets `(upper bound, count)`, as Prometheus estimates
/// it: evenly spread within a bucket, and the highest finite bound for what lies beyond. `None` without
/// observations.
pub(super) fn percentile(share: f64, mut buckets: Vec<(f64, f64)>) -> Option<f64> {
    buckets.sort_by(|left, right| left.0.total_cmp(&right.0));
    let total = buckets.last()?.1;
    if total <= 0.0 {
        return None;
    }
    let rank = share * total;
    let at = buckets.iter().position(|(_, count)| *count >= rank)?;
    let below = at.checked_sub(1).map(|below| buckets[below]);
    let (bound, count) = buckets[at];
    if bound.is_infinite() {
        return below.map(|(bound, _)| bound);
    }
    let (low, before) = below.unwrap_or((0.0_f64.min(bound), 0.0));
    if count <= before {
        return Some(bound);
    }
    Some(low + (bound - low) * ((rank - before) / (count - before)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_that_prometheus_gives() {
        let buckets = |counts: [f64; 4]| {
            [0.1, 0.5, 1.0, f64::INFINITY].into_iter().zip(counts).rev().collect::<Vec<_>>()
        };
        let near = |found: Option<f64>, wanted: f64| {
            assert!((found.unwrap() - wanted).abs() < 1e-9, "{found:?} {wanted}");
        };
        near(percentile(0.5, buckets([10.0, 10.0, 10.0, 10.0])), 0.05);
        near(percentile(0.5, buckets([0.0, 10.0, 10.0, 10.0])), 0.3);
        near(percentile(0.95, buckets([50.0, 90.0, 100.0, 100.0])), 0.75);
        // Beyond the last bound nothing is known but the bound.
        near(percentile(0.99, buckets([1.0, 1.0, 1.0, 9.0])), 1.0);
        assert_eq!(percentile(0.5, buckets([0.0; 4])), None);
        assert_eq!(percentile(0.5, Vec::new()), None);
    }

    #[test]
    fn units_follow_the_catalogue_and_how_it_is_read() {
        let metric = |unit| Metric {
            name: "m",
            kind: logsearch::metrics::Kind::Counter,
            unit,
            help: "",
            labels: &[],
        };
        let rate = Expr::Rate(super::super::select("m"));
        let show = |unit, value| Measure::of(&rate, Some(&metric(unit)), None).show(value);
        assert_eq!(show(Unit::Count, 12.34), "12.3/s");
        assert_eq!(show(Unit::Seconds, 0.5), "0.5");
        assert_eq!(show(Unit::Bytes, 2048.0), "2 KiB/s");
        let gauge = Expr::Gauge(super::super::select("m"), crate::history::Fold::Last);
        let show = |unit, value| Measure::of(&gauge, Some(&metric(unit)), None).show(value);
        assert_eq!(show(Unit::Ratio, 0.214), "21.4%");
        assert_eq!(show(Unit::Seconds, 0.0123), "12.3 ms");
        assert_eq!(show(Unit::None, 1_234_567.0), "1,234,567");
    }
}
