//! Requests: percentiles per route over all of the window, and the newest or the costliest ones. The
//! costliest are exact: a percentile tells from which figure on to look.

pub mod durations;
pub mod request;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use logsearch::fields;
use logsearch::query::{Chips, Comparison, Field, Query, parse};
use logsearch::record::{LogRecord, ValueRef};
use logsearch::store::{
    Aggregate, Aggregation, LogStore, PercentileGroup, Search, StoreError, TimeRange,
};

use super::logs::rows::{number_of, text_of};
use super::requests::request::status_class;
use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::{Links, View, cursor};
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::data::profile::{REPEATS, TIMES};
use crate::data::summary;
use crate::format;
use crate::ui::charts::{Heatmap, Histogram};
use crate::ui::layout::{Layout, Section, render};

/// Requests of a page.
const ROWS: usize = 100;
/// Routes of the table.
const ROUTES: usize = 30;
/// The most requests that are compared to find the costliest.
const COMPARED: usize = 5_000;

#[derive(Template)]
#[template(path = "requests.html")]
struct RequestsPage {
    layout: Layout,
    notices: Vec<String>,
    total: String,
    sql: String,
    histogram: Histogram,
    heatmap: Heatmap,
    routes: Vec<RouteRow>,
    sorts: Vec<(&'static str, String, bool)>,
    /// In an order by cost: one request of each route, or all; the address of the other.
    each: Option<(bool, String)>,
    rows: Vec<RequestRow>,
    more: Option<String>,
}

/// A route on a page.
pub struct RouteRow {
    pub route: String,
    pub url: String,
    pub count: String,
    pub errors: String,
    pub has_errors: bool,
    pub errors_url: String,
    /// Percentiles of the duration, with their names.
    pub times: [(&'static str, String); 3],
    pub database: String,
    pub statements: String,
}

/// A request of a list.
pub struct RequestRow {
    pub time: String,
    pub time_full: String,
    pub event: String,
    pub url: String,
    pub name: String,
    pub status: String,
    pub class: &'static str,
    pub duration: String,
    pub database: String,
    pub statements: String,
    pub repeats: String,
    pub user: String,
}

/// What a list can be sorted by: parameter, title, field.
const SORTS: [(&str, &str, Option<&str>); 4] = [
    ("", "newest", None),
    ("slow", "slowest", Some(fields::DURATION)),
    ("db", "most database time", Some(fields::DB_DURATION)),
    ("queries", "most statements", Some(fields::DB_COUNT)),
];

/// What a name of [`SORTS`] ends in when only the costliest request of each route is listed.
const EACH_ROUTE: &str = "-of-routes";

/// How to list.
struct Order<'a> {
    name: &'a str,
    field: Option<&'static str>,
    each_route: bool,
}

impl<'a> Order<'a> {
    fn parse(sort: &'a str) -> Self {
        let (name, each_route) = match sort.strip_suffix(EACH_ROUTE) {
            Some(name) => (name, true),
            None => (sort, false),
        };
        let known = SORTS.iter().find(|(known, ..)| *known == name);
        let (name, _, field) = *known.unwrap_or(&SORTS[0]);
        Self { name, field, each_route }
    }
}

/// `GET /requests`.
pub async fn show(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    params: Params,
) -> Result<Response, PanelError> {
    let view = params.view(panel.now());
    let parsed = parse(&view.q);
    let query = ends(&parsed.chips);
    let range = view.window.range();
    let (store, links) = (panel.store.as_ref(), &panel.links);
    let order = Order::parse(&view.sort);
    let (timeline, heatmap, routes, (records, more), marks) = tokio::try_join!(
        summary::timeline(store, range, &query),
        durations::heatmap(store, &view, &parsed.chips, links),
        routes(store, range, &query),
        async {
            match (order.field, order.each_route) {
                (Some(field), true) => costliest_of_routes(store, range, &query, field).await,
                (Some(field), false) => costliest(store, range, &query, field).await,
                (None, _) => newest(store, range, &query).await,
            }
        },
        async { Ok(panel.marks(&view).await) },
    )?;
    let clause = parsed.chips.clone();
    render(&RequestsPage {
        layout: Layout::new(&panel, &operator, Section::Requests, "Requests", "/requests", &view),
        notices: parsed.notices.iter().map(ToString::to_string).collect(),
        total: format::plural(timeline.total(), "request"),
        sql: links.page("/requests/sql", &view.sorted("")),
        histogram: Histogram::new(&timeline.buckets, timeline.interval, &view, links, "/requests")
            .marked(marks),
        heatmap,
        routes: routes.iter().map(|route| route.row(&view, links, &clause)).collect(),
        sorts: SORTS
            .iter()
            .map(|(name, title, _)| {
                (*title, links.page("/requests", &view.sorted(*name)), *name == order.name)
            })
            .collect(),
        each: order.field.map(|_| {
            let other = if order.each_route { "" } else { EACH_ROUTE };
            let sort = format!("{}{other}", order.name);
            (order.each_route, links.page("/requests", &view.sorted(sort)))
        }),
        rows: records.iter().map(|record| request_row(record, links)).collect(),
        more: more.then(|| links.logs(&view.query(query.to_string()))),
    })
}

/// Records of ended requests that match.
pub fn ends(chips: &Chips) -> Query {
    let status = Query::has_field(fields::STATUS);
    chips.clone().with(status).with(Query::has_field(fields::DURATION)).query()
}

/// The text of a query that looks at traffic alone; either may be empty.
pub fn of_traffic(query: &str, traffic: &str) -> String {
    [query, traffic].join(" ").trim().to_owned()
}

/// Both.
pub fn and(query: &Query, clause: Query) -> Query {
    Chips::parse(&query.to_string()).with(clause).query()
}

async fn newest(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
) -> Result<(Vec<LogRecord>, bool), StoreError> {
    let search = search(range, query.clone(), ROWS);
    let page = store.search(&search).await?;
    Ok((page.records, page.next.is_some()))
}

fn search(range: TimeRange, query: Query, limit: usize) -> Search {
    Search { range, query: Arc::new(query), ascending: false, after: None, limit }
}

/// The requests with the largest figures, largest first, and whether there are more.
pub async fn costliest(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
    name: &str,
) -> Result<(Vec<LogRecord>, bool), StoreError> {
    let (mut records, count) = ranked(store, range, query, name).await?;
    records.truncate(ROWS);
    Ok((records, count > ROWS as u64))
}

/// The same, but of each method and route the one with the largest figure alone.
async fn costliest_of_routes(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
    name: &str,
) -> Result<(Vec<LogRecord>, bool), StoreError> {
    let (mut records, _) = ranked(store, range, query, name).await?;
    let mut seen = HashSet::new();
    records.retain(|record| {
        seen.insert((text_of(record, fields::METHOD), text_of(record, fields::ROUTE)))
    });
    records.truncate(ROWS);
    Ok((records, false))
}

/// The requests that may have the largest figures, largest first, and how many there are of all.
async fn ranked(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
    name: &str,
) -> Result<(Vec<LogRecord>, u64), StoreError> {
    let all = percentiles(store, range, query, name, None, &[0.0]).await?;
    let count = all.first().map_or(0, |group| group.count);
    let query = match share(count) {
        None => query.clone(),
        Some(percent) => {
            let at = percentiles(store, range, query, name, None, &[percent]).await?;
            let from = at.first().and_then(|group| group.percentiles.first()).copied();
            // Percentiles are good to 2 %; looking a little lower misses nothing.
            let from = from.unwrap_or(0.0) * 0.96;
            let field = Field { typed: name.to_owned(), name: name.to_owned(), scale: 1 };
            and(query, Query::Compare(field, Comparison::GreaterOrEqual, from.floor()))
        }
    };
    let mut records = store.search(&search(range, query, COMPARED * 2)).await?.records;
    let figure = |record: &LogRecord| number_of(record, name).unwrap_or(0);
    records.sort_by_key(|record| std::cmp::Reverse((figure(record), record.timestamp)));
    Ok((records, count))
}

/// Below which percentile nobody of so many is compared; `None` compares all.
#[expect(clippy::cast_precision_loss, reason = "a percentage")]
fn share(count: u64) -> Option<f64> {
    let compared = COMPARED as u64;
    (count > compared).then(|| 100.0 * (1.0 - (compared / 5) as f64 / count as f64))
}

/// Percentiles of a field, per value of another one or over all.
pub async fn percentiles(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
    field: &str,
    by: Option<&str>,
    percents: &[f64],
) -> Result<Vec<PercentileGroup>, StoreError> {
    let aggregation = Aggregation::Percentiles {
        field: field.to_owned(),
        by: by.map(str::to_owned),
        size: ROUTES,
        percents: percents.to_vec(),
    };
    match store.aggregate(range, query, &aggregation).await? {
        Aggregate::Percentiles(groups) => Ok(groups),
        _ => Ok(Vec::new()),
    }
}

/// The figures of one route.
pub struct Route {
    pub name: String,
    pub count: u64,
    pub errors: u64,
    pub percentiles: Vec<f64>,
    database: Option<f64>,
    statements: Option<f64>,
}

/// The figures of every route, busiest first.
pub async fn routes(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
) -> Result<Vec<Route>, StoreError> {
    let by = Some(fields::ROUTE);
    let failed = and(query, parse("status:5xx").query);
    let names = vec![fields::ROUTE.to_owned()];
    let (times, database, statements, errors) = tokio::try_join!(
        percentiles(store, range, query, fields::DURATION, by, &[50.0, 95.0, 99.0]),
        percentiles(store, range, query, fields::DB_DURATION, by, &[95.0]),
        percentiles(store, range, query, fields::DB_COUNT, by, &[95.0]),
        summary::top_values(store, range, &failed, names, 1_000),
    )?;
    let first = |groups: Vec<PercentileGroup>| -> HashMap<String, f64> {
        let pair = |group: PercentileGroup| Some((group.value, *group.percentiles.first()?));
        groups.into_iter().filter_map(pair).collect()
    };
    let (database, statements) = (first(database), first(statements));
    let errors: HashMap<String, u64> = errors.into_iter().flat_map(|top| top.values).collect();
    let route = |group: PercentileGroup| Route {
        count: group.count,
        errors: errors.get(&group.value).copied().unwrap_or(0),
        database: database.get(&group.value).copied(),
        statements: statements.get(&group.value).copied(),
        percentiles: group.percentiles,
        name: group.value,
    };
    Ok(times.into_iter().map(route).collect())
}

/// A figure in microseconds.
#[expect(clippy::cast_possible_truncation, reason = "durations are far below 2^52 µs")]
pub fn took(micros: Option<&f64>) -> String {
    micros.map_or_else(|| "–".to_owned(), |micros| format::duration(micros.round() as i64))
}

impl Route {
    /// How much it deserves a look: by its share of failures, then by its p95.
    #[expect(clippy::cast_precision_loss, reason = "compared, not shown")]
    pub fn badness(&self) -> f64 {
        let slow = self.percentiles.get(1).copied().unwrap_or(0.0);
        self.errors as f64 / self.count.max(1) as f64 * 1e12 + slow
    }

    /// As pages show it.
    pub fn row(&self, view: &View, links: &Links, chips: &Chips) -> RouteRow {
        let only = Query::value_clause(fields::ROUTE, ValueRef::Str(&self.name));
        let chips = chips.clone().with(only);
        let failed = chips.clone().with(parse("status:5xx").query);
        RouteRow {
            route: self.name.clone(),
            url: links.page("/requests", &view.query(chips.to_string())),
            count: format::count(self.count),
            errors: format::percent(self.errors, self.count),
            has_errors: self.errors > 0,
            errors_url: links.page("/requests", &view.query(failed.to_string())),
            times: [(0, "p50"), (1, "p95"), (2, "p99")]
                .map(|(at, name)| (name, took(self.percentiles.get(at)))),
            database: took(self.database.as_ref()),
            statements: self
                .statements
                .map_or_else(|| "–".to_owned(), |count| format!("{count:.0}")),
        }
    }
}

/// One request of a list.
pub fn request_row(record: &LogRecord, links: &Links) -> RequestRow {
    let text = |name| text_of(record, name).unwrap_or_default();
    let micros = |name| number_of(record, name).map_or_else(String::new, format::millis);
    let repeats = number_of(record, TIMES).unwrap_or(0);
    let status = text(fields::STATUS);
    let route = text(fields::ROUTE);
    let path = if route.is_empty() { text(fields::PATH) } else { route };
    let id = text(fields::REQUEST_ID);
    RequestRow {
        time: format::time(record.timestamp),
        time_full: format::rfc3339(record.timestamp),
        event: links.event(cursor(record)),
        url: if id.is_empty() { links.event(cursor(record)) } else { links.request(&id) },
        name: format!("{} {path}", text(fields::METHOD)),
        class: status_class(&status),
        status,
        duration: micros(fields::DURATION),
        database: micros(fields::DB_DURATION),
        statements: text(fields::DB_COUNT),
        repeats: if repeats.unsigned_abs() >= REPEATS {
            repeats.to_string()
        } else {
            String::new()
        },
        user: text(fields::USER_NAME),
    }
}
