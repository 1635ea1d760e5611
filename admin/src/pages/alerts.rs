//! The alert inbox: firing and resolved alerts, and the heartbeat of alerting. Shows what alerting
//! systems sent to the host; does not edit rules.

mod differences;
pub mod rule;

use askama::Template;
use axum::response::Response;

use crate::context::error::PanelError;
use crate::context::links::{Links, View, path};
use crate::context::panel::Panel;
use crate::data::timeline::or_notice;
use crate::format::{self, SECOND};
use crate::host::{Alert, Alerts, Rule};
use crate::pages::visit::Visit;
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

/// The alerts of a window, newest first, and whether they could be loaded.
#[derive(Default)]
struct Inbox {
    firing: Vec<Alert>,
    ended: Vec<Alert>,
    notices: Vec<String>,
}

/// `GET /alerts`.
pub async fn show(visit: Visit) -> Result<Response, PanelError> {
    let view = View::of(visit.params.window_from(RECENT, visit.panel.now()));
    let inbox = Inbox::load(&visit.panel, &view).await;
    let (now, links, host) = (visit.panel.now(), &visit.panel.links, visit.panel.host.alerts());
    render(&AlertsPage {
        layout: visit.layout(Section::None, "Alerts", path::ALERTS, &view),
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
            let all = host.between(view.window.range(), LINES).await;
            *ended = or_notice(all, "resolved alerts", notices);
            ended.retain(|alert| alert.ended.is_some());
        }
        inbox
    }
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

/// Rows of all alerts but heartbeats.
fn alert_rows(alerts: &[Alert], now: i64, links: &Links) -> Vec<AlertRow> {
    let shown = alerts.iter().filter(|alert| !is_heartbeat(alert));
    shown.map(|alert| alert_row(alert, now, links)).collect()
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
