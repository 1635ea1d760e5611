//! Errors grouped by source location and masked error chain. An error is new if its location
//! reported none in the week before the window.

pub mod group;
pub mod rows;

use askama::Template;
use axum::response::Response;
use logsearch::query::parse;
use logsearch::store::{MAX_PAGE, Search, StoreError};

use super::marks;
use crate::context::error::PanelError;
use crate::context::links::{View, path};
use crate::context::panel::Panel;
use crate::data::{errors, summary};
use crate::format;
use crate::pages::visit::Visit;
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
pub async fn show(visit: Visit) -> Result<Response, PanelError> {
    let view = visit.view();
    let layout = visit.layout(Section::Errors, "Errors", path::ERRORS, &view);
    render(&ErrorsPage::load(layout, &visit.panel, &view).await?)
}

impl ErrorsPage {
    async fn load(layout: Layout, panel: &Panel, view: &View) -> Result<Self, StoreError> {
        let parsed = parse(&view.q);
        let query = errors::errors(&parsed.query);
        let (store, links, range) = (panel.store.as_ref(), &panel.links, view.window.range());
        let search = Search::new(query.clone()).within(range).limit(MAX_PAGE);
        let (timeline, page, known, marks) = tokio::try_join!(
            summary::timeline(store, range, &query),
            store.search(&search),
            errors::known_places(store, range),
            async { Ok(marks::of_window(panel, view).await) },
        )?;
        let mut groups = rows(&errors::groups(&page.records), &known, view, links);
        let missing = annotate(panel, view, &mut groups).await;
        let notices = parsed.notices.iter().map(ToString::to_string);
        Ok(Self {
            layout,
            notices: notices.chain(missing).collect(),
            total: format::plural(timeline.total(), "error"),
            is_cut: page.next.is_some(),
            looked_at: format::count(page.records.len() as u64),
            histogram: marks::histogram(&timeline, marks, view, links, path::ERRORS),
            groups,
        })
    }
}
