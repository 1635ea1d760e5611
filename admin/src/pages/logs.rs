//! The log list: records that match a query. All state is in the URL.

pub mod completion;
pub mod edit;
pub mod event;
pub mod export;
mod facets;
pub mod head;
pub mod list;
pub mod overview;
pub mod patterns;
pub mod rows;
pub mod searches;
pub mod tail;

use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use logsearch::query::{Chips, parse};

use super::logs::head::Head;
use super::logs::list::{Column, Empty};
use super::logs::rows::{Row, Rows};
use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::{Place, View, cursor, path};
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::format;
use crate::ui::assets;
use crate::ui::layout::{Layout, Section};

#[derive(Template)]
#[template(path = "logs.html")]
struct LogsPage {
    layout: Layout,
    head: Head,
    partial: bool,
    columns: Vec<Column>,
    rows: Vec<Row>,
    order: Order,
    newer: Option<String>,
    older: Option<String>,
    empty: Option<Empty>,
    tail: Option<Tail>,
}

/// The order of the records, and a click that turns it around.
struct Order {
    sign: &'static str,
    turn: String,
    title: &'static str,
}

/// Following new records.
struct Tail {
    url: String,
    script: String,
}

/// `GET /logs`.
pub async fn show(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    params: Params,
) -> Result<Response, PanelError> {
    let view = params.view(panel.now());
    let parsed = parse(&view.q);
    let chips = Chips::of(&parsed);
    if let Some(url) = edit::target(&panel, &params, &view, &chips).await? {
        return Ok(Redirect::to(&url).into_response());
    }
    let started = Instant::now();
    let columns = view.shown_columns();
    let found = list::list(panel.store.as_ref(), &view, &parsed.query).await?;
    let records = &found.page.records;
    let links = &panel.links;
    let title = if view.q.is_empty() { "Logs" } else { view.q.as_str() };
    let page = LogsPage {
        layout: Layout::new(&panel, &operator, Section::Logs, title, path::LOGS, &view),
        head: Head {
            saved: searches::menu(&panel, &view).await,
            ..Head::new(&panel, path::LOGS, &view, &parsed)
        },
        partial: found.page.partial,
        rows: Rows::new(links, &columns, &view).marking(&parsed.query).list(records),
        columns: list::column_views(&columns, &view, links),
        order: order(&view, &panel),
        newer: found.newer.map(|at| links.logs(&view.at(Place::Newer(at)))),
        older: found.older.map(|at| links.logs(&view.at(Place::Older(at)))),
        empty: (records.is_empty() && !view.tail)
            .then(|| Empty::new(&view, &chips, links, path::LOGS)),
        tail: view.tail.then(|| tail(&panel, &view, records.first().map(cursor))),
    };
    let html = page.render()?;
    let took = format!("records in {}", format::elapsed(started));
    overview::page(Arc::clone(&panel), &html, path::LOGS, view, parsed, took)
}

fn order(view: &View, panel: &Panel) -> Order {
    if view.is_oldest_first() {
        let turn = panel.links.logs(&view.sorted(""));
        return Order { sign: "↑", turn, title: "Oldest first; click for newest first" };
    }
    let turn = panel.links.logs(&view.sorted("old"));
    Order { sign: "↓", turn, title: "Newest first; click for oldest first" }
}

/// The stream goes on behind the newest record of the page, so nothing is missed between the two.
fn tail(panel: &Panel, view: &View, newest: Option<(i64, u64)>) -> Tail {
    let url = panel.pipeline.live.as_ref().map(|_| panel.links.tail(view, newest));
    Tail { url: url.unwrap_or_default(), script: assets::url(&panel.links, "tail.js") }
}
