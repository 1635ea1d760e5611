//! One SQL statement across all requests, at its own address: how long it takes, and of those that were
//! kept where it was slowest, who runs it, and which requests repeat it.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use logsearch::fields;
use logsearch::query::Query;
use logsearch::record::ValueRef;
use logsearch::store::{MAX_PAGE, Search};

use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::{Links, cursor, path};
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::data::profile;
use crate::data::record::text_of;
use crate::data::statements::{Run, kept_cost, run, text_for};
use crate::format;
use crate::metrics::Cost;
use crate::ui::charts::Sparkline;
use crate::ui::layout::{Layout, Section, render};

/// Runs per list.
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
    let search = Search::new(clause).within(view.window.range()).limit(MAX_PAGE);
    let page = panel.store.search(&search).await?;
    let mut runs: Vec<Run> =
        profile::dedup_statements(&page.records).into_iter().map(run).collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.each));
    let name = runs.first().map_or_else(String::new, |run| run.statement.name.clone());
    let repeating = runs.iter().filter(|run| run.statement.is_repeated());
    let times: Vec<i64> = page.records.iter().map(|record| record.timestamp).collect();
    let range = view.window.range();
    let metrics = panel.host.metrics();
    let costs = metrics.and_then(|metrics| metrics.statements(range.from, range.to));
    let cost = costs.as_ref().and_then(|costs| costs.statements.get(&name));
    let path = Links::statement_path(&sql);
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
        plan: panel
            .host
            .plans()
            .map(|_| panel.links.page_in(&Links::plan_path(&sql), &view.window)),
        all: panel.links.page_in(path::SQL, &view.window),
        name,
        sql,
    })
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
