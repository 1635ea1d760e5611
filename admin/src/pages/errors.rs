//! Errors grouped by source location and masked error chain. An error is new if its location
//! reported none in the week before the window.

pub mod group;
pub mod rows;

use askama::Template;
use axum::response::Response;
use logsearch::query::Parsed;
use logsearch::store::{MAX_PAGE, Search, StoreError};

use super::marks;
use super::query_box::{self, QueryBox};
use crate::context::error::PanelError;
use crate::context::links::{View, path};
use crate::context::panel::Panel;
use crate::data::{errors, summary};
use crate::format;
use crate::pages::visit::Visit;
use crate::ui::charts::Histogram;
use crate::ui::layout::{Layout, Section, render};
use crate::ui::table::Table;
use rows::{GroupRow, annotate, rows, table};

#[derive(Template)]
#[template(path = "errors.html")]
struct ErrorsPage {
    layout: Layout,
    query: QueryBox,
    /// What the page could not load.
    notices: Vec<String>,
    total: String,
    is_cut: bool,
    looked_at: String,
    histogram: Histogram,
    groups: Table<GroupRow>,
}

/// `GET /errors`.
pub async fn show(visit: Visit) -> Result<Response, PanelError> {
    let view = visit.view();
    let parsed = query_box::read(&visit.panel, &view).await;
    if let Some(found) = query_box::jump(&visit.panel, &parsed).await {
        return Ok(found);
    }
    let layout = visit.layout(Section::Errors, "Errors", path::ERRORS, &view);
    render(&ErrorsPage::load(layout, &visit.panel, &view, &parsed).await?)
}

impl ErrorsPage {
    async fn load(
        layout: Layout,
        panel: &Panel,
        view: &View,
        parsed: &Parsed,
    ) -> Result<Self, StoreError> {
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
        Ok(Self {
            layout,
            query: QueryBox::new(links, path::ERRORS, view, parsed),
            notices: missing,
            total: format::plural(timeline.total(), "error"),
            is_cut: page.next.is_some(),
            looked_at: format::count(page.records.len() as u64),
            histogram: marks::histogram(&timeline, marks, view, links, path::ERRORS),
            groups: table(groups, view, links, path::ERRORS),
        })
    }
}
