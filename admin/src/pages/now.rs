//! The first page in an incident, read from top to bottom: how bad is it, what failed, where, one
//! example of each, and what was changed.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use logsearch::query::{Chips, Query, parse};
use logsearch::record::LogRecord;
use logsearch::store::{LogStore, Search, StoreError, TimeRange};

use super::changes::{self, Change};
use super::errors::{self, GroupRow};
use super::requests::{self, RequestRow, Route, RouteRow, took};
use super::status::Status;
use super::summary::{self, Timeline};
use crate::charts::Sparkline;
use crate::error::PanelError;
use crate::format::{self, SECOND};
use crate::layout::{Layout, Section, render};
use crate::links::{Links, View};
use crate::operator::Operator;
use crate::panel::Panel;
use crate::params::Params;

/// Lines of each list.
const LINES: usize = 8;
/// Repeats from which on a request is N+1, as a clause.
const REPEATING: &str = "repeats:>=5";

#[derive(Template)]
#[template(path = "now.html")]
struct NowPage {
    layout: Layout,
    tiles: Vec<Tile>,
    notices: Vec<String>,
    groups: Vec<GroupRow>,
    errors_url: String,
    routes: Vec<RouteRow>,
    slow: Vec<RequestRow>,
    slow_url: String,
    repeating: Vec<RequestRow>,
    repeating_url: String,
    status: Status,
    changes: Vec<Change>,
}

/// One figure with its course.
struct Tile {
    title: &'static str,
    value: String,
    hint: String,
    spark: Option<Sparkline>,
    url: String,
    class: &'static str,
}

/// `GET` of the prefix itself.
pub async fn show(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    params: Params,
) -> Result<Response, PanelError> {
    let view = params.frame(panel.now());
    let (range, links, store) = (view.window.range(), &panel.links, panel.store.as_ref());
    let anything = Chips::default();
    let all = requests::ends(&anything);
    let repeating = requests::and(&all, parse(REPEATING).query);
    let (figures, groups, slow, repeating, (changes, missing), status_line) = tokio::try_join!(
        figures(store, range, &all),
        errors::groups_of(store, &view, links, &anything),
        requests::costliest(store, range, &all, logsearch::fields::DURATION),
        newest(store, range, &repeating),
        changes::changes(&panel, range),
        async { Ok(Status::now(&panel).await) },
    )?;
    let status = store.status().await?;
    let mut routes = figures.routes;
    routes.sort_by(|left, right| right.badness().total_cmp(&left.badness()));
    render(&NowPage {
        layout: Layout::new(&panel, &operator, Section::Now, "Now", "", &view),
        tiles: tiles(&figures.requests, &figures.failed, &figures.times, &view, links),
        notices: [status.notices, missing].concat(),
        groups: groups.into_iter().take(LINES).collect(),
        errors_url: links.page_in("/errors", &view.window),
        routes: routes.iter().take(LINES).map(|route| route.row(&view, links, &anything)).collect(),
        slow: slow.0.iter().take(LINES).map(|one| requests::request_row(one, links)).collect(),
        slow_url: links.page("/requests", &view.sorted("slow")),
        repeating: repeating.iter().map(|one| requests::request_row(one, links)).collect(),
        repeating_url: links.page("/requests", &view.query(REPEATING)),
        status: status_line,
        changes,
    })
}

struct Figures {
    requests: Timeline,
    failed: Timeline,
    times: Vec<f64>,
    routes: Vec<Route>,
}

async fn figures(
    store: &dyn LogStore,
    range: TimeRange,
    all: &Query,
) -> Result<Figures, StoreError> {
    let failed = requests::and(all, parse("status:5xx").query);
    let percents = [50.0, 95.0, 99.0];
    let (requests, failed, times, routes) = tokio::try_join!(
        summary::timeline(store, range, all),
        summary::timeline(store, range, &failed),
        requests::percentiles(store, range, all, logsearch::fields::DURATION, None, &percents),
        requests::routes(store, range, all),
    )?;
    let times = times.into_iter().next().map(|group| group.percentiles).unwrap_or_default();
    Ok(Figures { requests, failed, times, routes })
}

async fn newest(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
) -> Result<Vec<LogRecord>, StoreError> {
    let search = Search {
        range,
        query: Arc::new(query.clone()),
        ascending: false,
        after: None,
        limit: LINES,
    };
    Ok(store.search(&search).await?.records)
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn tiles(
    requests: &Timeline,
    failed: &Timeline,
    times: &[f64],
    view: &View,
    links: &Links,
) -> Vec<Tile> {
    let course = |timeline: &Timeline| {
        let totals = timeline.buckets.iter().map(|bucket| bucket.counts.iter().sum::<u64>() as f64);
        Sparkline::of_values(&totals.collect::<Vec<_>>())
    };
    let (all, bad) = (requests.total(), failed.total());
    let seconds = (view.window.length() / SECOND).max(1) as f64;
    vec![
        Tile {
            title: "requests",
            value: format::count(all),
            hint: format!("{:.2} a second", all as f64 / seconds),
            spark: Some(course(requests)),
            url: links.page_in("/requests", &view.window),
            class: "",
        },
        Tile {
            title: "failed",
            value: format::percent(bad, all),
            hint: format::plural(bad, "request"),
            spark: Some(course(failed)),
            url: links.page("/requests", &view.query("status:5xx")),
            class: if bad > 0 { "error" } else { "" },
        },
        Tile {
            title: "p95",
            value: took(times.get(1)),
            hint: format!("p50 {}, p99 {}", took(times.first()), took(times.get(2))),
            spark: None,
            url: links.page("/requests", &view.sorted("slow")),
            class: "",
        },
    ]
}
