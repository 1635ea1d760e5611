//! Figures over time: requests from the log index, so that charts and logs agree to the record; the
//! rest from the history of the process that answers. A click leads to the logs of that time.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::marks;
use super::requests::durations;
use crate::context::error::PanelError;
use crate::context::links::{View, path};
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::context::window::Window;
use crate::data::chart_data::{ChartData, chart_data};
use crate::format::{self, SECOND};
use crate::metrics::{Plot, Set, Span};
use crate::pages::visit::Visit;
use crate::ui::assets;
use crate::ui::charts::{Heatmap, Lines, Marks};
use crate::ui::layout::{Layout, Section, render};

/// Points of a chart, and rows of a table.
const POINTS: i64 = 240;
const ROWS: i64 = 30;
/// A page that follows asks again after so many seconds, or after an interval if that is longer.
const REFRESH: i64 = 10;

#[derive(Template)]
#[template(path = "metrics.html")]
struct MetricsPage {
    layout: Layout,
    style: String,
    script: String,
    notices: Vec<String>,
    instance: String,
    since: String,
    interval: String,
    external_links: Vec<(String, String)>,
    marks: Marks,
    sets: Vec<(Set, Vec<Lines>)>,
    durations: Heatmap,
    data: String,
    /// Seconds since the Unix epoch, for scripts.
    from: f64,
    to: f64,
    step: f64,
    now: String,
    here: String,
    refresh: i64,
}

/// `GET /metrics`.
pub async fn show(visit: Visit) -> Result<Response, PanelError> {
    let view = visit.frame();
    let (drawn, marks, durations) = tokio::join!(
        chart_data(&visit.panel, view.window, POINTS),
        marks::of_window(&visit.panel, &view),
        durations::of_traffic(&visit.panel, &view)
    );
    let layout = visit.layout(Section::Metrics, "Metrics", path::METRICS, &view);
    render(&MetricsPage::new(layout, &visit.panel, &view, drawn?, marks, durations?))
}

impl MetricsPage {
    fn new(
        layout: Layout,
        panel: &Panel,
        view: &View,
        drawn: ChartData,
        marks: Marks,
        durations: Heatmap,
    ) -> Self {
        let (links, window) = (&panel.links, view.window);
        let Span { from, to, step, .. } = drawn.span;
        let metrics = panel.host.metrics();
        Self {
            layout,
            style: assets::url(links, "metrics.css"),
            script: assets::url(links, "metrics.js"),
            instance: metrics.map(|metrics| metrics.name().to_owned()).unwrap_or_default(),
            since: drawn.since.map(format::minute).unwrap_or_default(),
            interval: format::duration(step),
            external_links: panel.service.external_links.clone(),
            sets: sets(panel, view, &drawn, &marks),
            marks,
            durations,
            // Of the intervals that are drawn, also when somebody points at them much later.
            data: links.page_in(path::METRICS_DATA, &Window::absolute(from, to, window.now)),
            from: seconds(from),
            to: seconds(to),
            step: seconds(step),
            now: clock_time(window),
            here: links.template(path::METRICS, view),
            refresh: if window.is_live() { REFRESH.max(step / SECOND / 2) } else { 0 },
            notices: drawn.notices,
        }
    }
}

/// The charts of each set that has any, each with its table.
fn sets(panel: &Panel, view: &View, drawn: &ChartData, marks: &Marks) -> Vec<(Set, Vec<Lines>)> {
    let links = &panel.links;
    let table = drawn.coarser(panel, ROWS);
    let draw = |plot: &Plot| {
        let query = view.query(plot.query.clone());
        let chart = Lines::new(plot, &drawn.span, marks, links.template(path::LOGS, &query));
        let Some(rows) = table.plots.iter().find(|rows| rows.id == plot.id) else { return chart };
        chart.tabled(rows, &table.span.starts, |start| {
            let end = start.saturating_add(table.span.step);
            let window = Window::absolute(start, end, view.window.now);
            links.logs(&query.within(window))
        })
    };
    let charts = |set: Set| drawn.plots.iter().filter(|plot| plot.set == set).map(draw).collect();
    let sets = Set::ALL.map(|set| (set, charts(set)));
    sets.into_iter().filter(|(_, charts): &(_, Vec<_>)| !charts.is_empty()).collect()
}

/// The figures of the charts. Times are seconds since the Unix epoch.
#[derive(Serialize)]
struct Data {
    from: f64,
    to: f64,
    step: f64,
    /// The start of each interval.
    times: Vec<f64>,
    /// When nothing was watched.
    gaps: Vec<(f64, f64)>,
    plots: Vec<PlotData>,
}

#[derive(Serialize)]
struct PlotData {
    id: String,
    series: Vec<SeriesData>,
}

/// A line of a chart, in the order of its legend.
#[derive(Serialize)]
struct SeriesData {
    name: String,
    values: Vec<Option<f64>>,
    /// The values as the panel writes them.
    texts: Vec<Option<String>>,
}

/// `GET /metrics/data.json`: what stands under the cursor of the charts of the same window.
pub async fn data(State(panel): State<Arc<Panel>>, params: Params) -> Result<Response, PanelError> {
    let window = params.window(panel.now());
    let ChartData { span, plots, .. } = chart_data(&panel, window, POINTS).await?;
    let data = Data {
        from: seconds(span.from),
        to: seconds(span.to),
        step: seconds(span.step),
        times: span.starts.iter().copied().map(seconds).collect(),
        gaps: span.gaps.iter().map(|(from, to)| (seconds(*from), seconds(*to))).collect(),
        plots: plots.into_iter().map(PlotData::new).collect(),
    };
    Ok(Json(data).into_response())
}

impl PlotData {
    fn new(plot: Plot) -> Self {
        let show = |value: &Option<f64>| value.map(|value| plot.measure.show(value));
        let series = plot.series.into_iter().map(|series| SeriesData {
            name: series.name,
            texts: series.values.iter().map(show).collect(),
            values: series.values.into_iter().map(|value| value.map(short)).collect(),
        });
        Self { id: plot.id, series: series.collect() }
    }
}

/// The time of day of a page, to the second.
fn clock_time(window: Window) -> String {
    format::time(window.now)[..8].to_owned()
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of this century fit")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// Six digits, which no screen can show.
fn short(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}
