//! The service itself: how the log store is doing, which levels are recorded, the jobs, what runs, and
//! who did what. What changes something needs the role operator and leaves an audit record.

mod backups;
pub mod operators;
pub mod replicas;
mod store;

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use logsearch::fields;
use logsearch::filter::Levels;
use logsearch::query::Query;
use logsearch::record::ValueRef;
use logsearch::store::Search;

use super::logs::rows::{Row, Rows};
use super::outages::{OutageLine, outages, short_of_space};
use super::system::backups::BackupView;
use super::system::replicas::ReplicasView;
use super::system::store::StoreView;
use crate::access::audit::audit;
use crate::access::forms::OperatorForm;
use crate::context::error::PanelError;
use crate::context::links::{View, path};
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::data::timeline::or_notice;
use crate::format;
use crate::host::{AlertingNotice, Alerts, Job, Run};
use crate::pages::visit::Visit;
use crate::ui::layout::{Layout, Section, render};
use crate::ui::table::{Column, Table, figure, number, text, unsorted};
use crate::ui::tabs::{self, Tab};

/// Audit records shown.
const AUDIT: usize = 50;
/// How long a changed level may hold, in minutes.
const MINUTES: [u64; 4] = [5, 15, 60, 240];

#[derive(Template)]
#[template(path = "system.html")]
struct SystemPage {
    layout: Layout,
    tabs: Vec<Tab>,
    may_change: bool,
    outages: Vec<OutageLine>,
    store: StoreView,
    notices: Vec<String>,
    replicas: ReplicasView,
    backup: Option<BackupView>,
    levels: Option<LevelsView>,
    alerting: Vec<AlertingNotice>,
    jobs: Table<JobRow>,
    build: BuildView,
    external_links: Vec<(String, String)>,
    audit: Vec<Row>,
    audit_url: String,
}

/// What runs.
struct BuildView {
    facts: Vec<(String, String)>,
    /// URL of the comparison of before and after the deployment.
    compare: Option<String>,
}

struct LevelsView {
    current: String,
    remaining: String,
    action: String,
    minutes: [u64; 4],
}

struct JobRow {
    job: Job,
    last: String,
    last_full: String,
    next: String,
    next_full: String,
    failed: String,
    class: &'static str,
    run: String,
    logs: String,
}

/// `GET /system`.
pub async fn show(visit: Visit) -> Result<Response, PanelError> {
    let (panel, view) = (&visit.panel, visit.frame());
    let audit = Query::has_field("event.action");
    let search = Search::new(audit.clone()).within(view.window.range()).limit(AUDIT);
    let (status, page) = tokio::try_join!(panel.store.status(), panel.store.search(&search))?;
    let mut notices = [short_of_space(panel), status.notices.clone()].concat();
    let jobs = match panel.host.jobs() {
        Some(jobs) => or_notice(jobs.list().await, "jobs", &mut notices),
        None => Vec::new(),
    };
    let build = build(panel, view.window.now, &mut notices).await;
    let columns = ["user".to_owned(), "action".to_owned()];
    render(&SystemPage {
        layout: visit.layout(Section::System, "System", path::SYSTEM, &view),
        tabs: tabs::of(panel, path::SYSTEM, &view),
        may_change: visit.operator.may_change(),
        outages: outages(panel),
        store: StoreView::new(&status, &panel.pipeline, &view, &panel.links),
        notices,
        replicas: replicas::view(panel, view.window.now),
        backup: backups::view(panel, view.window.now),
        levels: levels(panel),
        alerting: panel.host.alerts().map(Alerts::notices).unwrap_or_default(),
        jobs: job_table(jobs, visit.operator.may_change(), &view, panel),
        build,
        external_links: panel.service.external_links.clone(),
        audit: Rows::new(&panel.links, &columns, &view).list(&page.records),
        audit_url: panel.links.logs(&view.query(audit.to_string())),
    })
}

/// What runs, and since when as far as the host knows.
async fn build(panel: &Panel, now: i64, notices: &mut Vec<String>) -> BuildView {
    let mut facts = panel.service.build_info.clone();
    let latest = match panel.host.deploys() {
        Some(host) => or_notice(host.latest().await, "deployments", notices),
        None => None,
    };
    let compare = latest.map(|deploy| {
        let text = format!("{} {}", format::ago(deploy.at, now), deploy.note);
        facts.push(("deployed".to_owned(), text.trim_end().to_owned()));
        panel.links.compare_since(deploy.at, now)
    });
    BuildView { facts, compare }
}

fn levels(panel: &Panel) -> Option<LevelsView> {
    let levels = panel.pipeline.levels.as_ref()?;
    let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    Some(LevelsView {
        current: levels.levels().to_string(),
        remaining: levels.remaining().map(|left| format::about(micros(left))).unwrap_or_default(),
        action: panel.links.path(path::LEVELS),
        minutes: MINUTES,
    })
}

/// The columns of the jobs; the last one is for those who may start them.
const JOB_COLUMNS: [Column<Job>; 7] = [
    text("job", |job| job.name.clone()),
    text("schedule", |job| job.schedule.clone()),
    figure("last run", |job| number(job.last)),
    text("outcome", |job| job.outcome.clone()),
    figure("last failure", |job| number(job.failed)),
    figure("next", |job| number(job.next.map(i64::saturating_neg))),
    unsorted("manual"),
];

fn job_table(jobs: Vec<Job>, may_change: bool, view: &View, panel: &Panel) -> Table<JobRow> {
    let columns = &JOB_COLUMNS[..JOB_COLUMNS.len() - usize::from(!may_change)];
    let at = (view, &panel.links, path::SYSTEM);
    Table::new("jobs", columns, jobs, at, |job| job_row(job, view, panel))
}

fn job_row(job: Job, view: &View, panel: &Panel) -> JobRow {
    let now = view.window.now;
    let full = |at: Option<i64>| at.map(format::rfc3339_short).unwrap_or_default();
    let clause = Query::value_clause(fields::JOB, ValueRef::Str(&job.name)).to_string();
    JobRow {
        last: job.last.map_or_else(|| "never".to_owned(), |at| format::ago(at, now)),
        last_full: full(job.last),
        next: job
            .next
            .map_or_else(String::new, |at| format!("in {}", format::about(at.saturating_sub(now)))),
        next_full: full(job.next),
        failed: job.failed.map_or_else(|| "never".to_owned(), |at| format::ago(at, now)),
        class: if job.outcome == "failure" { "error" } else { "" },
        run: panel.links.job(&job.name),
        logs: panel.links.logs(&view.query(clause)),
        job,
    }
}

/// To the page that the form stood on.
fn back(panel: &Panel, form: &Params) -> Response {
    Redirect::to(&panel.links.page(path::SYSTEM, &form.frame(panel.now()))).into_response()
}

/// `POST /system/levels`: changes the log levels temporarily, or restores the configured ones.
pub async fn set_levels(
    State(panel): State<Arc<Panel>>,
    OperatorForm { by, form }: OperatorForm,
) -> Result<Response, PanelError> {
    let control = panel.pipeline.levels.as_ref().ok_or(PanelError::NotFound)?;
    let text = form.get("levels").unwrap_or_default();
    let levels = Levels::parse(text).map_err(|error| PanelError::Invalid(format!("{error}.")))?;
    let minutes = form.get("minutes").and_then(|text| text.parse().ok());
    let minutes = minutes.filter(|minutes| MINUTES.contains(minutes)).unwrap_or(MINUTES[0]);
    let before = control.levels().to_string();
    control
        .set_for(levels, Duration::from_mins(minutes))
        .map_err(|error| PanelError::Invalid(format!("Levels not changed: {error}.")))?;
    audit!("levels.set", by, { logs.levels = text, logs.levels.before = before, logs.levels.duration_s = minutes * 60 }, "log levels changed");
    Ok(back(&panel, &form))
}

/// `POST /system/jobs/{name}`: starts a run.
pub async fn run_job(
    State(panel): State<Arc<Panel>>,
    Path(name): Path<String>,
    OperatorForm { by, form }: OperatorForm,
) -> Result<Response, PanelError> {
    let jobs = panel.host.jobs().ok_or(PanelError::NotFound)?;
    match jobs.run(&name).await? {
        Run::Started => {}
        Run::Busy => {
            let sentence = format!("{name} is already running; try again when it has finished.");
            return Err(PanelError::Refused(sentence));
        }
        Run::Unknown => return Err(PanelError::NotFound),
    }
    audit!("job.run", by, { job.name = name }, "job started manually");
    Ok(back(&panel, &form))
}
