//! The status line of Now: firing alerts, the heartbeat of alerting, and the running version.

use crate::context::links::{Links, path};
use crate::context::panel::Panel;
use crate::data::timeline::or_notice;
use crate::format;
use crate::host::Alert;
use crate::pages::alerts::{Blind, Heartbeat, by_severity, heartbeats, severity_class};

/// Alerts read; of more the newest are named.
const MOST: usize = 200;
/// Rules named in the line.
const NAMED: usize = 4;

/// The status line.
pub struct Status {
    /// Firing rules, without duplicates.
    pub firing: Vec<Firing>,
    /// Rules beyond those named.
    pub others: usize,
    /// Rules that cannot be evaluated.
    pub blind: Option<Blind>,
    /// Heartbeats of alerting.
    pub heartbeats: Vec<Heartbeat>,
    /// Whether the host's alerts could be loaded.
    pub is_known: bool,
    /// Whether the host provides alerts.
    pub is_kept: bool,
    /// `1.4.2 (1a2b3c), deployed 12 min ago`.
    pub deployed: String,
    pub deployed_full: String,
    pub inbox: String,
}

/// A firing rule.
pub struct Firing {
    pub rule: String,
    pub url: String,
    pub lasts: String,
    pub class: &'static str,
}

impl Status {
    /// The line now, whatever the window is. What cannot be read is said by the list of changes.
    pub async fn now(panel: &Panel) -> Self {
        let now = panel.now();
        let mut notices = Vec::new();
        let alerts = match panel.host.alerts() {
            Some(host) => or_notice(host.firing(MOST).await, "alerts", &mut notices),
            None => Vec::new(),
        };
        let is_known = panel.host.alerts().is_some() && notices.is_empty();
        let latest = match panel.host.deploys() {
            Some(host) => or_notice(host.latest().await, "deployments", &mut notices),
            None => None,
        };
        let rules = firing(&alerts, now, &panel.links);
        Self {
            others: rules.len().saturating_sub(NAMED),
            firing: rules.into_iter().take(NAMED).collect(),
            blind: Blind::of(&alerts, now, &panel.links),
            heartbeats: heartbeats(&alerts, now),
            is_known,
            is_kept: panel.host.alerts().is_some(),
            deployed: latest.as_ref().map_or_else(String::new, |deploy| {
                format!("{}, deployed {}", deploy.label(), format::ago(deploy.at, now))
            }),
            deployed_full: latest.map_or_else(String::new, |deploy| format::rfc3339(deploy.at)),
            inbox: panel.links.path(path::ALERTS),
        }
    }

    /// Whether a heartbeat is missing.
    pub fn is_silent(&self) -> bool {
        self.heartbeats.iter().any(|beat| beat.is_late)
    }
}

/// The rules that fire, the most severe first, each by the time it fires longest.
fn firing(alerts: &[Alert], now: i64, links: &Links) -> Vec<Firing> {
    let mut firing: Vec<Alert> =
        alerts.iter().filter(|alert| alert.is_firing(now)).cloned().collect();
    by_severity(&mut firing);
    let mut named = std::collections::HashSet::new();
    firing.retain(|alert| named.insert(alert.rule.clone()));
    let firing = firing.iter().map(|alert| Firing {
        rule: alert.rule.clone(),
        url: links.alert(&alert.rule, None),
        lasts: format::about(alert.duration(now)),
        class: severity_class(alert.label("severity")),
    });
    firing.collect()
}
