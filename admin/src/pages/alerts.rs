//! The alert inbox: firing and resolved alerts, and the heartbeat of alerting. Shows what alerting
//! systems sent to the host; does not edit rules.

pub mod rule;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::{Links, View, path};
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::context::window::Window;
use crate::data::timeline::or_notice;
use crate::format::{self, SECOND};
use crate::host::{Alert, Alerts, Rule};
use crate::ui::layout::{Layout, Section, render};

/// Maximum number of alerts per list.
const LINES: usize = 200;
/// Default window of the inbox.
const RECENT: &str = "7d";
/// Alerting systems repeat what fires at least each half day; what was not repeated for two of these
/// spans may have resolved unnoticed, in microseconds.
const STALE_AFTER: i64 = 25 * 3_600 * SECOND;
/// Severity of the heartbeat, which always fires to prove that alerting works.
const HEARTBEAT: &str = "none";
/// Age after which a heartbeat counts as missing, in microseconds.
const HEARTBEAT_LATE: i64 = 15 * 60 * SECOND;

#[derive(Template)]
#[template(path = "alerts.html")]
struct AlertsPage {
    layout: Layout,
    notices: Vec<String>,
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
    /// Last notification, if it is so old that the alert may have resolved unnoticed.
    pub stale_since: String,
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

/// `GET /alerts`.
pub async fn show(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    params: Params,
) -> Result<Response, PanelError> {
    let now = panel.now();
    let window = match params.get("from") {
        Some(_) => params.window(now),
        None => Window::parse(Some(RECENT), params.get("to"), now),
    };
    let view = View::of(window);
    let mut notices = Vec::new();
    let (mut firing, mut ended) = (Vec::new(), Vec::new());
    if let Some(host) = panel.host.alerts() {
        firing = or_notice(host.firing(LINES).await, "alerts", &mut notices);
        let all = host.between(window.range(), LINES).await;
        ended = or_notice(all, "resolved alerts", &mut notices);
        ended.retain(|alert| alert.ended.is_some());
    }
    let rules = panel.host.alerts().map(Alerts::rules).unwrap_or_default();
    let row = |alert: &Alert| alert_row(alert, now, &panel.links);
    render(&AlertsPage {
        layout: Layout::new(&panel, &operator, Section::None, "Alerts", path::ALERTS, &view),
        heartbeats: heartbeats(&firing, now),
        firing: firing.iter().filter(|alert| !is_heartbeat(alert)).map(row).collect(),
        ended: ended.iter().filter(|alert| !is_heartbeat(alert)).map(row).collect(),
        rules: rules.into_iter().map(|rule| rule_row(rule, &panel.links)).collect(),
        door: panel.host.alerts().map(Alerts::webhook_help).unwrap_or_default(),
        is_kept: panel.host.alerts().is_some(),
        notices,
    })
}

/// Whether the alert is a heartbeat.
pub fn is_heartbeat(alert: &Alert) -> bool {
    alert.label("severity") == HEARTBEAT
}

/// Whether the alert is firing and not stale.
pub fn is_firing(alert: &Alert, now: i64) -> bool {
    alert.ended.is_none()
        && !is_heartbeat(alert)
        && now.saturating_sub(alert.last_received) < STALE_AFTER
}

/// Heartbeats among the firing alerts, one per rule.
pub fn heartbeats(firing: &[Alert], now: i64) -> Vec<Heartbeat> {
    let mut newest: Vec<&Alert> = Vec::new();
    for alert in firing.iter().filter(|alert| is_heartbeat(alert)) {
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

fn alert_row(alert: &Alert, now: i64, links: &Links) -> AlertRow {
    let is_stale = alert.ended.is_none() && now.saturating_sub(alert.last_received) >= STALE_AFTER;
    AlertRow {
        rule: alert.rule.clone(),
        url: links.alert(&alert.rule, Some(alert.id)),
        severity: alert.label("severity").to_owned(),
        class: severity_class(alert.label("severity")),
        summary: alert.annotation("summary").to_owned(),
        labels: telling_labels(alert),
        started: format!("{} {}", format::day(alert.started), format::time(alert.started)),
        started_full: format::rfc3339(alert.started),
        lasts: format::about(alert.duration(now)),
        stale_since: if is_stale { format::ago(alert.last_received, now) } else { String::new() },
    }
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
