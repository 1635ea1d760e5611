//! A rule that fired: where a notification leads. On one screen the newest line of its evidence, opened,
//! with the link to its request; when; what differs from before; which errors. Shows one time that the
//! rule fired, the newest unless another is asked for, and the last hour when none is known.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use logsearch::query::{Query, parse};
use logsearch::store::{Search, SearchPage};

use super::differences::DifferencesView;
use super::known::{AcknowledgeForm, AlertState, Known, TimeRow, state};
use super::response::RunbookView;
use super::{acknowledged, severity_class, telling_labels};
use crate::context::error::PanelError;
use crate::context::links::{Links, View, path};
use crate::context::panel::Panel;
use crate::data::comparison::{self, Differences};
use crate::data::errors;
use crate::data::summary::{self, Timeline};
use crate::format;
use crate::pages::errors::rows::{GroupRow, groups_of, table};
use crate::pages::logs::rows::{Row, Rows, column_title};
use crate::pages::marks;
use crate::pages::visit::Visit;
use crate::ui::charts::{Histogram, Marks};
use crate::ui::layout::{Layout, Section, render};
use crate::ui::table::Table;

/// Log records shown.
const LINES: usize = 10;
/// Error groups shown.
const GROUPS: usize = 8;

#[derive(Template)]
#[template(path = "alert.html")]
struct AlertPage {
    layout: Layout,
    rule: String,
    notices: Vec<String>,
    severity: String,
    class: &'static str,
    state: Option<AlertState>,
    summary: String,
    description: String,
    labels: Vec<(String, String)>,
    values: Vec<(String, String)>,
    places: Vec<(String, String)>,
    runbook: String,
    response: RunbookView,
    acknowledged: String,
    form: Option<AcknowledgeForm>,
    q: String,
    total: String,
    incomplete: Option<&'static str>,
    histogram: Histogram,
    columns: Vec<String>,
    rows: Vec<Row>,
    logs: String,
    all_logs: String,
    requests: String,
    inbox: String,
    differences: DifferencesView,
    groups: Table<GroupRow>,
    errors: String,
    times: Vec<TimeRow>,
}

/// What the records of a window say about a rule.
struct Evidence {
    /// The rule's own query as text; empty for all errors.
    q: String,
    query: Query,
    notices: Vec<String>,
    timeline: Timeline,
    page: SearchPage,
    differences: Differences,
    groups: Vec<GroupRow>,
    marks: Marks,
}

/// `GET /alerts/{rule}`.
pub async fn show(visit: Visit, Path(name): Path<String>) -> Result<Response, PanelError> {
    let mut known = Known::find(&visit.panel, name, visit.params.get("at")).await;
    known.can_acknowledge &= visit.operator.may_change();
    let view = visit.params.frame_of(known.window(&visit.params, visit.panel.now()));
    let evidence = Evidence::load(&visit.panel, &known, &view).await?;
    let path = known.path(visit.params.get("at"));
    let layout = visit.layout(Section::Alerts, &known.name, &path, &view);
    render(&AlertPage::new((layout, &path), known, evidence, &view, &visit.panel.links))
}

impl Evidence {
    async fn load(panel: &Panel, known: &Known, view: &View) -> Result<Self, PanelError> {
        let q = known.text("logs_query", |rule| &rule.logs_query);
        let parsed = parse(&q);
        let query = if q.is_empty() { errors::errors(&Query::All) } else { parsed.query };
        let (store, links, range) = (panel.store.as_ref(), &panel.links, view.window.range());
        let newest = Search::new(query.clone()).within(range).limit(LINES);
        let (timeline, page, differences, groups, mut marks) = tokio::try_join!(
            summary::timeline(store, range, &query),
            store.search(&newest),
            comparison::differences(store, &view.window, links.base()),
            groups_of(store, view, links, &Query::All),
            async { Ok(marks::of_window(panel, view).await) },
        )?;
        // Here it is about this rule; the inbox has the others.
        marks.bands.retain(|band| band.label == known.name);
        let notices = parsed.notices.iter().map(ToString::to_string).collect();
        Ok(Self { q, query, notices, timeline, page, differences, groups, marks })
    }
}

impl AlertPage {
    fn new(
        (layout, here): (Layout, &str),
        known: Known,
        evidence: Evidence,
        view: &View,
        links: &Links,
    ) -> Self {
        let now = view.window.now;
        let of_query = view.query(evidence.query.to_string());
        let columns = view.shown_columns();
        let chosen = known.chosen.as_ref();
        let severity = known.severity();
        let (places, runbook) = known.places();
        Self {
            layout,
            class: severity_class(&severity),
            severity,
            state: chosen.map(|alert| state(alert, now)),
            form: known.acknowledge_form(links),
            acknowledged: chosen.map(|alert| acknowledged(alert, now)).unwrap_or_default(),
            summary: known.title(),
            description: known.text("description", |rule| &rule.description),
            labels: chosen.map(telling_labels).unwrap_or_default(),
            values: chosen.into_iter().flat_map(|alert| alert.values.clone()).collect(),
            places,
            runbook,
            total: format::plural(evidence.timeline.total(), "record"),
            incomplete: evidence.page.incomplete(),
            histogram: marks::histogram(
                &evidence.timeline,
                evidence.marks,
                &of_query,
                links,
                path::LOGS,
            ),
            rows: rows(&evidence.page, &evidence.query, &columns, view, links),
            columns: columns.iter().map(|column| column_title(column)).collect(),
            logs: links.logs(&of_query),
            all_logs: links.logs(view),
            requests: links.page_in(path::REQUESTS, &view.window),
            inbox: links.path(path::ALERTS),
            differences: DifferencesView::new(&evidence.differences, view, links),
            groups: table(evidence.groups, view, links, here).first(GROUPS),
            errors: links.page_in(path::ERRORS, &view.window),
            times: known.time_rows(now, links),
            notices: [known.notices, evidence.notices].concat(),
            q: evidence.q,
            response: known.runbook,
            rule: known.name,
        }
    }
}

/// The newest one is opened: its fields are what a click on the notification is for.
fn rows(
    page: &SearchPage,
    query: &Query,
    columns: &[String],
    view: &View,
    links: &Links,
) -> Vec<Row> {
    let mut rows = Rows::new(links, columns, view).marking(query).list(&page.records);
    if let Some(newest) = rows.first_mut() {
        newest.is_open = true;
    }
    rows
}
