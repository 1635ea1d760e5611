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
use axum::response::{IntoResponse, Redirect, Response};
use logsearch::query::{Chips, Parsed};

use super::logs::head::Head;
use super::logs::list::{Column, Empty, List};
use super::logs::overview::Overview;
use super::logs::rows::{Row, Rows};
use crate::context::error::PanelError;
use crate::context::links::{Links, Place, View, cursor, path};
use crate::context::panel::Panel;
use crate::format;
use crate::pages::query_box;
use crate::pages::visit::Visit;
use crate::ui::assets;
use crate::ui::layout::{Layout, Section};

#[derive(Template)]
#[template(path = "logs.html", block = "top")]
struct LogsPage<'a> {
    layout: &'a Layout,
    head: Head,
    incomplete: Option<&'static str>,
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
pub async fn show(visit: Visit) -> Result<Response, PanelError> {
    let (view, panel) = (visit.view(), &visit.panel);
    let parsed = query_box::read(panel, &view).await;
    if let Some(url) = edit::target(panel, &visit.params, &view, &Chips::of(&parsed)).await? {
        return Ok(Redirect::to(&url).into_response());
    }
    if let Some(found) = query_box::jump(panel, &parsed).await {
        return Ok(found);
    }
    let started = Instant::now();
    let found = list::list(panel.store.as_ref(), &view, &parsed.query).await?;
    let head = Head {
        saved: searches::menu(panel, &view).await,
        ..Head::new(panel, path::LOGS, &view, &parsed)
    };
    let title = if view.q.is_empty() { "Logs" } else { view.q.as_str() };
    let layout = visit.layout(Section::Logs, title, path::LOGS, &view);
    let first = LogsPage::new(&layout, head, panel, &view, &parsed, &found).render()?;
    let first_took = format!("records in {}", format::elapsed(started));
    let panel = Arc::clone(panel);
    Ok(Overview { panel, layout, path: path::LOGS, view, parsed, first_took }.after(first))
}

impl<'a> LogsPage<'a> {
    fn new(
        layout: &'a Layout,
        head: Head,
        panel: &Panel,
        view: &View,
        parsed: &Parsed,
        found: &List,
    ) -> Self {
        let (links, columns) = (&panel.links, view.shown_columns());
        let records = &found.page.records;
        let empty = || Empty::new(view, &Chips::of(parsed), links, path::LOGS);
        Self {
            layout,
            head,
            incomplete: found.page.incomplete(),
            rows: Rows::new(links, &columns, view).marking(&parsed.query).list(records),
            columns: list::column_views(&columns, view, links),
            order: order(view, links),
            newer: found.newer.map(|at| links.logs(&view.at(Place::Newer(at)))),
            older: found.older.map(|at| links.logs(&view.at(Place::Older(at)))),
            empty: (records.is_empty() && !view.tail).then(empty),
            tail: view.tail.then(|| tail(panel, view, records.first().map(cursor))),
        }
    }
}

fn order(view: &View, links: &Links) -> Order {
    if view.is_oldest_first() {
        let turn = links.logs(&view.sorted(""));
        return Order { sign: "↑", turn, title: "Oldest first; click for newest first" };
    }
    let turn = links.logs(&view.sorted("old"));
    Order { sign: "↓", turn, title: "Newest first; click for oldest first" }
}

/// The stream goes on behind the newest record of the page, so nothing is missed between the two.
fn tail(panel: &Panel, view: &View, newest: Option<(i64, u64)>) -> Tail {
    let url = panel.pipeline.live.as_ref().map(|_| panel.links.tail(view, newest));
    Tail { url: url.unwrap_or_default(), script: assets::url(&panel.links, "tail.js") }
}
