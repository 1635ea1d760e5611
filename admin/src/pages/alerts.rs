//! The alert inbox: firing and resolved alerts, and the heartbeat of alerting. Shows what alerting
//! systems sent to the host; does not edit rules.

pub mod differences;
mod known;
pub mod response;
pub mod rule;

use askama::Template;
use axum::response::Response;

use crate::context::error::PanelError;
use crate::context::links::{Links, View, path};
use crate::context::panel::Panel;
use crate::data::timeline::or_notice;
use crate::format::{self, SECOND};
use crate::host::{Alert, AlertingNotice, Alerts, Rule};
use crate::pages::visit::Visit;
use crate::ui::layout::{Layout, Section, render};

/// Maximum number of alerts per list.
const LINES: usize = 200;
/// Default window of the inbox.
const RECENT: &str = "7d";
/// Age after which a heartbeat counts as missing, in microseconds.
const HEARTBEAT_LATE: i64 = 15 * 60 * SECOND;

#[derive(Template)]
#[template(path = "alerts.html")]
struct AlertsPage {
    layout: Layout,
    notices: Vec<String>,
    alerting: Vec<AlertingNotice>,
    blind: Option<Blind>,
    heartbeats: Vec<Heartbeat>,
    firing: Vec<AlertRow>,
    ended: Vec<AlertRow>,
    rules: Vec<RuleRow>,
    door: String,
    is_kept: bool,
}

/// A row of an alert list.
pub struct AlertRow {
    pub rule: String,
    pub url: String,
    pub severity: String,
    pub class: &'static str,
    pub summary: String,
    pub labels: Vec<(String, String)>,
    pub started: String,
    pub started_full: String,
    /// Duration of the firing.
    pub lasts: String,
    /// Who acknowledged it, and the note.
    pub acknowledged: String,
    /// Last notification, if it is so old that the alert may have resolved unnoticed.
    pub stale_since: String,
}

/// Rules that the alerting system cannot evaluate: whether they fire is unknown.
pub struct Blind {
    pub count: usize,
    pub since: String,
    /// The kind of failure, as the sender names it.
    pub reason: String,
    pub rules: Vec<(String, String)>,
}

impl Blind {
    /// Of the alerts that have no end.
    pub fn of(firing: &[Alert], now: i64, links: &Links) -> Option<Self> {
        let mut failed: Vec<&Alert> =
            firing.iter().filter(|alert| alert.is_evaluation_failure()).collect();
        failed.sort_by_key(|alert| alert.started);
        let first = failed.first()?;
        let (since, reason) =
            (format::ago(first.started, now), first.label("alertname").to_owned());
        let mut rules: Vec<_> = failed
            .iter()
            .map(|alert| (alert.rule.clone(), links.alert(&alert.rule, None)))
            .collect();
        rules.sort();
        rules.dedup();
        Some(Self { count: rules.len(), since, reason, rules })
    }
}

/// A heartbeat alert.
pub struct Heartbeat {
    pub rule: String,
    pub last_received: String,
    pub is_late: bool,
}

struct RuleRow {
    name: String,
    severity: String,
    class: &'static str,
    summary: String,
    url: String,
}

/// The alerts of a window, newest first, and whether they could be loaded.
#[derive(Default)]
struct Inbox {
    firing: Vec<Alert>,
    ended: Vec<Alert>,
    notices: Vec<String>,
}

/// `GET /alerts`.
pub async fn show(visit: Visit) -> Result<Response, PanelError> {
    let view = visit.params.frame_from(RECENT, visit.panel.now());
    let inbox = Inbox::load(&visit.panel, &view).await;
    let (now, links, host) = (visit.panel.now(), &visit.panel.links, visit.panel.host.alerts());
    render(&AlertsPage {
        layout: visit.layout(Section::Alerts, "Alerts", path::ALERTS, &view),
        alerting: host.map(Alerts::notices).unwrap_or_default(),
        blind: Blind::of(&inbox.firing, now, links),
        heartbeats: heartbeats(&inbox.firing, now),
        firing: alert_rows(&inbox.firing, now, links),
        ended: alert_rows(&inbox.ended, now, links),
        rules: host
            .map(Alerts::rules)
            .into_iter()
            .flatten()
            .map(|rule| rule_row(rule, links))
            .collect(),
        door: host.map(Alerts::webhook_help).unwrap_or_default(),
        is_kept: host.is_some(),
        notices: inbox.notices,
    })
}

impl Inbox {
    async fn load(panel: &Panel, view: &View) -> Self {
        let mut inbox = Self::default();
        if let Some(host) = panel.host.alerts() {
            let Self { firing, ended, notices } = &mut inbox;
            *firing = or_notice(host.firing(LINES).await, "alerts", notices);
            by_severity(firing);
            let all = host.between(view.window.range(), LINES).await;
            *ended = or_notice(all, "resolved alerts", notices);
            ended.retain(|alert| alert.ended.is_some());
        }
        inbox
    }
}

/// Heartbeats among the firing alerts, one per rule.
pub fn heartbeats(firing: &[Alert], now: i64) -> Vec<Heartbeat> {
    let mut newest: Vec<&Alert> = Vec::new();
    for alert in firing.iter().filter(|alert| alert.is_heartbeat()) {
        match newest.iter_mut().find(|known| known.rule == alert.rule) {
            Some(known) if known.last_received < alert.last_received => *known = alert,
            Some(_) => {}
            None => newest.push(alert),
        }
    }
    let heartbeat = |alert: &Alert| Heartbeat {
        rule: alert.rule.clone(),
        last_received: format::ago(alert.last_received, now),
        is_late: now.saturating_sub(alert.last_received) > HEARTBEAT_LATE,
    };
    newest.into_iter().map(heartbeat).collect()
}

/// CSS class of a severity.
pub fn severity_class(severity: &str) -> &'static str {
    match severity {
        "critical" | "page" | "error" => "error",
        "warning" | "ticket" => "warn",
        "info" => "info",
        _ => "debug",
    }
}

/// Labels that distinguish firings of a rule.
pub fn telling_labels(alert: &Alert) -> Vec<(String, String)> {
    let known = ["alertname", "severity", "grafana_folder", "job", "service"];
    alert
        .labels
        .iter()
        .filter(|(name, _)| !known.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The most severe first, of these the one that fires longest.
pub fn by_severity(alerts: &mut [Alert]) {
    alerts.sort_by_key(|alert| (alert.severity_rank(), alert.started));
}

/// `olga 5 min ago: on it`.
pub fn acknowledged(alert: &Alert, now: i64) -> String {
    let Some(by) = &alert.acknowledged else { return String::new() };
    let note = if by.note.is_empty() { String::new() } else { format!(": {}", by.note) };
    format!("{} {}{note}", by.by, format::ago(by.at, now))
}

/// Rows of all alerts but heartbeats and rules that could not be evaluated.
fn alert_rows(alerts: &[Alert], now: i64, links: &Links) -> Vec<AlertRow> {
    let is_shown = |alert: &&Alert| !alert.is_heartbeat() && !alert.is_evaluation_failure();
    let shown = alerts.iter().filter(is_shown);
    shown.map(|alert| alert_row(alert, now, links)).collect()
}

fn alert_row(alert: &Alert, now: i64, links: &Links) -> AlertRow {
    let title = [alert.annotation("title"), alert.annotation("summary")];
    let summary = title.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    AlertRow {
        rule: alert.rule.clone(),
        url: links.alert(&alert.rule, Some(alert.id)),
        severity: alert.label("severity").to_owned(),
        class: severity_class(alert.label("severity")),
        summary: summary.to_owned(),
        labels: telling_labels(alert),
        acknowledged: acknowledged(alert, now),
        started: format!("{} {}", format::day(alert.started), format::time(alert.started)),
        started_full: format::rfc3339(alert.started),
        lasts: lasts(alert, now),
        stale_since: if alert.is_stale(now) {
            format::ago(alert.last_received, now)
        } else {
            String::new()
        },
    }
}

/// Duration of a firing, unless its start was not received.
pub fn lasts(alert: &Alert, now: i64) -> String {
    if alert.from_end && alert.ended == Some(alert.started) {
        return "start not received".to_owned();
    }
    format::about(alert.duration(now))
}

fn rule_row(rule: Rule, links: &Links) -> RuleRow {
    RuleRow {
        url: links.alert(&rule.name, None),
        class: severity_class(&rule.severity),
        name: rule.name,
        severity: rule.severity,
        summary: rule.summary,
    }
}
