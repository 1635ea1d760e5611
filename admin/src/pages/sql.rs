//! SQL over all requests that were kept in full: statements by the time they took together, how often
//! they ran, and the request where each was slowest.

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

/// One statement over many requests.
#[derive(Default)]
struct Group {
    name: String,
    callsite: String,
    times: u64,
    micros: i64,
    each: Vec<i64>,
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
    groups.sort_by(|(a, left), (b, right)| right.micros.cmp(&left.micros).then(a.cmp(b)));
    render(&SqlPage {
        layout: Layout::new(&panel, &operator, Section::Requests, "SQL", "/requests/sql", &view),
        notices: parsed.notices.iter().map(ToString::to_string).collect(),
        requests: panel.links.page("/requests", &view),
        looked_at: format::plural(page.records.len() as u64, "record"),
        is_cut: page.next.is_some(),
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
    groups
}

impl Group {
    fn row(&self, sql: &str, view: &View, links: &Links) -> SqlRow {
        let mut each = self.each.clone();
        each.sort_unstable();
        let p95 = each.get(each.len().saturating_sub(1) * 95 / 100).copied().unwrap_or(0);
        let (max, worst) = self.worst.clone().unwrap_or_default();
        let clause = Query::value_clause(fields::DB_QUERY, ValueRef::Str(sql)).to_string();
        let some = |count: u64| if count > 0 { format::count(count) } else { String::new() };
        SqlRow {
            name: self.name.clone(),
            sql: sql.to_owned(),
            callsite: self.callsite.clone(),
            times: format::count(self.times),
            total: format::duration(self.micros),
            p95: format::duration(p95),
            max: format::duration(max),
            failed: some(self.failed),
            repeated: some(self.repeated),
            worst: if worst.is_empty() { String::new() } else { links.request(&worst) },
            records: links.logs(&view.query(clause)),
            page: links.page_in(&statement::path(sql), &view.window),
        }
    }
}
