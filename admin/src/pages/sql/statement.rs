//! One SQL statement across all requests, at its own address: how long it takes, and of those that were
//! kept where it was slowest, who runs it, and which requests repeat it.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use logsearch::fields;
use logsearch::query::Query;
use logsearch::record::ValueRef;
use logsearch::store::{MAX_PAGE, Search, SearchPage};

use crate::context::error::PanelError;
use crate::context::links::{Links, View, cursor, path};
use crate::context::panel::Panel;
use crate::data::profile;
use crate::data::record::text_of;
use crate::data::statements::{Run, kept_cost, run, text_for};
use crate::format;
use crate::metrics::Cost;
use crate::pages::visit::Visit;
use crate::ui::charts::Sparkline;
use crate::ui::layout::{Layout, Section, render};
use crate::ui::table::{Column, Table, figure, number, text};

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
    slowest: Table<Example>,
    repeating: Table<Example>,
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
pub async fn show(visit: Visit, Path(fingerprint): Path<String>) -> Result<Response, PanelError> {
    let view = visit.frame();
    let sql = text_for(&visit.panel, &view, &fingerprint).await?;
    let path = Links::statement_path(&sql);
    let layout = visit.layout(Section::Requests, &format::title(&sql), &path, &view);
    let search = Search::new(of_statement(&sql)).within(view.window.range()).limit(MAX_PAGE);
    let page = visit.panel.store.search(&search).await?;
    render(&StatementPage::new(layout, &visit.panel, &view, &page, sql))
}

/// The columns of a list of runs.
fn columns<'a, 'r>() -> [Column<&'a Run<'r>>; 4] {
    [
        figure("time", |run: &&Run| number(Some(run.record.timestamp))),
        text("request", |run: &&Run| text_of(run.record, fields::ROUTE).unwrap_or_default()),
        figure("avg", |run: &&Run| number(Some(run.each))),
        figure("runs", |run: &&Run| number(Some(run.statement.times.cast_signed()))),
    ]
}

/// The records of a statement.
fn of_statement(sql: &str) -> Query {
    Query::value_clause(fields::DB_QUERY, ValueRef::Str(sql))
}

impl StatementPage {
    fn new(layout: Layout, panel: &Panel, view: &View, page: &SearchPage, sql: String) -> Self {
        let (links, range) = (&panel.links, view.window.range());
        let runs = profile::dedup_statements(&page.records).into_iter().map(run);
        let mut runs: Vec<Run> = runs.collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.each));
        let name = runs.first().map_or_else(String::new, |run| run.statement.name.clone());
        let metrics = panel.host.metrics();
        let costs = metrics.and_then(|metrics| metrics.statements(range.from, range.to));
        let cost = costs.as_ref().and_then(|costs| costs.statements.get(&name));
        let times: Vec<i64> = page.records.iter().map(|record| record.timestamp).collect();
        let repeating = runs.iter().filter(|run| run.statement.is_repeated());
        let here = Links::statement_path(&sql);
        let examples = |name, runs| {
            let at = (view, links, here.as_str());
            Table::new(name, &columns(), runs, at, |run| example(run, links))
        };
        let plan = || links.page_in(&Links::plan_path(&sql), &view.window);
        Self {
            layout,
            is_cut: page.next.is_some(),
            facts: facts(&runs, cost),
            measured_since: cost.and(costs.as_ref()).map(|costs| format::minute(costs.since)),
            spark: Sparkline::of_times(&times, range.from, range.to),
            callsites: counts(&runs, |run| Some(run.statement.callsite.clone())),
            routes: counts(&runs, |run| text_of(run.record, fields::ROUTE)),
            slowest: examples("slowest", runs.iter().take(EXAMPLES).collect()),
            repeating: examples("repeating", repeating.take(EXAMPLES).collect()),
            records: links.logs(&view.query(of_statement(&sql).to_string())),
            plan: panel.host.plans().map(|_| plan()),
            all: links.page_in(path::SQL, &view.window),
            name,
            sql,
        }
    }
}

/// Of all runs where they are measured, else of the kept ones.
fn facts(runs: &[Run], measured: Option<&Cost>) -> Vec<(&'static str, String)> {
    let mut cost = measured.copied().unwrap_or_else(|| kept_cost(runs));
    let slowest = cost.reconcile(runs.first().map(|run| run.each));
    let duration = |micros: Option<i64>| micros.map_or_else(|| "–".to_owned(), format::duration);
    let failed = runs.iter().filter(|run| run.statement.failed).count();
    let repeated = runs.iter().filter(|run| run.statement.is_repeated()).count();
    let mut facts = vec![
        ("runs", format::count(cost.times)),
        ("total", format::duration(cost.micros)),
        ("p50", duration(cost.p50)),
        ("p95", duration(cost.p95)),
        ("slowest", super::slowest(slowest).unwrap_or_else(|| "–".to_owned())),
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

fn example(run: &Run, links: &Links) -> Example {
    let request = text_of(run.record, fields::REQUEST_ID);
    Example {
        when: format::day_time(run.record.timestamp),
        event: links.event(cursor(run.record)),
        request: request.map(|id| links.request(&id)).unwrap_or_default(),
        route: text_of(run.record, fields::ROUTE).unwrap_or_default(),
        each: format::duration(run.each),
        times: format::count(run.statement.times),
        failed: run.statement.failed,
    }
}
