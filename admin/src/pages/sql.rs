//! SQL over all requests: statements by the time they took together, how often they ran or how long one
//! takes, and the request where each was slowest. Where the service measures its statements the figures
//! are of all runs; texts, slowest runs and what repeats come from the requests that were kept in full,
//! and so do figures when only some requests are asked for, which no metric can tell apart.

pub mod plan;
pub mod statement;

use askama::Template;
use axum::response::Response;
use logsearch::fields;
use logsearch::query::Query;
use logsearch::record::{LogRecord, ValueRef};
use logsearch::store::{MAX_PAGE, Search};

use super::query_box::{self, QueryBox};
use crate::context::error::PanelError;
use crate::context::links::{Links, View, path};
use crate::data::statements::{Group, costs, groups, measure};
use crate::format;
use crate::metrics::Costs;
use crate::pages::visit::Visit;
use crate::ui::layout::{Layout, Section, render};
use crate::ui::table::{Column, Table, figure, number, text};

#[derive(Template)]
#[template(path = "sql.html")]
struct SqlPage {
    layout: Layout,
    query: QueryBox,
    requests: String,
    looked_at: String,
    is_cut: bool,
    /// The figures are of all runs since this time.
    measured_since: Option<String>,
    sorts: [(&'static str, String, bool); SORTS.len()],
    rows: Table<SqlRow>,
}

struct SqlRow {
    name: String,
    sql: String,
    is_replaced: bool,
    callsite: String,
    times: String,
    total: String,
    p95: String,
    max: String,
    failed: String,
    repeated: String,
    worst: String,
    records: String,
    page: String,
}

/// Sort key, largest first.
type Figure = fn(&Group) -> i64;

/// What statements can be sorted by: parameter, title, figure.
const SORTS: [(&str, &str, Figure); 4] = [
    ("", "total time", |group| group.cost.micros),
    ("times", "most runs", |group| group.cost.times.cast_signed()),
    ("p95", "highest p95", |group| group.cost.p95.unwrap_or(0)),
    ("repeats", "most N+1", |group| group.repeated.cast_signed()),
];

/// The columns of the table.
const COLUMNS: [Column<Group>; 7] = [
    text("statement", |group| format!("{} {}", group.name, group.sql)),
    figure("total", |group| number(Some(group.cost.micros))),
    figure("runs", |group| number(Some(group.cost.times.cast_signed()))),
    figure("p95", |group| number(group.cost.p95)),
    figure("slowest", |group| number(group.worst.as_ref().map(|(micros, _)| *micros))),
    figure("failed", |group| number(Some(group.failed.cast_signed()))),
    figure("N+1", |group| number(Some(group.repeated.cast_signed()))),
];

/// `GET /requests/sql`.
pub async fn show(visit: Visit) -> Result<Response, PanelError> {
    let (panel, view) = (&visit.panel, visit.view());
    let parsed = query_box::read(panel, &view).await;
    if let Some(found) = query_box::jump(panel, &parsed).await {
        return Ok(found);
    }
    let query = parsed.query.clone().and(Query::has_field(fields::DB_QUERY));
    let search = Search::new(query).within(view.window.range()).limit(MAX_PAGE);
    let page = panel.store.search(&search).await?;
    let costs = costs(panel, &view);
    let sort = SORTS.iter().find(|(name, ..)| *name == view.sort).unwrap_or(&SORTS[0]);
    let groups = sorted_groups(&page.records, costs.as_ref(), sort.2);
    let at = (&view, &panel.links, path::SQL);
    let sorted = |name: &str| panel.links.page(path::SQL, &view.sorted(name));
    render(&SqlPage {
        layout: visit.layout(Section::Requests, "SQL", path::SQL, &view),
        query: QueryBox::new(&panel.links, path::SQL, &view, &parsed),
        requests: panel.links.page(path::REQUESTS, &view.sorted("")),
        looked_at: format::plural(page.records.len() as u64, "record"),
        is_cut: page.next.is_some(),
        measured_since: costs.map(|costs| format::minute(costs.since)),
        sorts: SORTS.map(|(name, title, _)| (title, sorted(name), name == sort.0)),
        rows: Table::new("statements", &COLUMNS, groups, at, |group| {
            row(&group, &view, &panel.links)
        }),
    })
}

/// The statements of these records, with the figures of all runs where they are known, largest first.
fn sorted_groups(records: &[LogRecord], costs: Option<&Costs>, figure: Figure) -> Vec<Group> {
    let mut groups: Vec<Group> = groups(records).into_values().collect();
    if let Some(costs) = costs {
        measure(&mut groups, costs);
    }
    groups.sort_by(|a, b| figure(b).cmp(&figure(a)).then_with(|| a.sql.cmp(&b.sql)));
    groups
}

fn row(group: &Group, view: &View, links: &Links) -> SqlRow {
    let sql = &group.sql;
    let worst = group.worst.as_ref().map(|(_, request)| request.clone()).unwrap_or_default();
    let clause = Query::value_clause(fields::DB_QUERY, ValueRef::Str(sql)).to_string();
    let some = |count: u64| if count > 0 { format::count(count) } else { String::new() };
    SqlRow {
        name: group.name.clone(),
        sql: sql.clone(),
        is_replaced: group.is_replaced,
        callsite: group.callsite.clone(),
        times: format::count(group.cost.times),
        total: format::duration(group.cost.micros),
        p95: format::duration(group.cost.p95.unwrap_or(0)),
        max: slowest(group.slowest).unwrap_or_default(),
        failed: some(group.failed),
        repeated: some(group.repeated),
        worst: if worst.is_empty() { String::new() } else { links.request(&worst) },
        records: links.logs(&view.query(clause)),
        page: links.page_in(&Links::statement_path(sql), &view.window),
    }
}

/// The slowest run as text: `≥ 1 ms` when the run itself was not kept.
fn slowest(slowest: Option<(i64, bool)>) -> Option<String> {
    let (micros, is_least) = slowest?;
    let text = format::duration(micros);
    Some(if is_least { format!("≥ {text}") } else { text })
}
