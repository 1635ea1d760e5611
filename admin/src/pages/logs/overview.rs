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

/// Where the first piece of a page ends. Text of others cannot hold it: `<` is escaped.
const SEAM: &str = "<!--later-->";

#[derive(Template)]
#[template(path = "_overview.html")]
struct Overview {
    total: String,
    freshness: String,
    first_took: String,
    took: String,
    histogram: Histogram,
    facets: Vec<Facet>,
    /// Names and explanations of all fields, for the search inside the sidebar.
    known: Vec<(&'static str, &'static str)>,
    fields: String,
    keep: Vec<(&'static str, String)>,
    here: String,
    all_fields: String,
}

#[derive(Template)]
#[template(path = "_overview_failed.html")]
struct Failed {
    text: String,
    again: String,
}

/// A page whose second piece is this overview; how long the first one took is told there.
pub fn page(
    panel: Arc<Panel>,
    html: &str,
    path: &'static str,
    view: View,
    parsed: Parsed,
    first_took: String,
) -> Result<Response, PanelError> {
    let Some((before, after)) = html.split_once(SEAM) else {
        return Err(PanelError::Template(askama::Error::Fmt));
    };
    let (before, after) = (before.to_owned(), after.to_owned());
    let second = async move {
        let again = panel.links.page(path, &view);
        let overview = match overview(&panel, path, &view, &parsed).await {
            Ok(overview) => Overview { first_took, ..overview }.render(),
            Err(error) => Failed { text: error.reported(), again }.render(),
        };
        overview.map(|overview| overview + &after)
    };
    let first = stream::iter([Ok::<_, askama::Error>(before)]);
    // Compression asks once more behind the end.
    let body = first.chain(stream::once(second)).fuse();
    Ok(([(CONTENT_TYPE, "text/html; charset=utf-8")], Body::from_stream(body)).into_response())
}

async fn overview(
    panel: &Panel,
    path: &'static str,
    view: &View,
    parsed: &Parsed,
) -> Result<Overview, PanelError> {
    let started = Instant::now();
    let (store, links) = (panel.store.as_ref(), &panel.links);
    let range = view.window.range();
    let (timeline, facets, status, marks) = tokio::try_join!(
        summary::timeline(store, range, &parsed.query),
        summary::facets(store, range, &parsed.query, view),
        store.status(),
        async { Ok(marks::of_window(panel, view).await) },
    )?;
    let others = View { fields: String::new(), ..view.clone() };
    Ok(Overview {
        total: format::plural(timeline.total(), "record"),
        freshness: freshness(status.searchable_until, panel.now()),
        histogram: Histogram::new(&timeline.buckets, timeline.interval, view, links, path)
            .marked(marks),
        facets: facets::facets(&facets, &Chips::of(parsed), view, links, path),
        known: summary::known_fields(),
        fields: view.fields.clone(),
        keep: others.form_fields(),
        here: links.path(path),
        all_fields: links.page(path, &others),
        first_took: String::new(),
        took: format::elapsed(started),
    })
}

fn freshness(until: i64, now: i64) -> String {
    match now.saturating_sub(until) {
        ..1_000_000 => "up to date".to_owned(),
        lag => format!("indexed up to {} ago", format::duration(lag)),
    }
}
