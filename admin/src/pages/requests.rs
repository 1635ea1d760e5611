//! Requests: percentiles per route over the whole window, and the newest or most expensive
//! requests. The ranking is exact: a percentile bounds the candidates.

pub mod durations;
pub mod request;
pub mod rows;
mod steps;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use logsearch::fields;
use logsearch::query::{Chips, parse};

use super::marks;
use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::path;
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::data::{requests, summary};
use crate::format;
use crate::ui::charts::{Heatmap, Histogram};
use crate::ui::layout::{Layout, Section, render};
use rows::{RequestRow, RouteRow, request_row, route_row};

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

/// What a list can be sorted by: parameter, title, field.
const SORTS: [(&str, &str, Option<&str>); 4] = [
    ("", "newest", None),
    ("slow", "slowest", Some(fields::DURATION)),
    ("db", "most database time", Some(fields::DB_DURATION)),
    ("queries", "most statements", Some(fields::DB_COUNT)),
];
/// What a name of [`SORTS`] ends in when only the costliest request of each route is listed.
const EACH_ROUTE: &str = "-of-routes";

/// The sort order of the list.
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
    let chips = Chips::of(&parsed);
    let query = requests::ends(&parsed.query);
    let range = view.window.range();
    let (store, links) = (panel.store.as_ref(), &panel.links);
    let order = Order::parse(&view.sort);
    let (timeline, heatmap, routes, (records, more), marks) = tokio::try_join!(
        summary::timeline(store, range, &query),
        durations::heatmap(store, &view, &chips, links),
        requests::routes(store, range, &query),
        async {
            match (order.field, order.each_route) {
                (Some(field), true) => {
                    requests::costliest_of_routes(store, range, &query, field).await
                }
                (Some(field), false) => requests::costliest(store, range, &query, field).await,
                (None, _) => requests::newest(store, range, &query).await,
            }
        },
        async { Ok(marks::of_window(&panel, &view).await) },
    )?;
    render(&RequestsPage {
        layout: Layout::new(
            &panel,
            &operator,
            Section::Requests,
            "Requests",
            path::REQUESTS,
            &view,
        ),
        notices: parsed.notices.iter().map(ToString::to_string).collect(),
        total: format::plural(timeline.total(), "request"),
        sql: links.page(path::SQL, &view.sorted("")),
        histogram: Histogram::new(
            &timeline.buckets,
            timeline.interval,
            &view,
            links,
            path::REQUESTS,
        )
        .marked(marks),
        heatmap,
        routes: routes.iter().map(|route| route_row(route, &view, links, &chips)).collect(),
        sorts: SORTS
            .iter()
            .map(|(name, title, _)| {
                (*title, links.page(path::REQUESTS, &view.sorted(*name)), *name == order.name)
            })
            .collect(),
        each: order.field.map(|_| {
            let other = if order.each_route { "" } else { EACH_ROUTE };
            let sort = format!("{}{other}", order.name);
            (order.each_route, links.page(path::REQUESTS, &view.sorted(sort)))
        }),
        rows: records.iter().map(|record| request_row(record, links)).collect(),
        more: more.then(|| links.logs(&view.query(query.to_string()))),
    })
}
