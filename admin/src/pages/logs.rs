//! The logs: query, chips, histogram, facets, rows. The whole state is in the address.

use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use logsearch::fields;
use logsearch::query::{Chip, Chips, Highlighter, Parsed, Query, parse};
use logsearch::store::{LogStore, Search, SearchPage, StoreError, TimeRange};

use super::record::{self, Row, Rows};
use super::summary::{self, Facet};
use crate::assets;
use crate::charts::Histogram;
use crate::error::PanelError;
use crate::format;
use crate::layout::{Layout, Section, render};
use crate::links::{Links, Place, View, cursor};
use crate::operator::Operator;
use crate::panel::Panel;
use crate::params::{Params, canonical_name};
use crate::window::Window;

/// Records of a page.
const ROWS: usize = 100;
/// Columns besides time, level and message.
const COLUMNS: [&str; 2] = ["request_id", "duration"];

#[derive(Template)]
#[template(path = "logs.html")]
struct LogsPage {
    layout: Layout,
    chips: Vec<ChipView>,
    notices: Vec<String>,
    suggestion: Option<(String, String)>,
    total: String,
    freshness: String,
    took: String,
    partial: bool,
    histogram: Histogram,
    facets: Vec<Facet>,
    columns: Vec<Column>,
    rows: Vec<Row>,
    keep: Vec<(&'static str, String)>,
    order: (&'static str, String),
    newer: Option<String>,
    older: Option<String>,
    export_ndjson: String,
    export_csv: String,
    link: String,
    empty: Option<Empty>,
    tail: Option<Tail>,
}

/// A clause under the query box.
struct ChipView {
    text: String,
    enabled: bool,
    toggle: String,
    negate: String,
    remove: String,
}

/// The head of a column.
struct Column {
    title: String,
    is_number: bool,
    remove: String,
}

/// What to do when nothing was found.
struct Empty {
    wider: Vec<(String, String)>,
    without: Vec<(String, String)>,
}

/// Following new records.
struct Tail {
    url: String,
    script: String,
    stop: String,
}

/// `GET /logs`.
pub async fn show(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    params: Params,
) -> Result<Response, PanelError> {
    let view = params.view(panel.now());
    let parsed = parse(&view.q);
    if let Some(url) = edited(&panel.links, &params, &view, &parsed.chips) {
        return Ok(Redirect::to(&url).into_response());
    }
    let started = Instant::now();
    let columns = columns(&view);
    let range = view.window.range();
    let store = panel.store.as_ref();
    let (list, timeline, facets, status, marks) = tokio::try_join!(
        list(store, &view, &parsed.query),
        summary::timeline(store, range, &parsed.query),
        summary::facets(store, range, &parsed.query, &columns),
        store.status(),
        async { Ok(panel.marks(&view).await) },
    )?;
    let total = timeline.total();
    let page = LogsPage {
        layout: Layout::new(&panel, &operator, Section::Logs, "Logs", "/logs", &view),
        chips: chip_views(&parsed.chips, &view, &panel.links),
        suggestion: suggestion(&parsed, &view, &panel.links),
        notices: parsed.notices.iter().map(ToString::to_string).collect(),
        total: format::plural(total, "record"),
        freshness: freshness(status.searchable_until, panel.now()),
        took: String::new(),
        partial: list.page.partial,
        histogram: Histogram::new(
            &timeline.buckets,
            timeline.interval,
            &view,
            &panel.links,
            "/logs",
        )
        .marked(marks),
        facets: summary::facet_views(&facets, &parsed.chips, &view, &panel.links),
        rows: rows(&panel.links, &columns, &parsed.query).list(&list.page.records),
        columns: column_views(&columns, &view, &panel.links),
        keep: keep(&view),
        order: order(&view, &panel.links),
        newer: list.newer.map(|at| panel.links.logs(&view.at(Place::Newer(at)))),
        older: list.older.map(|at| panel.links.logs(&view.at(Place::Older(at)))),
        export_ndjson: panel.links.export("ndjson", &view),
        export_csv: panel.links.export("csv", &view),
        link: panel.links.logs(&view.within(view.window.pinned())),
        empty: list.page.records.is_empty().then(|| empty(&view, &parsed.chips, &panel.links)),
        tail: view.tail.then(|| Tail {
            url: panel.live.as_ref().map(|_| panel.links.tail(&view)).unwrap_or_default(),
            script: panel.links.asset("tail.js", &assets::hash("tail.js")),
            stop: panel.links.logs(&view.tailing(false)),
        }),
    };
    render(&LogsPage { took: format::duration(micros(started)), ..page })
}

fn rows<'a>(links: &'a Links, columns: &'a [String], query: &Query) -> Rows<'a> {
    Rows { links, columns, highlighter: Some(Highlighter::new(query, fields::MESSAGE)) }
}

fn micros(started: Instant) -> i64 {
    i64::try_from(started.elapsed().as_micros()).unwrap_or(i64::MAX)
}

/// A click on a field's button: the query or the columns changed, at an address that can be shared.
fn edited(links: &Links, params: &Params, view: &View, chips: &Chips) -> Option<String> {
    let clause = |text: &str| parse(text).query;
    if let Some(text) = params.get("add") {
        let q = chips.clone().with(clause(text)).to_string();
        return Some(links.logs(&view.query(q)));
    }
    if let Some(text) = params.get("not") {
        let q = chips.clone().with(clause(text).negated()).to_string();
        return Some(links.logs(&view.query(q)));
    }
    if let Some(text) = params.get("only") {
        return Some(links.logs(&view.query(clause(text).to_string())));
    }
    let column = params.get("col")?;
    let mut columns = columns(view);
    match columns.iter().position(|known| known == column) {
        Some(at) => drop(columns.remove(at)),
        None => columns.push(column.to_owned()),
    }
    Some(links.logs(&view.columns(columns)))
}

/// The columns of a view.
pub fn columns(view: &View) -> Vec<String> {
    let default = || COLUMNS.iter().map(|name| (*name).to_owned()).collect();
    view.cols.clone().unwrap_or_else(default)
}

struct List {
    page: SearchPage,
    newer: Option<(i64, u64)>,
    older: Option<(i64, u64)>,
}

/// The records of a page, newest first unless asked otherwise, and where its neighbors start.
async fn list(store: &dyn LogStore, view: &View, query: &Query) -> Result<List, StoreError> {
    let oldest_first = view.sort == "old";
    let (ascending, after) = match view.place {
        Place::Start => (oldest_first, None),
        Place::Older(at) => (false, Some(at)),
        Place::Newer(at) => (true, Some(at)),
    };
    let search = Search {
        range: view.window.range(),
        query: Arc::new(query.clone()),
        ascending,
        after,
        limit: ROWS,
    };
    let mut page = store.search(&search).await?;
    let has_more = page.next.is_some();
    if ascending != oldest_first {
        page.records.reverse();
    }
    let (mut newest, mut oldest) = (page.records.first(), page.records.last());
    if oldest_first {
        (newest, oldest) = (oldest, newest);
    }
    // Behind the page there is more if the store says so; before it, if the page did not begin there.
    let moved = after.is_some();
    let newer = newest.map(cursor).filter(|_| if ascending { has_more } else { moved });
    let older = oldest.map(cursor).filter(|_| if ascending { moved } else { has_more });
    Ok(List { page, newer, older })
}

fn chip_views(chips: &Chips, view: &View, links: &Links) -> Vec<ChipView> {
    let url = |chips: Chips| links.logs(&view.query(chips.to_string()));
    let chip = |(at, chip): (usize, &Chip)| ChipView {
        text: chip.query.to_string(),
        enabled: chip.enabled,
        toggle: url(chips.clone().toggled(at)),
        negate: url(chips.clone().negated(at)),
        remove: url(chips.clone().without(at)),
    };
    chips.0.iter().enumerate().map(chip).collect()
}

/// The first misspelt field and the address with the right one.
fn suggestion(parsed: &Parsed, view: &View, links: &Links) -> Option<(String, String)> {
    let notice = parsed.notices.iter().find(|notice| notice.suggestion.is_some())?;
    let name = notice.suggestion?;
    let (start, end) = (notice.span.start, notice.span.end);
    let typed = view.q.get(start..end)?;
    let length = typed.find([':', '=', '<', '>', '!']).unwrap_or(typed.len());
    let q = format!("{}{name}{}", view.q.get(..start)?, view.q.get(start + length..)?);
    Some((q.clone(), links.logs(&view.query(q))))
}

fn column_views(columns: &[String], view: &View, links: &Links) -> Vec<Column> {
    let column = |name: &String| {
        let others = columns.iter().filter(|known| *known != name).cloned().collect();
        Column {
            title: record::column_title(name),
            is_number: fields::kind(&canonical_name(name)).is_number(),
            remove: links.logs(&view.columns(others)),
        }
    };
    columns.iter().map(column).collect()
}

/// What the form around the rows sends along with a click.
fn keep(view: &View) -> Vec<(&'static str, String)> {
    let mut keep = vec![("q", view.q.clone())];
    if !view.window.is_default() {
        keep.push(("from", view.window.from.to_string()));
        keep.push(("to", view.window.to.to_string()));
    }
    if let Some(cols) = &view.cols {
        keep.push(("cols", if cols.is_empty() { "-".to_owned() } else { cols.join(",") }));
    }
    if !view.sort.is_empty() {
        keep.push(("sort", view.sort.clone()));
    }
    keep.retain(|(_, value)| !value.is_empty());
    keep
}

fn order(view: &View, links: &Links) -> (&'static str, String) {
    if view.sort == "old" {
        return ("oldest first", links.logs(&view.sorted("")));
    }
    ("newest first", links.logs(&view.sorted("old")))
}

fn freshness(until: i64, now: i64) -> String {
    match now.saturating_sub(until) {
        ..1_000_000 => "up to now".to_owned(),
        lag => format!("indexed to {} ago", format::duration(lag)),
    }
}

/// Longer windows, and the query without each of its clauses.
fn empty(view: &View, chips: &Chips, links: &Links) -> Empty {
    let TimeRange { from, to } = view.window.range();
    let longer = ["24h", "7d", "30d"].iter().filter_map(|preset| {
        let window = Window::parse(Some(preset), None, view.window.now);
        let range = window.range();
        let is_longer = range.from < from && range.to >= to;
        is_longer.then(|| ((*preset).to_owned(), links.logs(&view.within(window))))
    });
    let without = chips.0.iter().enumerate().filter(|(_, chip)| chip.enabled).map(|(at, chip)| {
        let q = chips.clone().toggled(at).to_string();
        (chip.query.to_string(), links.logs(&view.query(q)))
    });
    Empty { wider: longer.collect(), without: without.collect() }
}
