//! Whole results as files, streamed page by page: NDJSON for programs, CSV for spreadsheets. Every
//! export leaves an audit record.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use logsearch::export::Line;
use logsearch::export::{Export, Format};
use logsearch::query::parse;
use logsearch::record::LogRecord;
use logsearch::store::{Pages, Search, StoreError};

use crate::access::audit::audit;
use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::panel::Panel;
use crate::context::params::{Params, canonical_name};

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

/// `GET /logs/export.csv`, with the columns of the page.
pub async fn csv(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    params: Params,
) -> Result<Response, PanelError> {
    let columns = params.view(panel.now()).shown_columns();
    let names: Vec<String> = columns.iter().map(|column| canonical_name(column)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
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
    let search = Search::new(parse(&view.q).query)
        .within(view.window.range())
        .ascending(view.is_oldest_first())
        .limit(PAGE);
    let name = format!("attachment; filename=\"logs.{kind}\"");
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
    Ok((headers, Body::from_stream(body)).into_response())
}

/// A record as JSON over several lines, for people.
pub fn pretty_json(record: &LogRecord) -> String {
    serde_json::to_string_pretty(&Line(record)).unwrap_or_default()
}
