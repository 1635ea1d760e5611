//! Requests: percentiles per route over the whole window, and the newest or most expensive
//! requests. The ranking is exact: a percentile bounds the candidates.

pub mod durations;
pub mod request;
pub mod rows;
mod steps;

use askama::Template;
use axum::response::Response;
use logsearch::fields;
use logsearch::query::{Chips, Parsed, Query};
use logsearch::record::LogRecord;
use logsearch::store::{LogStore, StoreError, TimeRange};

use super::marks;
use super::query_box::{self, QueryBox};
use crate::context::error::PanelError;
use crate::context::links::{Links, TableOrder, View, path};
use crate::context::panel::Panel;
use crate::data::requests::{self, Route};
use crate::data::summary::{self, Timeline};
use crate::format;
use crate::pages::visit::Visit;
use crate::ui::charts::{Heatmap, Histogram, Marks};
use crate::ui::layout::{Layout, Section, render};
use crate::ui::table::Table;
use rows::{REQUEST_COLUMNS, ROUTE_COLUMNS, RequestRow, RouteRow, request_row, route_row};

#[derive(Template)]
#[template(path = "requests.html")]
struct RequestsPage {
    layout: Layout,
    query: QueryBox,
    total: String,
    sql: String,
    histogram: Histogram,
    heatmap: Heatmap,
    routes: Table<RouteRow>,
    sorts: [(&'static str, String, bool); SORTS.len()],
    /// In an order by cost: one request of each route, or all; the address of the other.
    each: Option<(bool, String)>,
    rows: Table<RequestRow>,
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

/// The name of the order that finds the largest of all requests in this column of the list.
fn order_of(title: &str) -> Option<&'static str> {
    let orders = [("time", ""), ("ms", "slow"), ("DB ms", "db"), ("statements", "queries")];
    orders.iter().find(|(column, _)| *column == title).map(|(_, name)| *name)
}

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

    /// The first requests in this order, and whether there are more.
    async fn records(
        &self,
        store: &dyn LogStore,
        range: TimeRange,
        query: &Query,
    ) -> Result<(Vec<LogRecord>, bool), StoreError> {
        match (self.field, self.each_route) {
            (Some(field), true) => requests::costliest_of_routes(store, range, query, field).await,
            (Some(field), false) => requests::costliest(store, range, query, field).await,
            (None, _) => requests::newest(store, range, query).await,
        }
    }
}

/// What a window has of the requests that match.
struct Found {
    timeline: Timeline,
    heatmap: Heatmap,
    routes: Vec<Route>,
    records: Vec<LogRecord>,
    is_cut: bool,
    marks: Marks,
}

/// `GET /requests`.
pub async fn show(visit: Visit) -> Result<Response, PanelError> {
    let view = visit.view();
    let parsed = query_box::read(&visit.panel, &view).await;
    if let Some(found) = query_box::jump(&visit.panel, &parsed).await {
        return Ok(found);
    }
    let found = Found::load(&visit.panel, &view, &parsed).await?;
    let (section, title) = (Section::Requests, "Requests");
    let layout = visit.layout(section, title, path::REQUESTS, &view);
    render(&RequestsPage::new(layout, found, &parsed, &view, &visit.panel.links))
}

impl Found {
    async fn load(panel: &Panel, view: &View, parsed: &Parsed) -> Result<Self, StoreError> {
        let (store, links, range) = (panel.store.as_ref(), &panel.links, view.window.range());
        let query = requests::ends(&parsed.query);
        let chips = Chips::of(parsed);
        let order = Order::parse(&view.sort);
        let (timeline, heatmap, routes, (records, is_cut), marks) = tokio::try_join!(
            summary::timeline(store, range, &query),
            durations::heatmap(store, view, &chips, links),
            requests::routes(store, range, &query),
            order.records(store, range, &query),
            async { Ok(marks::of_window(panel, view).await) },
        )?;
        Ok(Self { timeline, heatmap, routes, records, is_cut, marks })
    }
}

impl RequestsPage {
    fn new(layout: Layout, found: Found, parsed: &Parsed, view: &View, links: &Links) -> Self {
        let order = Order::parse(&view.sort);
        let chips = Chips::of(parsed);
        let sorted = |sort: &str| links.page(path::REQUESTS, &view.sorted(sort));
        let at = (view, links, path::REQUESTS);
        let chosen_by = |name: &str| view.unordered("requests").sorted(name);
        let against = |column: &str| {
            let (table, column) = ("requests".to_owned(), column.to_owned());
            view.ordered(TableOrder { table, column, is_reversed: true })
        };
        let all = || links.logs(&view.query(requests::ends(&parsed.query).to_string()));
        Self {
            layout,
            query: QueryBox::new(links, path::REQUESTS, view, parsed),
            total: format::plural(found.timeline.total(), "request"),
            sql: links.page(path::SQL, &view.sorted("")),
            histogram: marks::histogram(&found.timeline, found.marks, view, links, path::REQUESTS),
            heatmap: found.heatmap,
            routes: Table::new("routes", &ROUTE_COLUMNS, found.routes, at, |route| {
                route_row(&route, view, links, &chips)
            }),
            sorts: SORTS.map(|(name, title, _)| (title, sorted(name), name == order.name)),
            each: order.field.map(|_| {
                let other = if order.each_route { "" } else { EACH_ROUTE };
                (order.each_route, sorted(&format!("{}{other}", order.name)))
            }),
            rows: Table::new("requests", &REQUEST_COLUMNS, found.records, at, |record| {
                request_row(&record, links)
            })
            .leading(|title| {
                let name = order_of(title)?;
                let to = if name == order.name { against(title) } else { chosen_by(name) };
                Some((links.page(path::REQUESTS, &to), name == order.name))
            }),
            more: found.is_cut.then(all),
        }
    }
}
