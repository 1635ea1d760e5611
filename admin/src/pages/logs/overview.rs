//! What stands beside the records of a page and comes after them: how many, when, and with which values.
//! It takes longer to find than the records, so the page is sent in two pieces; where each goes on the
//! screen is the style's business, and nothing moves when the second one arrives.

use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use logsearch::query::{Chips, Parsed};

use super::facets::{self, Facet};
use crate::context::error::PanelError;
use crate::context::links::View;
use crate::context::panel::Panel;
use crate::data::summary;
use crate::format;
use crate::pages::marks;
use crate::ui::charts::Histogram;
use crate::ui::layout::Layout;

#[derive(Template)]
#[template(path = "overview.html", block = "bottom")]
struct OverviewPiece<'a> {
    layout: &'a Layout,
    total: String,
    freshness: String,
    first_took: &'a str,
    took: String,
    histogram: Histogram,
    facets: Vec<Facet>,
    /// Names and explanations of all fields, for the search inside the sidebar.
    known: Vec<(&'static str, &'static str)>,
    fields: &'a str,
    keep: Vec<(&'static str, String)>,
    here: String,
    all_fields: String,
}

#[derive(Template)]
#[template(path = "overview_failed.html", block = "bottom")]
struct FailedPiece<'a> {
    layout: &'a Layout,
    text: String,
    again: String,
}

/// What the second piece of a page is about.
pub struct Overview {
    pub panel: Arc<Panel>,
    pub layout: Layout,
    pub path: &'static str,
    pub view: View,
    pub parsed: Parsed,
    /// How long the first piece took.
    pub first_took: String,
}

impl Overview {
    /// The page that begins with this piece, a template's block `top`, and goes on with this overview.
    pub fn after(self, first: String) -> Response {
        let first = stream::iter([Ok::<_, askama::Error>(first)]);
        // Compression asks once more behind the end.
        let body = first.chain(stream::once(async move { self.render().await })).fuse();
        let html = [(CONTENT_TYPE, "text/html; charset=utf-8")];
        (html, Body::from_stream(body)).into_response()
    }

    async fn render(&self) -> Result<String, askama::Error> {
        match self.load().await {
            Ok(piece) => piece.render(),
            Err(error) => {
                error.log();
                let again = self.panel.links.page(self.path, &self.view);
                FailedPiece { layout: &self.layout, text: error.to_string(), again }.render()
            }
        }
    }

    async fn load(&self) -> Result<OverviewPiece<'_>, PanelError> {
        let started = Instant::now();
        let Self { panel, path, view, parsed, .. } = self;
        let (store, links, range) = (panel.store.as_ref(), &panel.links, view.window.range());
        let (timeline, facets, status, marks) = tokio::try_join!(
            summary::timeline(store, range, &parsed.query),
            summary::facets(store, range, &parsed.query, view),
            store.status(),
            async { Ok(marks::of_window(panel, view).await) },
        )?;
        let others = View { fields: String::new(), ..view.clone() };
        Ok(OverviewPiece {
            layout: &self.layout,
            total: format::plural(timeline.total(), "record"),
            freshness: freshness(status.searchable_until, panel.now()),
            histogram: marks::histogram(&timeline, marks, view, links, path),
            facets: facets::facets(&facets, &Chips::of(parsed), view, links, path),
            known: summary::known_fields(),
            fields: &view.fields,
            keep: others.form_fields(),
            here: links.path(path),
            all_fields: links.page(path, &others),
            first_took: &self.first_took,
            took: format::elapsed(started),
        })
    }
}

fn freshness(until: i64, now: i64) -> String {
    match now.saturating_sub(until) {
        ..1_000_000 => "up to date".to_owned(),
        lag => format!("indexed up to {} ago", format::duration(lag)),
    }
}
