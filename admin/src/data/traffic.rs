//! Rate and errors of requests, counted in the log index, so that charts and the lists they link to
//! agree.

use std::sync::LazyLock;

use logsearch::query::{Query, parse};
use logsearch::store::{LogStore, StoreError, TimeRange};

use super::requests;
use crate::context::panel::TrafficFilter;
use crate::format::SECOND;
use crate::metrics::{LineStyle, Measure, Plot, Series, Set};

/// Requests per interval: total, 4xx, 5xx, given up.
pub struct Counts {
    step: i64,
    starts: Vec<i64>,
    requests: [Vec<u64>; 4],
    /// Filter of the counted requests, as a query.
    traffic: String,
}

/// Requests that were refused.
static REFUSED: LazyLock<Query> = LazyLock::new(|| parse("status:4xx -error_type:abandoned").query);
/// Requests that were answered with a failure.
static FAILED: LazyLock<Query> = LazyLock::new(|| parse("status:5xx").query);
/// Requests whose client gave up a late or failing service.
static GAVE_UP: LazyLock<Query> = LazyLock::new(|| parse("error_type:abandoned").query);

impl Counts {
    /// Counts requests in intervals of the given length in microseconds.
    pub async fn read(
        store: &dyn LogStore,
        range: TimeRange,
        step: i64,
        traffic: &TrafficFilter,
    ) -> Result<Self, StoreError> {
        let all = requests::ends(&traffic.query);
        let refused = all.clone().and(REFUSED.clone());
        let failed = all.clone().and(FAILED.clone());
        let gave_up = all.clone().and(GAVE_UP.clone());
        let (all, refused, failed, gave_up) = tokio::try_join!(
            histogram(store, range, &all, step),
            histogram(store, range, &refused, step),
            histogram(store, range, &failed, step),
            histogram(store, range, &gave_up, step),
        )?;
        let starts = all.iter().map(|(start, _)| *start).collect();
        let requests = [all, refused, failed, gave_up]
            .map(|histogram| histogram.into_iter().map(|(_, count)| count).collect());
        Ok(Self { step, starts, requests, traffic: traffic.text.clone() })
    }

    /// Totals of the window: requests, 4xx, 5xx, given up.
    pub fn totals(&self) -> [u64; 4] {
        self.requests.each_ref().map(|counts| counts.iter().sum())
    }

    /// Filter of the counted requests, as a query.
    pub fn traffic(&self) -> &str {
        &self.traffic
    }

    /// The same counts in longer intervals; `step` is a multiple of the current one.
    pub fn coarser(&self, step: i64) -> Self {
        let mut starts: Vec<i64> =
            self.starts.iter().map(|start| start.div_euclid(step) * step).collect();
        let of = starts.clone();
        starts.dedup();
        let requests = [0, 1, 2, 3].map(|which: usize| {
            let sum = |start: &i64| {
                let counts = of.iter().zip(&self.requests[which]);
                counts.filter(|(of, _)| *of == start).map(|(_, count)| count).sum()
            };
            starts.iter().map(sum).collect()
        });
        Self { step, starts, requests, traffic: self.traffic.clone() }
    }
}

async fn histogram(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
    interval: i64,
) -> Result<Vec<(i64, u64)>, StoreError> {
    let buckets = store.histogram(range, query, interval).await?;
    Ok(buckets.iter().map(|bucket| (bucket.start, bucket.counts.iter().sum())).collect())
}

/// Minimum length of an interval for a meaningful rate, in microseconds.
const LEAST: i64 = 10 * SECOND;

/// The charts of rate and errors. The first and last interval are clipped to the window and omitted
/// if too short for a rate.
pub fn plots(counts: &Counts, (from, to): (i64, i64)) -> Vec<Plot> {
    let [all, refused, failed, gave_up] = &counts.requests;
    let rate = |(start, count): (&i64, &u64)| {
        let length = start.saturating_add(counts.step).min(to) - (*start).max(from);
        (length >= LEAST.min(counts.step)).then(|| per_second(*count, length))
    };
    let series = |name: &str, style, of: &[u64]| Series {
        name: name.to_owned(),
        style,
        values: counts.starts.iter().zip(of).map(rate).collect(),
        grew: None,
    };
    let shares = |name: &str, of: &[u64]| Series {
        name: name.to_owned(),
        style: LineStyle::Bad,
        values: all.iter().zip(of).map(|(all, part)| share(*part, *all)).collect(),
        grew: None,
    };
    let plot = |id: &str, title: &str, help: &str, measure, series, query: &str| Plot {
        set: Set::Requests,
        id: id.to_owned(),
        title: title.to_owned(),
        help: help.to_owned(),
        metrics: vec!["the log index"],
        measure,
        series,
        query: requests::of_traffic(query, &counts.traffic),
        now: None,
    };
    vec![
        plot(
            "rate",
            "Rate",
            "Requests per second: all, and client errors (4xx).",
            Measure::PerSecond,
            vec![series("all", LineStyle::Plain, all), series("4xx", LineStyle::Plain, refused)],
            "status:*",
        ),
        plot(
            "errors",
            "Errors",
            "Share of requests that failed (5xx), and that clients gave up because the service was \
             late or failing.",
            Measure::Share,
            vec![shares("5xx", failed), shares("gave up", gave_up)],
            requests::FAILURES,
        ),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "a rate has three digits")]
fn per_second(count: u64, micros: i64) -> f64 {
    count as f64 / (micros as f64 / 1e6)
}

#[expect(clippy::cast_precision_loss, reason = "a share has three digits")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarser_intervals_have_the_sums_of_finer_ones() {
        let counts = Counts {
            step: 10,
            starts: (-1..6).map(|n| n * 10).collect(),
            requests: [(1..8).collect(), vec![0; 7], vec![1; 7], vec![0; 7]],
            traffic: "-route:/ops/*".to_owned(),
        };
        let coarser = counts.coarser(30);
        assert_eq!(coarser.starts, [-30, 0, 30]);
        assert_eq!(coarser.requests[0], [1, 2 + 3 + 4, 5 + 6 + 7]);
        assert_eq!(coarser.requests[2], [1, 3, 3]);
        // The last interval is cut by the window, so its rate is over what is inside.
        let rates = &plots(&counts, (-10, 55))[0].series[0].values;
        let near = |rate: Option<f64>, wanted: f64| (rate.unwrap() / wanted - 1.0).abs() < 1e-9;
        assert!(near(rates[0], 1e5) && near(rates[5], 6e5), "{rates:?}");
        assert_eq!(rates[6], None);
        let query = &plots(&counts, (-10, 55))[1].query;
        assert_eq!(query, "(status:5xx OR error_type:abandoned) -route:/ops/*");
    }
}
