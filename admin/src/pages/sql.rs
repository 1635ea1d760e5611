//! SQL over all requests: statements by the time they took together, how often they ran or how long one
//! takes, and the request where each was slowest. Where the service measures its statements the figures
//! are of all runs; texts, slowest runs and what repeats come from the requests that were kept in full,
//! and so do figures when only some requests are asked for, which no metric can tell apart.

pub mod plan;
pub mod statement;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use logsearch::fields;
use logsearch::query::{Query, parse};
use logsearch::record::{LogRecord, ValueRef};
use logsearch::store::{MAX_PAGE, Search};

use super::logs::rows::text_of;
use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::{Links, View};
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::data::profile;
use crate::format;
use crate::metrics::{Cost, Costs};
use crate::ui::layout::{Layout, Section, render};

#[derive(Template)]
#[template(path = "sql.html")]
struct SqlPage {
    layout: Layout,
    notices: Vec<String>,
    requests: String,
    looked_at: String,
    is_cut: bool,
    /// The figures are of all runs since this time.
    measured_since: Option<String>,
    sorts: Vec<(&'static str, String, bool)>,
    rows: Vec<SqlRow>,
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

/// What a list is sorted by, the largest first.
type Figure = fn(&Group) -> i64;

/// What statements can be sorted by: parameter, title, figure.
const SORTS: [(&str, &str, Figure); 4] = [
    ("", "total time", |group| group.cost.micros),
    ("times", "most runs", |group| group.cost.times.cast_signed()),
    ("p95", "highest p95", |group| group.cost.p95.unwrap_or(0)),
    ("repeats", "most N+1", |group| group.repeated.cast_signed()),
];

/// One statement over many requests.
#[derive(Default)]
struct Group {
    name: String,
    /// Empty when no run was kept.
    sql: String,
    /// The time of its newest record.
    newest: i64,
    /// A newer text has its name, and so the figures of all runs.
    is_replaced: bool,
    callsite: String,
    /// Of kept runs, until that of all is known.
    cost: Cost,
    /// What one run took, of each record; ascending once the group is whole.
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
    let mut groups: Vec<Group> = groups(&page.records).into_values().collect();
    let costs = costs(&panel, &view);
    if let Some(costs) = &costs {
        measure(&mut groups, costs);
    }
    let sort = SORTS.iter().find(|(name, ..)| *name == view.sort).unwrap_or(&SORTS[0]);
    let by_text = |left: &Group, right: &Group| left.sql.cmp(&right.sql);
    groups.sort_by(|a, b| sort.2(b).cmp(&sort.2(a)).then_with(|| by_text(a, b)));
    render(&SqlPage {
        layout: Layout::new(&panel, &operator, Section::Requests, "SQL", "/requests/sql", &view),
        notices: parsed.notices.iter().map(ToString::to_string).collect(),
        requests: panel.links.page("/requests", &view.sorted("")),
        looked_at: format::plural(page.records.len() as u64, "record"),
        is_cut: page.next.is_some(),
        measured_since: costs.map(|costs| format::minute(costs.since)),
        sorts: SORTS
            .iter()
            .map(|(name, title, _)| {
                (*title, panel.links.page("/requests/sql", &view.sorted(*name)), *name == sort.0)
            })
            .collect(),
        rows: groups.iter().map(|group| group.row(&view, &panel.links)).collect(),
    })
}

/// What all runs cost, unless only some requests are asked for.
fn costs(panel: &Panel, view: &View) -> Option<Costs> {
    let range = view.window.range();
    let metrics = panel.metrics.as_ref().filter(|_| view.q.trim().is_empty())?;
    metrics.statements(range.from, range.to)
}

/// Puts the figures of all runs in the place of those of kept ones, and adds statements of which none
/// was kept. Metrics know names alone: of two texts of one name, as around a deployment, the newer one
/// gets them.
fn measure(groups: &mut Vec<Group>, costs: &Costs) {
    let mut kept = HashSet::new();
    groups.sort_by_key(|group| Reverse(group.newest));
    for group in &mut *groups {
        let Some(cost) = costs.statements.get(&group.name) else { continue };
        if kept.insert(group.name.clone()) {
            group.cost = *cost;
        } else {
            group.is_replaced = true;
        }
    }
    let others = costs.statements.iter().filter(|(name, _)| !kept.contains(*name));
    groups.extend(others.map(|(name, cost)| Group {
        name: name.clone(),
        cost: *cost,
        ..Group::default()
    }));
}

fn groups(records: &[LogRecord]) -> HashMap<String, Group> {
    let mut groups: HashMap<String, Group> = HashMap::new();
    for record in profile::told_once(records) {
        let one = profile::statement(record, record.timestamp);
        let group = groups.entry(one.sql.clone()).or_default();
        group.sql.clone_from(&one.sql);
        group.newest = group.newest.max(record.timestamp);
        let each = one.micros / i64::try_from(one.times).unwrap_or(1).max(1);
        group.cost.times += one.times;
        group.cost.micros += one.micros;
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
        group.cost.p95 = Some(group.each[(group.each.len() - 1) * 95 / 100]);
    }
    groups
}

impl Group {
    fn row(&self, view: &View, links: &Links) -> SqlRow {
        let sql = &self.sql;
        let (max, worst) = self.worst.clone().unzip();
        let worst = worst.unwrap_or_default();
        let clause = Query::value_clause(fields::DB_QUERY, ValueRef::Str(sql)).to_string();
        let some = |count: u64| if count > 0 { format::count(count) } else { String::new() };
        SqlRow {
            name: self.name.clone(),
            sql: sql.clone(),
            is_replaced: self.is_replaced,
            callsite: self.callsite.clone(),
            times: format::count(self.cost.times),
            total: format::duration(self.cost.micros),
            p95: format::duration(self.cost.p95.unwrap_or(0)),
            max: max.map(format::duration).unwrap_or_default(),
            failed: some(self.failed),
            repeated: some(self.repeated),
            worst: if worst.is_empty() { String::new() } else { links.request(&worst) },
            records: links.logs(&view.query(clause)),
            page: links.page_in(&statement::path(sql), &view.window),
        }
    }
}
