//! SQL over all requests that were kept in full: statements by the time they took together, how often
//! they ran or how long one takes, and the request where each was slowest.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use logsearch::fields;
use logsearch::query::{Query, parse};
use logsearch::record::{LogRecord, ValueRef};
use logsearch::store::{MAX_PAGE, Search};

use super::record::text_of;
use super::{profile, statement};
use crate::error::PanelError;
use crate::format;
use crate::layout::{Layout, Section, render};
use crate::links::{Links, View};
use crate::operator::Operator;
use crate::panel::Panel;
use crate::params::Params;

#[derive(Template)]
#[template(path = "sql.html")]
struct SqlPage {
    layout: Layout,
    notices: Vec<String>,
    requests: String,
    looked_at: String,
    is_cut: bool,
    sorts: Vec<(&'static str, String, bool)>,
    rows: Vec<SqlRow>,
}

struct SqlRow {
    name: String,
    sql: String,
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

/// What a list is sorted by, the largest first.
type Figure = fn(&Group) -> i64;

/// What statements can be sorted by: parameter, title, figure.
const SORTS: [(&str, &str, Figure); 4] = [
    ("", "most time overall", |group| group.micros),
    ("times", "most runs", |group| group.times.cast_signed()),
    ("p95", "highest p95", |group| group.p95),
    ("repeats", "most N+1", |group| group.repeated.cast_signed()),
];

/// One statement over many requests.
#[derive(Default)]
struct Group {
    name: String,
    callsite: String,
    times: u64,
    micros: i64,
    /// What one run took, of each record; ascending once the group is whole.
    each: Vec<i64>,
    p95: i64,
    failed: u64,
    repeated: u64,
    worst: Option<(i64, String)>,
}

/// `GET /requests/sql`.
pub async fn show(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    params: Params,
) -> Result<Response, PanelError> {
    let view = params.view(panel.now());
    let parsed = parse(&view.q);
    let query = parsed.chips.clone().with(Query::has_field(fields::DB_QUERY)).query();
    let search = Search {
        range: view.window.range(),
        query: Arc::new(query),
        ascending: false,
        after: None,
        limit: MAX_PAGE,
    };
    let page = panel.store.search(&search).await?;
    let mut groups: Vec<(String, Group)> = groups(&page.records).into_iter().collect();
    let sort = SORTS.iter().find(|(name, ..)| *name == view.sort).unwrap_or(&SORTS[0]);
    groups.sort_by(|(a, left), (b, right)| sort.2(right).cmp(&sort.2(left)).then(a.cmp(b)));
    render(&SqlPage {
        layout: Layout::new(&panel, &operator, Section::Requests, "SQL", "/requests/sql", &view),
        notices: parsed.notices.iter().map(ToString::to_string).collect(),
        requests: panel.links.page("/requests", &view.sorted("")),
        looked_at: format::plural(page.records.len() as u64, "record"),
        is_cut: page.next.is_some(),
        sorts: SORTS
            .iter()
            .map(|(name, title, _)| {
                (*title, panel.links.page("/requests/sql", &view.sorted(*name)), *name == sort.0)
            })
            .collect(),
        rows: groups.iter().map(|(sql, group)| group.row(sql, &view, &panel.links)).collect(),
    })
}

fn groups(records: &[LogRecord]) -> HashMap<String, Group> {
    let mut groups: HashMap<String, Group> = HashMap::new();
    for record in records {
        let one = profile::statement(record, record.timestamp);
        let group = groups.entry(one.sql.clone()).or_default();
        let each = one.micros / i64::try_from(one.times).unwrap_or(1).max(1);
        group.times += one.times;
        group.micros += one.micros;
        group.each.push(each);
        group.failed += u64::from(one.failed);
        group.repeated += u64::from(one.is_repeated());
        if group.worst.as_ref().is_none_or(|(worst, _)| each > *worst) {
            let request = text_of(record, fields::REQUEST_ID).unwrap_or_default();
            group.worst = Some((each, request));
        }
        group.name = one.name;
        group.callsite = one.callsite;
    }
    for group in groups.values_mut() {
        group.each.sort_unstable();
        group.p95 = group.each[(group.each.len() - 1) * 95 / 100];
    }
    groups
}

impl Group {
    fn row(&self, sql: &str, view: &View, links: &Links) -> SqlRow {
        let (max, worst) = self.worst.clone().unwrap_or_default();
        let clause = Query::value_clause(fields::DB_QUERY, ValueRef::Str(sql)).to_string();
        let some = |count: u64| if count > 0 { format::count(count) } else { String::new() };
        SqlRow {
            name: self.name.clone(),
            sql: sql.to_owned(),
            callsite: self.callsite.clone(),
            times: format::count(self.times),
            total: format::duration(self.micros),
            p95: format::duration(self.p95),
            max: format::duration(max),
            failed: some(self.failed),
            repeated: some(self.repeated),
            worst: if worst.is_empty() { String::new() } else { links.request(&worst) },
            records: links.logs(&view.query(clause)),
            page: links.page_in(&statement::path(sql), &view.window),
        }
    }
}
