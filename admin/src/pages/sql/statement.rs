//! One SQL statement across all requests, at its own address: how long it takes, and of those that were
//! kept where it was slowest, who runs it, and which requests repeat it.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use logsearch::fields;
use logsearch::query::Query;
use logsearch::record::{LogRecord, ValueRef};
use logsearch::store::{MAX_PAGE, Search};

use super::plan;
use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::{View, cursor};
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::data::profile::{self, Statement};
use crate::data::summary;
use crate::format;
use crate::metrics::Cost;
use crate::pages::logs::rows::text_of;
use crate::ui::charts::Sparkline;
use crate::ui::layout::{Layout, Section, render};

/// Different statements among which one is found by its fingerprint; no service has a tenth of them.
const STATEMENTS: usize = 5_000;
/// Runs of each list.
const EXAMPLES: usize = 10;

#[derive(Template)]
#[template(path = "statement.html")]
struct StatementPage {
    layout: Layout,
    name: String,
    sql: String,
    is_cut: bool,
    /// Times are of all runs since then.
    measured_since: Option<String>,
    facts: Vec<(&'static str, String)>,
    spark: Sparkline,
    callsites: Vec<(String, String)>,
    routes: Vec<(String, String)>,
    slowest: Vec<Example>,
    repeating: Vec<Example>,
    records: String,
    all: String,
    /// Where its plan is, if the host explains statements.
    plan: Option<String>,
}

/// A run, or the runs of one request that were folded.
struct Example {
    when: String,
    event: String,
    request: String,
    route: String,
    each: String,
    times: String,
    failed: bool,
}

/// A record with what it says of the statement.
struct Run<'a> {
    record: &'a LogRecord,
    statement: Statement,
    each: i64,
}

/// Where the page of a statement is, without its window.
pub fn path(sql: &str) -> String {
    format!("/requests/sql/{}", format::fingerprint(&[sql]))
}

/// `GET /requests/sql/{fingerprint}`.
pub async fn show(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    Path(fingerprint): Path<String>,
    params: Params,
) -> Result<Response, PanelError> {
    let view = params.frame(panel.now());
    let sql = text_for(&panel, &view, &fingerprint).await?.ok_or(PanelError::NotFound)?;
    let clause = Query::value_clause(fields::DB_QUERY, ValueRef::Str(&sql));
    let records = view.query(clause.to_string());
    let search = Search {
        range: view.window.range(),
        query: Arc::new(clause),
        ascending: false,
        after: None,
        limit: MAX_PAGE,
    };
    let page = panel.store.search(&search).await?;
    let mut runs: Vec<Run> = profile::told_once(&page.records).into_iter().map(run).collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.each));
    let name = runs.first().map_or_else(String::new, |run| run.statement.name.clone());
    let repeating = runs.iter().filter(|run| run.statement.is_repeated());
    let times: Vec<i64> = page.records.iter().map(|record| record.timestamp).collect();
    let range = view.window.range();
    let metrics = panel.metrics.as_ref();
    let costs = metrics.and_then(|metrics| metrics.statements(range.from, range.to));
    let cost = costs.as_ref().and_then(|costs| costs.statements.get(&name));
    let path = path(&sql);
    render(&StatementPage {
        layout: Layout::new(&panel, &operator, Section::Requests, "Statement", &path, &view),
        is_cut: page.next.is_some(),
        facts: facts(&runs, cost),
        measured_since: cost.and(costs.as_ref()).map(|costs| format::minute(costs.since)),
        spark: Sparkline::of_times(&times, range.from, range.to),
        callsites: counts(&runs, |run| Some(run.statement.callsite.clone())),
        routes: counts(&runs, |run| text_of(run.record, fields::ROUTE)),
        slowest: runs.iter().take(EXAMPLES).map(|run| example(run, &panel)).collect(),
        repeating: repeating.take(EXAMPLES).map(|run| example(run, &panel)).collect(),
        records: panel.links.logs(&records),
        plan: panel.plans.as_ref().map(|_| panel.links.page_in(&plan::path(&sql), &view.window)),
        all: panel.links.page_in("/requests/sql", &view.window),
        name,
        sql,
    })
}

/// The text of the statement with this fingerprint, if it ran in the window or around it.
pub async fn text_for(
    panel: &Panel,
    view: &View,
    fingerprint: &str,
) -> Result<Option<String>, PanelError> {
    for range in [view.window.range(), view.window.surroundings()] {
        let names = vec![fields::DB_QUERY.to_owned()];
        let has = Query::has_field(fields::DB_QUERY);
        let store = panel.store.as_ref();
        let top = summary::top_values(store, range, &has, names, STATEMENTS).await?;
        let texts = top.into_iter().flat_map(|top| top.values).map(|(text, _)| text);
        let found = texts.into_iter().find(|text| format::fingerprint(&[text]) == fingerprint);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn run(record: &LogRecord) -> Run<'_> {
    let statement = profile::statement(record, record.timestamp);
    let times = i64::try_from(statement.times).unwrap_or(i64::MAX).max(1);
    Run { record, each: statement.micros / times, statement }
}

/// What the kept runs, slowest first, come to.
fn kept_cost(runs: &[Run]) -> Cost {
    let slowest_of = |percent: usize| {
        let at = runs.len().saturating_sub(1) * (100 - percent) / 100;
        runs.get(at).map(|run| run.each)
    };
    Cost {
        times: runs.iter().map(|run| run.statement.times).sum(),
        micros: runs.iter().map(|run| run.statement.micros).sum(),
        p50: slowest_of(50),
        p95: slowest_of(95),
    }
}

/// Of all runs where they are measured, else of the kept ones.
fn facts(runs: &[Run], measured: Option<&Cost>) -> Vec<(&'static str, String)> {
    let cost = measured.copied().unwrap_or_else(|| kept_cost(runs));
    let duration = |micros: Option<i64>| micros.map_or_else(|| "–".to_owned(), format::duration);
    let failed = runs.iter().filter(|run| run.statement.failed).count();
    let repeated = runs.iter().filter(|run| run.statement.is_repeated()).count();
    let mut facts = vec![
        ("runs", format::count(cost.times)),
        ("total", format::duration(cost.micros)),
        ("p50", duration(cost.p50)),
        ("p95", duration(cost.p95)),
        ("slowest", duration(runs.first().map(|run| run.each))),
        ("kept requests", format::count(runs.len() as u64)),
    ];
    if failed > 0 {
        facts.push(("failed", format::count(failed as u64)));
    }
    if repeated > 0 {
        facts.push(("N+1", format::plural(repeated as u64, "request")));
    }
    facts
}

/// Values with how many runs have each, the most frequent first.
fn counts(runs: &[Run], value: impl Fn(&Run) -> Option<String>) -> Vec<(String, String)> {
    let mut counts = BTreeMap::<String, u64>::new();
    for run in runs {
        if let Some(value) = value(run).filter(|value| !value.is_empty()) {
            *counts.entry(value).or_default() += run.statement.times;
        }
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.into_iter().take(EXAMPLES).map(|(text, count)| (text, format::count(count))).collect()
}

fn example(run: &Run, panel: &Panel) -> Example {
    let request = text_of(run.record, fields::REQUEST_ID);
    Example {
        when: format::day_time(run.record.timestamp),
        event: panel.links.event(cursor(run.record)),
        request: request.map(|id| panel.links.request(&id)).unwrap_or_default(),
        route: text_of(run.record, fields::ROUTE).unwrap_or_default(),
        each: format::duration(run.each),
        times: format::count(run.statement.times),
        failed: run.statement.failed,
    }
}
