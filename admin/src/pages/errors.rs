//! Errors grouped by source location and masked error chain. An error is new if its location
//! reported none in the week before the window.

pub mod group;
pub mod rows;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use logsearch::query::parse;
use logsearch::store::{MAX_PAGE, Search};

use super::marks;
use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::path;
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::data::{errors, summary};
use crate::format;
use crate::ui::charts::Histogram;
use crate::ui::layout::{Layout, Section, render};
use rows::{GroupRow, annotate, rows};

#[derive(Template)]
#[template(path = "errors.html")]
struct ErrorsPage {
    layout: Layout,
    notices: Vec<String>,
    total: String,
    is_cut: bool,
    looked_at: String,
    histogram: Histogram,
    groups: Vec<GroupRow>,
}

/// `GET /errors`.
pub async fn show(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    params: Params,
) -> Result<Response, PanelError> {
    let view = params.view(panel.now());
    let parsed = parse(&view.q);
    let query = errors::errors(&parsed.query);
    let range = view.window.range();
    let (store, links) = (panel.store.as_ref(), &panel.links);
    let search = Search::new(query.clone()).within(range).limit(MAX_PAGE);
    let (timeline, page, known, marks) = tokio::try_join!(
        summary::timeline(store, range, &query),
        store.search(&search),
        errors::known_places(store, range),
        async { Ok(marks::of_window(&panel, &view).await) },
    )?;
    let mut rows = rows(&errors::groups(&page.records), &known, &view, links);
    let missing = annotate(&panel, &view, &mut rows).await;
    let notices = parsed.notices.iter().map(ToString::to_string);
    render(&ErrorsPage {
        layout: Layout::new(&panel, &operator, Section::Errors, "Errors", path::ERRORS, &view),
        notices: notices.chain(missing).collect(),
        total: format::plural(timeline.total(), "error"),
        is_cut: page.next.is_some(),
        looked_at: format::count(page.records.len() as u64),
        histogram: Histogram::new(&timeline.buckets, timeline.interval, &view, links, path::ERRORS)
            .marked(marks),
        groups: rows,
    })
}
