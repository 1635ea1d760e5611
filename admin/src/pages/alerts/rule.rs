//! A rule that fired: where a notification leads. On one screen the newest line of its evidence, opened,
//! with the link to its request; when; what differs from before; which errors. Shows one time that the
//! rule fired, the newest unless another is asked for, and the last hour when none is known.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use logsearch::query::{Query, parse};
use logsearch::store::{Search, SearchPage};

use super::differences::DifferencesView;
use super::{severity_class, telling_labels};
use crate::context::error::PanelError;
use crate::context::links::{Links, View, path};
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::context::window::{Bound, Window};
use crate::data::comparison::{self, Differences};
use crate::data::errors;
use crate::data::summary::{self, Timeline};
use crate::data::timeline::or_notice;
use crate::format::{self, SECOND};
use crate::host::{Alert, Alerts, Rule};
use crate::pages::errors::rows::{GroupRow, groups_of};
use crate::pages::logs::rows::{Row, Rows, column_title};
use crate::pages::marks;
use crate::pages::visit::Visit;
use crate::ui::charts::{Histogram, Marks};
use crate::ui::layout::{Layout, Section, render};

/// How long before the alert its window starts, in microseconds.
const BEFORE: i64 = 15 * 60 * SECOND;
/// Log records shown.
const LINES: usize = 10;
/// Error groups shown.
const GROUPS: usize = 8;
/// Firings of a rule listed.
const TIMES: usize = 50;

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
    q: String,
    total: String,
    partial: bool,
    histogram: Histogram,
    columns: Vec<String>,
    rows: Vec<Row>,
    logs: String,
    all_logs: String,
    requests: String,
    inbox: String,
    differences: DifferencesView,
    groups: Vec<GroupRow>,
    errors: String,
    times: Vec<TimeRow>,
}

/// State of the selected firing.
struct AlertState {
    fires: bool,
    text: String,
    started: String,
    last_received: String,
}

/// A row of the firing history.
struct TimeRow {
    url: String,
    when: String,
    lasts: String,
    fires: bool,
    labels: Vec<(String, String)>,
    is_here: bool,
}

/// A rule, its firings and the selected one.
struct Known {
    name: String,
    rule: Option<Rule>,
    times: Vec<Alert>,
    chosen: Option<Alert>,
    notices: Vec<String>,
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
    let known = Known::find(&visit.panel, name, visit.params.get("at")).await;
    let view = View::of(known.window(&visit.params, visit.panel.now()));
    let evidence = Evidence::load(&visit.panel, &known, &view).await?;
    let path = known.path(visit.params.get("at"));
    let layout = visit.layout(Section::None, &known.name, &path, &view);
    render(&AlertPage::new(layout, known, evidence, &view, &visit.panel.links))
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
    fn new(layout: Layout, known: Known, evidence: Evidence, view: &View, links: &Links) -> Self {
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
            summary: known.text("summary", |rule| &rule.summary),
            description: known.text("description", |rule| &rule.description),
            labels: chosen.map(telling_labels).unwrap_or_default(),
            values: chosen.into_iter().flat_map(|alert| alert.values.clone()).collect(),
            places,
            runbook,
            total: format::plural(evidence.timeline.total(), "record"),
            partial: evidence.page.partial,
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
            groups: evidence.groups.into_iter().take(GROUPS).collect(),
            errors: links.page_in(path::ERRORS, &view.window),
            times: known.time_rows(now, links),
            notices: [known.notices, evidence.notices].concat(),
            q: evidence.q,
            rule: known.name,
        }
    }
}

impl Known {
    async fn find(panel: &Panel, name: String, at: Option<&str>) -> Self {
        let mut known =
            Self { name, rule: None, times: Vec::new(), chosen: None, notices: Vec::new() };
        if let Some(host) = panel.host.alerts() {
            known.times =
                or_notice(host.of_rule(&known.name, TIMES).await, "alerts", &mut known.notices);
            known.chosen = known.asked_or_newest(host, at.and_then(|at| at.parse().ok())).await;
            known.rule = host.rules().into_iter().find(|rule| rule.name == known.name);
        }
        known.say_what_is_missing(panel.host.alerts().is_some());
        known
    }

    /// The firing with this id, or else the newest.
    async fn asked_or_newest(&mut self, host: &dyn Alerts, asked: Option<i64>) -> Option<Alert> {
        let listed = self.times.iter().find(|alert| Some(alert.id) == asked);
        if let (None, Some(id)) = (listed, asked) {
            let found = or_notice(host.find(id).await, "alert", &mut self.notices);
            let found = found.filter(|alert| alert.rule == self.name);
            if found.is_some() {
                return found;
            }
            if self.notices.is_empty() {
                let text = "This alert has been deleted after its retention period.";
                self.notices.push(text.to_owned());
            }
        }
        // What fires is of more interest than what began later and ended.
        let newest =
            || self.times.iter().find(|alert| alert.ended.is_none()).or(self.times.first());
        listed.or_else(newest).cloned()
    }

    fn say_what_is_missing(&mut self, is_kept: bool) {
        if self.chosen.is_some() || !self.notices.is_empty() {
            return;
        }
        let text = match (&self.rule, is_kept) {
            (Some(_), _) => "No firing of this rule is recorded. Showing the last hour.",
            (None, true) => {
                "Unknown rule: it is not configured here, and no notification for it was received. \
                 Showing the last hour."
            }
            (None, false) => {
                "This service does not pass its alerts to the panel. Showing the last hour."
            }
        };
        self.notices.push(text.to_owned());
    }

    /// The window: from 15 minutes before the firing to its end, unless the URL has one.
    fn window(&self, params: &Params, now: i64) -> Window {
        if params.get("from").is_some() || params.get("to").is_some() {
            return params.window(now);
        }
        let Some(alert) = &self.chosen else { return params.window(now) };
        let from = Bound::At(alert.started.saturating_sub(BEFORE));
        let to = alert.ended.map_or(Bound::Ago(0), Bound::At);
        Window { from, to, now, is_misread: false }
    }

    /// Path of this page without its window; keeps the selected firing.
    fn path(&self, at: Option<&str>) -> String {
        let chosen = self.chosen.as_ref().filter(|_| at.is_some());
        Links::alert_path(&self.name, chosen.map(|alert| alert.id))
    }

    /// An annotation of the notification, or of the rule as fallback.
    fn text(&self, annotation: &str, of_rule: impl Fn(&Rule) -> &String) -> String {
        let told = self.chosen.as_ref().map_or("", |alert| alert.annotation(annotation));
        if !told.is_empty() {
            return told.to_owned();
        }
        self.rule.as_ref().map(of_rule).cloned().unwrap_or_default()
    }

    fn severity(&self) -> String {
        let told = self.chosen.as_ref().map_or("", |alert| alert.label("severity"));
        let known = self.rule.as_ref().map_or("", |rule| rule.severity.as_str());
        if told.is_empty() { known } else { told }.to_owned()
    }

    /// External links, web URLs only, as notifications are untrusted; and the runbook if it is not
    /// a URL.
    fn places(&self) -> (Vec<(String, String)>, String) {
        let links =
            self.chosen.iter().flat_map(|alert| &alert.links).filter(|(_, url)| is_web(url));
        let mut links: Vec<_> = links.map(|(name, url)| (name.clone(), url.clone())).collect();
        // The host's own word first: a notification may name an address that is none from here.
        let own = self.rule.as_ref().map_or("", |rule| rule.runbook.as_str());
        let told = self.chosen.as_ref().map_or("", |alert| alert.annotation("runbook_url"));
        let runbook = if own.is_empty() { told } else { own };
        let is_path = !own.is_empty() && own.starts_with('/') && !own.starts_with("//");
        if !is_path && !is_web(runbook) {
            return (links, runbook.to_owned());
        }
        links.push(("runbook".to_owned(), runbook.to_owned()));
        (links, String::new())
    }

    fn time_rows(&self, now: i64, links: &Links) -> Vec<TimeRow> {
        let here = self.chosen.as_ref().map(|alert| alert.id);
        let row = |alert: &Alert| TimeRow {
            url: links.alert(&alert.rule, Some(alert.id)),
            when: format!("{} {}", format::day(alert.started), format::time(alert.started)),
            lasts: format::about(alert.duration(now)),
            fires: alert.ended.is_none(),
            labels: telling_labels(alert),
            is_here: Some(alert.id) == here,
        };
        self.times.iter().map(row).collect()
    }
}

/// Whether a URL is http or https, and not a script.
fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

fn state(alert: &Alert, now: i64) -> AlertState {
    let ago = |at: i64| format::ago(at, now);
    let text = match alert.ended {
        None => format!("firing for {}", format::about(alert.duration(now))),
        Some(ended) => {
            format!("resolved {} after {}", ago(ended), format::about(alert.duration(now)))
        }
    };
    AlertState {
        fires: alert.ended.is_none(),
        text,
        started: format!("{} {}", format::day(alert.started), format::time(alert.started)),
        last_received: ago(alert.last_received),
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
