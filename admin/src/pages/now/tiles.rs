//! The figures at the top of the first page: how many requests, how many failed, how long they took,
//! what is nearly used up, and what the service is for. Each leads to where there is more of it.

use logsearch::query::Query;
use logsearch::store::{LogStore, StoreError};

use crate::context::links::{Links, View, path};
use crate::data::chart_data::ChartData;
use crate::data::requests;
use crate::format;
use crate::host::{Health, Host};
use crate::metrics::{LineStyle, Measure, Plot, Set};
use crate::pages::requests::rows::took;
use crate::ui::charts::{SparkLines, last};

/// Points of a drawing as small as a word.
pub const POINTS: i64 = 60;
/// The share of a limit from which on a figure is marked.
const NEARLY: f64 = 0.9;

/// What the page shows.
pub struct Tiles {
    pub requests: Vec<Tile>,
    pub vitals: Vec<Vital>,
    pub business: Vec<Total>,
    pub all_url: String,
}

/// A value with its trend.
pub struct Tile {
    pub title: &'static str,
    pub value: String,
    pub hint: String,
    pub spark: Option<SparkLines>,
    pub url: String,
    pub class: &'static str,
}

/// A saturation metric.
pub struct Vital {
    id: String,
    measure: Measure,
    limit: Option<f64>,
    pub name: &'static str,
    pub value: String,
    pub spark: SparkLines,
    pub url: String,
    pub class: &'static str,
}

/// How many there are, and how many more than at the beginning of the window.
pub struct Total {
    pub name: &'static str,
    pub value: String,
    pub change: String,
    pub spark: SparkLines,
    pub url: String,
}

impl Tiles {
    /// From the charts of a window and the percentiles of its requests (50, 95, 99, in microseconds).
    pub fn new(chart_data: &ChartData, times: &[f64], view: &View, links: &Links) -> Self {
        let on_now = || chart_data.plots.iter().filter_map(|plot| Some((plot, plot.now?)));
        let (business, vitals): (Vec<_>, Vec<_>) =
            on_now().partition(|(plot, _)| plot.set == Set::Business);
        let url = |plot: &Plot| links.chart(&view.window, &plot.id);
        Self {
            requests: requests_of(chart_data, times, view, links),
            vitals: vitals
                .into_iter()
                .map(|(plot, name)| vital(plot, name, chart_data, url(plot)))
                .collect(),
            business: business
                .into_iter()
                .filter_map(|(plot, name)| total(plot, name, chart_data, url(plot)))
                .collect(),
            all_url: links.page_in(path::METRICS, &view.window),
        }
    }

    /// With the figures that the host reads while the page is made.
    #[must_use]
    pub fn now(self, host: &dyn Host) -> Self {
        let health = host.health();
        let vitals = self.vitals.into_iter().map(|vital| vital.now(health)).collect();
        Self { vitals, ..self }
    }
}

impl Vital {
    /// With the value that the host reads now in place of its latest sample, if it does.
    fn now(mut self, health: Option<&dyn Health>) -> Self {
        if let Some(value) = health.and_then(|health| health.current(&self.id)) {
            let value = self.measure.show(value);
            self.value = match self.limit {
                Some(limit) => format!("{value} / {}", self.measure.show(limit)),
                None => value,
            };
        }
        self
    }
}

/// Percentiles of the requests that charts count.
pub async fn times(
    store: &dyn LogStore,
    view: &View,
    traffic: &Query,
) -> Result<Vec<f64>, StoreError> {
    let all = requests::ends(traffic);
    let percents = [50.0, 95.0, 99.0];
    let field = logsearch::fields::DURATION;
    Ok(store.percentiles(view.window.range(), &all, field, &percents).await?.percentiles)
}

fn requests_of(chart_data: &ChartData, times: &[f64], view: &View, links: &Links) -> Vec<Tile> {
    let [all, _, failed, gave_up] = chart_data.totals();
    let spark = |id: &str| {
        let plot = chart_data.plots.iter().find(|plot| plot.id == id)?;
        Some(SparkLines::new(plot, &chart_data.span))
    };
    let traffic = view.query(chart_data.traffic());
    let bad = view.query(requests::of_traffic(requests::FAILURES, chart_data.traffic()));
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let rate = all as f64 / (view.window.length().max(1) as f64 / 1e6);
    vec![
        Tile {
            title: "requests",
            value: format!("{}/s", format::number(rate)),
            hint: format::plural(all, "request"),
            spark: spark("rate"),
            url: links.page(path::REQUESTS, &traffic),
            class: "",
        },
        Tile {
            title: "failed",
            value: format::percent(failed + gave_up, all),
            hint: if gave_up > 0 {
                format!("{} failed, {} gave up", format::count(failed), format::count(gave_up))
            } else {
                format::plural(failed, "request")
            },
            spark: spark("errors"),
            url: links.page(path::REQUESTS, &bad),
            class: if failed + gave_up > 0 { "error" } else { "" },
        },
        Tile {
            title: "p95",
            value: took(times.get(1)),
            hint: format!("p50 {}, p99 {}", took(times.first()), took(times.get(2))),
            spark: spark("duration"),
            url: links.page(path::REQUESTS, &traffic.sorted("slow")),
            class: "",
        },
    ]
}

/// The last values of lines of one kind, added up.
fn sum(plot: &Plot, style: LineStyle) -> Option<f64> {
    let series = plot.series.iter().filter(|series| series.style == style);
    series.filter_map(last).reduce(|sum, value| sum + value)
}

fn vital(plot: &Plot, name: &'static str, chart_data: &ChartData, url: String) -> Vital {
    let (value, limit) = (sum(plot, LineStyle::Plain), sum(plot, LineStyle::Limit));
    let lost: f64 = plot.series.iter().filter_map(|series| series.grew).sum();
    // Bytes that are nearly all free, or an index as large as it may become, are no trouble.
    let is_near = plot.measure == Measure::Count
        && value.zip(limit).is_some_and(|(value, limit)| value >= limit * NEARLY);
    let shown = match (value, limit) {
        (Some(value), Some(limit)) => {
            format!("{} / {}", plot.measure.show(value), plot.measure.show(limit))
        }
        (Some(value), None) => plot.measure.show(value),
        // What should not happen is counted over the window: it may be over and still matter.
        (None, _) => format::number(lost),
    };
    Vital {
        id: plot.id.clone(),
        measure: plot.measure,
        limit,
        name,
        value: shown,
        spark: SparkLines::new(plot, &chart_data.span),
        url,
        class: if is_near || (value.is_none() && lost > 0.0) { "warn" } else { "" },
    }
}

fn total(plot: &Plot, name: &'static str, chart_data: &ChartData, url: String) -> Option<Total> {
    let series = plot.series.first()?;
    let (first, last) = (series.values.iter().copied().flatten().next()?, last(series)?);
    let change = last - first;
    let sign = if change < 0.0 { "\u{2212}" } else { "+" };
    Some(Total {
        name,
        value: plot.measure.show(last),
        change: format!("{sign}{}", plot.measure.show(change.abs())),
        spark: SparkLines::new(plot, &chart_data.span),
        url,
    })
}
