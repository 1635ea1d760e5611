//! The page of a record, also as JSON, and its context.

use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use logsearch::fields;
use logsearch::query::{Matcher, Query, parse};
use logsearch::record::{LogRecord, ValueRef};
use logsearch::store::{Context, Cursor, LogStore, Search, StoreError, TimeRange};

use super::export::pretty_json;
use super::rows::{Row, Rows, column_title};
use crate::context::error::PanelError;
use crate::context::links::{Links, Place, View, cursor};
use crate::context::panel::Panel;
use crate::context::window::Window;
use crate::format::{self, SECOND};
use crate::pages::visit::Visit;
use crate::ui::escape;
use crate::ui::layout::{Layout, Section, render};

/// Records shown on either side.
const EACH_SIDE: usize = 50;
/// Length of the window around a record that its page links to, in microseconds.
const AROUND: i64 = 15 * 60 * SECOND;

#[derive(Template)]
#[template(path = "event.html")]
struct EventPage {
    layout: Layout,
    row: Row,
    json: String,
    logs: String,
}

#[derive(Template)]
#[template(path = "context.html")]
struct ContextPage {
    layout: Layout,
    id: String,
    scopes: Vec<(String, String, bool)>,
    scope: String,
    q: String,
    notices: Vec<String>,
    /// Number of matches on the page and the URL of the first.
    matches: Option<(String, String)>,
    columns: Vec<String>,
    rows: Vec<Row>,
    event: String,
    /// Links to newer and older records in the log list.
    newer: String,
    older: String,
    incomplete: Option<&'static str>,
}

/// `GET /events/{id}` and `GET /events/{id}.json`.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, PanelError> {
    let (id, as_json) = id.strip_suffix(".json").map_or((id.as_str(), false), |id| (id, true));
    let record = find(&visit.panel, id).await?;
    if as_json {
        let json = escape::json(&logsearch::export::line(&record));
        return Ok(([(CONTENT_TYPE, "application/json; charset=utf-8")], json).into_response());
    }
    let (view, links) = (around(&visit.panel, record.timestamp), &visit.panel.links);
    let title = format::title(&record.message);
    render(&EventPage {
        layout: visit.fixed(Section::Logs, &title, &Links::event_path(cursor(&record)), &view),
        row: Rows::new(links, &[], &view).row(&record),
        json: escape::json(&pretty_json(&record)),
        logs: links.logs(&view),
    })
}

/// `GET /events/{id}/context`: the same columns as the list, its own filter that marks instead of
/// hiding, and a switch for whose records are meant. Newest first, as every list.
pub async fn context(visit: Visit, Path(id): Path<String>) -> Result<Response, PanelError> {
    let record = find(&visit.panel, &id).await?;
    let scope = scope_named(&record, visit.params.get("scope"));
    let limit = scope_query(&record, scope).unwrap_or(Query::All);
    let at = cursor(&record);
    let found = visit.panel.store.context(at, Arc::new(limit.clone()), EACH_SIDE).await?;
    let asked = visit.view();
    let view = View { cols: asked.cols.clone(), ..around(&visit.panel, record.timestamp) };
    let around = Around {
        incomplete: found.incomplete(),
        records: newest_first(found, record.clone()),
        limit,
    };
    let path = Links::context_path(at, scope, &asked.q, &asked.cols_text());
    let title = format!("Context of {}", format::title(&record.message));
    let layout = visit.fixed(Section::Logs, &title, &path, &view);
    render(&ContextPage::new(layout, &visit.panel.links, (&record, scope), around, asked, &view))
}

/// A record and those around it, newest first.
struct Around {
    records: Vec<LogRecord>,
    incomplete: Option<&'static str>,
    /// Which records are meant.
    limit: Query,
}

impl ContextPage {
    fn new(
        layout: Layout,
        links: &Links,
        (record, scope): (&LogRecord, &str),
        around: Around,
        asked: View,
        view: &View,
    ) -> Self {
        let (at, records) = (cursor(record), around.records);
        let columns = asked.shown_columns();
        let marks = parse(&asked.q);
        let mut rows = Rows::new(links, &columns, view).marking(&marks.query).list(&records);
        let filter = (!asked.q.is_empty()).then_some(&marks.query);
        let matches = mark(&mut rows, &records, at, filter);
        let scoped = match around.limit {
            Query::All => view.clone(),
            limit => view.query(limit.to_string()),
        };
        let beyond = |place: Option<Place>| {
            place.map(|place| links.logs(&View { place, ..scoped.clone() })).unwrap_or_default()
        };
        Self {
            layout,
            id: Links::event_id(at),
            scopes: scopes(record, scope, links, &asked),
            scope: scope.to_owned(),
            notices: marks.notices.iter().map(ToString::to_string).collect(),
            matches: filter.map(|_| matches),
            columns: columns.iter().map(|column| column_title(column)).collect(),
            event: links.event(at),
            newer: beyond(records.first().map(|record| Place::Newer(cursor(record)))),
            older: beyond(records.last().map(|record| Place::Older(cursor(record)))),
            rows,
            incomplete: around.incomplete,
            q: asked.q,
        }
    }
}

fn newest_first(found: Context, record: LogRecord) -> Vec<LogRecord> {
    let mut records = found.before;
    records.push(record);
    records.extend(found.after);
    records.reverse();
    records
}

/// Marks the record itself and those that match; how many do, and the address of the first.
fn mark(
    rows: &mut [Row],
    records: &[LogRecord],
    at: Cursor,
    query: Option<&Query>,
) -> (String, String) {
    let matcher = query.map(Matcher::new);
    let mut first = String::new();
    let mut count = 0;
    for (row, record) in rows.iter_mut().zip(records) {
        row.is_here = cursor(record) == at;
        row.is_match = matcher.as_ref().is_some_and(|matcher| matcher.matches(record));
        if row.is_match {
            count += 1;
            if first.is_empty() {
                first = format!("#e{}", row.id);
            }
        }
    }
    (format!("{count} of {}", format::plural(records.len() as u64, "record")), first)
}

/// Scopes of the context.
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

/// The scope of that name, if the record has what it goes by.
fn scope_named(record: &LogRecord, wanted: Option<&str>) -> &'static str {
    let known = SCOPES.iter().find(|(name, ..)| Some(*name) == wanted);
    let known = known.filter(|(name, ..)| scope_query(record, name).is_some());
    known.map_or("all", |(name, ..)| *name)
}

fn scopes(
    record: &LogRecord,
    scope: &str,
    links: &Links,
    asked: &View,
) -> Vec<(String, String, bool)> {
    let known = SCOPES.iter().filter(|(name, ..)| scope_query(record, name).is_some());
    let all = std::iter::once(("all", "all records"));
    let names = known.map(|(name, title, _)| (*name, *title)).chain(all);
    let own = View::of(asked.window).refreshing(asked.refresh).anywhere();
    let at = cursor(record);
    let url = |name| {
        let path = Links::context_path(at, name, &asked.q, &asked.cols_text());
        format!("{}#e{}", links.page(&path, &own), Links::event_id(at))
    };
    names.map(|(name, title)| (title.to_owned(), url(name), name == scope)).collect()
}

fn around(panel: &Panel, at: i64) -> View {
    let end = at.saturating_add(AROUND);
    View::of(Window::absolute(at.saturating_sub(AROUND), end, panel.now()))
}

/// Finds the record of a URL.
pub async fn find(panel: &Panel, id: &str) -> Result<LogRecord, PanelError> {
    let at = Links::parse_event_id(id).ok_or(PanelError::NotFound)?;
    record_at(panel.store.as_ref(), at).await?.ok_or(PanelError::NotFound)
}

/// The record at a cursor.
async fn record_at(store: &dyn LogStore, at: Cursor) -> Result<Option<LogRecord>, StoreError> {
    let (timestamp, sequence) = at;
    let range = TimeRange { from: timestamp, to: timestamp.saturating_add(1) };
    let before = sequence.checked_sub(1).map(|before| (timestamp, before));
    let search = Search::new(Query::All).within(range).oldest_first().after(before).limit(1);
    let page = store.search(&search).await?;
    Ok(page.records.into_iter().find(|record| cursor(record) == at))
}
