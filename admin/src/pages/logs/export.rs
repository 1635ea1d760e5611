//! Whole results as files, streamed page by page: NDJSON for programs, CSV for spreadsheets. Every
//! export leaves an audit record.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use logsearch::export::Line;
use logsearch::export::{CSV_FIELDS, Export, Format};
use logsearch::query::Parsed;
use logsearch::record::LogRecord;
use logsearch::store::{Pages, Search, StoreError};

use crate::access::audit::audit;
use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::panel::Panel;
use crate::context::params::{Params, canonical_name};
use crate::context::view::View;
use crate::format::{self, SECOND};
use crate::pages::query_box;

/// Characters of a query that the name of a file has at most.
const MAX_NAME: usize = 60;
/// Records fetched at once.
const PAGE: usize = 2_000;

/// `GET /logs/export.ndjson`.
pub async fn ndjson(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    params: Params,
) -> Result<Response, PanelError> {
    stream_pages(&panel, &operator, &params, "ndjson", Format::Ndjson).await
}

/// `GET /logs/export.csv`, with the columns of the command line, and behind them others of the page.
pub async fn csv(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    params: Params,
) -> Result<Response, PanelError> {
    let columns = params.view(panel.now()).shown_columns();
    let names: Vec<String> = columns.iter().map(|column| canonical_name(column)).collect();
    let others = names.iter().map(String::as_str).filter(|name| !CSV_FIELDS.contains(name));
    let names: Vec<&str> = CSV_FIELDS.into_iter().chain(others).collect();
    stream_pages(&panel, &operator, &params, "csv", Format::csv_with(&names)).await
}

async fn stream_pages(
    panel: &Panel,
    operator: &Operator,
    params: &Params,
    kind: &'static str,
    format: Format,
) -> Result<Response, PanelError> {
    let view = params.view(panel.now());
    audit!(
        "logs.export",
        operator.name,
        { logs.query = view.q, logs.format = kind },
        "log records exported"
    );
    let parsed = query_box::read(panel, &view).await;
    let notices = (HeaderName::from_static("x-query-notices"), notices(&parsed));
    let search = Search::new(parsed.query)
        .within(view.window.range())
        .ascending(view.is_oldest_first())
        .limit(PAGE);
    let name = format!("attachment; filename=\"{}.{kind}\"", file_name(&view));
    let headers = [(CONTENT_TYPE, format.media_type().to_owned()), (CONTENT_DISPOSITION, name)];
    let mut export = Export::new(Pages::new(Arc::clone(&panel.store), search), format);
    // The first piece decides the status; a later failure breaks the transfer off.
    let first = export.next().await?.unwrap_or_default();
    let rest = stream::unfold(export, async |mut export| {
        let text = export.next().await.transpose()?;
        Some((text, export))
    });
    // Compression asks once more behind the end.
    let body = stream::iter([Ok::<_, StoreError>(first)]).chain(rest).fuse();
    Ok((headers, [notices], Body::from_stream(body)).into_response())
}

/// The name of a file with the records of a view, without its ending: after query and window, of
/// characters that every system takes.
fn file_name(view: &View) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let words = view.q.chars().take(MAX_NAME).map(kept).collect::<String>();
    let words = words.split('-').filter(|word| !word.is_empty());
    let range = view.window.range();
    let ends = [range.from, range.to].map(|at| format::rfc3339_short(at / SECOND * SECOND));
    let ends = ends.map(|end| end.replace(['-', ':'], ""));
    let parts: Vec<&str> =
        ["logs"].into_iter().chain(words).chain(ends.iter().map(String::as_str)).collect();
    parts.join("-")
}

/// What the parser had to decide, for a program that only reads headers; empty when nothing.
fn notices(parsed: &Parsed) -> String {
    let texts: Vec<String> = parsed.notices.iter().map(ToString::to_string).collect();
    let is_visible = |c: char| c.is_ascii_graphic() || c == ' ';
    texts.join("; ").chars().map(|c| if is_visible(c) { c } else { '?' }).collect()
}

/// A record as JSON over several lines, for people.
pub fn pretty_json(record: &LogRecord) -> String {
    serde_json::to_string_pretty(&Line(record)).unwrap_or_default()
}
