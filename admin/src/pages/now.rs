//! The start page for incidents, from top to bottom: severity, errors, affected routes with
//! examples, and recent changes.

mod changes;
mod status;
mod tiles;

use std::sync::LazyLock;

use askama::Template;
use axum::response::Response;
use logsearch::fields;
use logsearch::query::{Chips, Query, parse};
use logsearch::record::LogRecord;
use logsearch::store::{LogStore, Search, StoreError, TimeRange};

use super::errors::rows::{GroupRow, annotate, groups_of, table};
use super::now::changes::Change;
use super::now::status::Status;
use super::outages::{OutageLine, outages, short_of_space};
use super::requests::rows::{
    REQUEST_COLUMNS, ROUTE_COLUMNS, RequestRow, RouteRow, request_row, route_row,
};
use crate::context::error::PanelError;
use crate::context::links::{View, path};
use crate::context::panel::Panel;
use crate::data::chart_data::chart_data;
use crate::data::profile::REPEATING;
use crate::data::requests::{self, Route};
use crate::pages::visit::Visit;
use crate::ui::assets;
use crate::ui::layout::{Layout, Section, render};
use crate::ui::table::Table;
use tiles::Tiles;

/// Maximum length of each list.
const LINES: usize = 8;
/// Parsed [`REPEATING`].
static MANY_REPEATS: LazyLock<Query> = LazyLock::new(|| parse(REPEATING).query);

#[derive(Template)]
#[template(path = "now.html")]
struct NowPage {
    layout: Layout,
    plot_style: String,
    outages: Vec<OutageLine>,
    figures: Tiles,
    notices: Vec<String>,
    groups: Table<GroupRow>,
    errors_url: String,
    routes: Table<RouteRow>,
    slow: Table<RequestRow>,
    slow_url: String,
    repeating: Table<RequestRow>,
    repeating_url: String,
    status: Status,
    changes: Table<Change>,
}

/// What a window has of the requests that charts count.
struct Requests {
    routes: Vec<Route>,
    slow: Vec<LogRecord>,
    repeating: Vec<LogRecord>,
}

/// `GET` of the prefix itself.
pub async fn show(visit: Visit) -> Result<Response, PanelError> {
    let view = visit.frame();
    let layout = visit.layout(Section::Now, "Now", "", &view);
    render(&NowPage::load(layout, &visit.panel, &view).await?)
}

impl NowPage {
    async fn load(layout: Layout, panel: &Panel, view: &View) -> Result<Self, PanelError> {
        let (links, store) = (&panel.links, panel.store.as_ref());
        let filter = &panel.traffic_filter;
        let (chart_data, times, mut groups, requests, (changes, missing), status) = tokio::try_join!(
            chart_data(panel, view.window, tiles::POINTS),
            async { Ok(tiles::times(store, view, &filter.query).await?) },
            async { Ok(groups_of(store, view, links, &Query::All).await?) },
            async { Ok(Requests::load(store, view.window.range(), &filter.query).await?) },
            async { Ok(changes::changes(panel, view.window.range()).await?) },
            async { Ok(Status::now(panel).await) },
        )?;
        let unknown = annotate(panel, view, &mut groups).await;
        let of_traffic = |q: &str| view.query(requests::of_traffic(q, &filter.text));
        let traffic = Chips::parse(&filter.text);
        let at = (view, links, "");
        let request_rows = |name, records| {
            let row = |record: LogRecord| request_row(&record, links);
            Table::new(name, &REQUEST_COLUMNS, records, at, row).first(LINES)
        };
        let route = |route: Route| route_row(&route, view, links, &traffic);
        Ok(Self {
            layout,
            plot_style: assets::url(links, "metrics.css"),
            outages: outages(panel),
            figures: Tiles::new(&chart_data, &times, view, links).now(panel.host.as_ref()),
            notices: [short_of_space(panel), store.status().await?.notices, missing, unknown]
                .concat(),
            groups: table(groups, view, links, "").first(LINES),
            errors_url: links.page_in(path::ERRORS, &view.window),
            routes: Table::new("routes", &ROUTE_COLUMNS, requests.routes, at, route).first(LINES),
            slow: request_rows("slow", requests.slow),
            slow_url: links.page(path::REQUESTS, &of_traffic("").sorted("slow")),
            repeating: request_rows("repeating", requests.repeating),
            repeating_url: links.page(path::REQUESTS, &of_traffic(REPEATING)),
            status,
            changes: changes::table(changes, at),
        })
    }
}

impl Requests {
    /// The worst routes first, and the slowest and the newest requests.
    async fn load(
        store: &dyn LogStore,
        range: TimeRange,
        traffic: &Query,
    ) -> Result<Self, StoreError> {
        let all = requests::ends(traffic);
        let repeating = all.clone().and(MANY_REPEATS.clone());
        let (mut routes, (slow, _), repeating) = tokio::try_join!(
            requests::routes(store, range, &all),
            requests::costliest(store, range, &all, fields::DURATION),
            newest(store, range, &repeating),
        )?;
        routes.sort_by(|left, right| right.badness().total_cmp(&left.badness()));
        Ok(Self { routes, slow, repeating })
    }
}

async fn newest(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
) -> Result<Vec<LogRecord>, StoreError> {
    let search = Search::new(query.clone()).within(range).limit(LINES);
    Ok(store.search(&search).await?.records)
}
