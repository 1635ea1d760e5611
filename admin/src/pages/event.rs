//! One record at its own address, as a page and as JSON, and what surrounds it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use logsearch::fields;
use logsearch::query::{Matcher, Query, parse};
use logsearch::record::{LogRecord, ValueRef};
use logsearch::store::{Cursor, LogStore, Search, StoreError, TimeRange};

use super::logs;
use super::record::{Row, Rows, column_title};
use crate::error::PanelError;
use crate::escape;
use crate::export::pretty_json;
use crate::format::SECOND;
use crate::layout::{Layout, Section, render};
use crate::links::{Links, View, cursor};
use crate::operator::Operator;
use crate::panel::Panel;
use crate::params::Params;
use crate::window::Window;

/// Records shown on either side.
const EACH_SIDE: usize = 50;
/// Around a record, in the window its page offers.
const AROUND: i64 = 15 * 60 * SECOND;

#[derive(Template)]
#[template(path = "event.html")]
struct EventPage {
    layout: Layout,
    row: Row,
    keep: Vec<(&'static str, String)>,
    json: String,
    logs: String,
}

#[derive(Template)]
#[template(path = "context.html")]
struct ContextPage {
    layout: Layout,
    scopes: Vec<(String, String, bool)>,
    scope: String,
    q: String,
    here: String,
    columns: Vec<String>,
    rows: Vec<Row>,
    keep: Vec<(&'static str, String)>,
    event: String,
    partial: bool,
}

/// `GET /events/{id}` and `GET /events/{id}.json`.
pub async fn show(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    Path(id): Path<String>,
) -> Result<Response, PanelError> {
    let (id, as_json) = id.strip_suffix(".json").map_or((id.as_str(), false), |id| (id, true));
    let record = find(&panel, id).await?;
    if as_json {
        let json = escape::json(&logsearch::json::line(&record));
        return Ok(([(CONTENT_TYPE, "application/json; charset=utf-8")], json).into_response());
    }
    let view = around(&panel, record.timestamp);
    let rows = Rows { links: &panel.links, columns: &[], highlighter: None };
    render(&EventPage {
        layout: Layout::new(&panel, &operator, Section::Logs, "Event", "/logs", &view),
        row: rows.row(&record),
        keep: window_fields(&view),
        json: escape::json(&pretty_json(&record)),
        logs: panel.links.logs(&view),
    })
}

/// `GET /events/{id}/context`: the same columns as the list, its own filter that marks instead of
/// hiding, and a switch for whose records are meant.
pub async fn context(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, PanelError> {
    let record = find(&panel, &id).await?;
    let at = cursor(&record);
    let scope = params.get("scope").unwrap_or("all").to_owned();
    let q = params.get("q").unwrap_or_default().to_owned();
    let limit = Arc::new(scope_query(&record, &scope).unwrap_or(Query::All));
    let found = panel.store.context(at, limit, EACH_SIDE).await?;
    let view = around(&panel, record.timestamp);
    let columns = logs::columns(&params.view(panel.now()));
    let mut records = found.before;
    records.push(record.clone());
    records.extend(found.after);
    let rows = Rows { links: &panel.links, columns: &columns, highlighter: None };
    let matcher = (!q.is_empty()).then(|| Matcher::new(&parse(&q).query));
    let mut list = rows.list(&records);
    for (row, record) in list.iter_mut().zip(&records) {
        row.is_here = cursor(record) == at;
        let is_match = matcher.as_ref().is_some_and(|matcher| matcher.matches(record));
        row.message.iter_mut().for_each(|piece| piece.is_match = is_match);
    }
    render(&ContextPage {
        layout: Layout::new(&panel, &operator, Section::Logs, "Context", "/logs", &view),
        scopes: scopes(&record, &scope, &panel.links, &q),
        scope,
        q,
        here: panel.links.context(at, "all", ""),
        columns: columns.iter().map(|column| column_title(column)).collect(),
        rows: list,
        keep: window_fields(&view),
        event: panel.links.event(at),
        partial: found.partial,
    })
}

/// Whose records surround this one.
const SCOPES: [(&str, &str, &str); 3] = [
    ("request", "this request", fields::REQUEST_ID),
    ("user", "this user", fields::USER_NAME),
    ("target", "this target", fields::TARGET),
];

fn scope_query(record: &LogRecord, scope: &str) -> Option<Query> {
    let (_, _, field) = SCOPES.iter().find(|(name, ..)| *name == scope)?;
    if *field == fields::TARGET {
        return Some(Query::value_clause(field, ValueRef::Str(&record.target)));
    }
    record.field(field).map(|value| Query::value_clause(field, value.as_ref()))
}

fn scopes(record: &LogRecord, scope: &str, links: &Links, q: &str) -> Vec<(String, String, bool)> {
    let known = SCOPES.iter().filter(|(name, ..)| scope_query(record, name).is_some());
    let all = std::iter::once(("all", "everything"));
    let names = known.map(|(name, title, _)| (*name, *title)).chain(all);
    let at = cursor(record);
    names
        .map(|(name, title)| (title.to_owned(), links.context(at, name, q), name == scope))
        .collect()
}

fn around(panel: &Panel, at: i64) -> View {
    let end = at.saturating_add(AROUND);
    View::of(Window::absolute(at.saturating_sub(AROUND), end, panel.now()))
}

fn window_fields(view: &View) -> Vec<(&'static str, String)> {
    vec![("from", view.window.from.to_string()), ("to", view.window.to.to_string())]
}

async fn find(panel: &Panel, id: &str) -> Result<LogRecord, PanelError> {
    let at = Links::parse_event_id(id).ok_or(PanelError::NotFound)?;
    record_at(panel.store.as_ref(), at).await?.ok_or(PanelError::NotFound)
}

/// The record at a cursor.
async fn record_at(store: &dyn LogStore, at: Cursor) -> Result<Option<LogRecord>, StoreError> {
    let (timestamp, sequence) = at;
    let mut search = Search {
        range: TimeRange { from: timestamp, to: timestamp.saturating_add(1) },
        query: Arc::new(Query::All),
        ascending: true,
        after: sequence.checked_sub(1).map(|before| (timestamp, before)),
        limit: 1,
    };
    if sequence == 0 {
        search.after = None;
    }
    let page = store.search(&search).await?;
    Ok(page.records.into_iter().find(|record| cursor(record) == at))
}
