//! What every page says of alerts: how many fire. From memory, so that no page waits for it.

use super::links::path;
use super::panel::Panel;
use crate::host::Alert;

/// The link in the header while something fires.
#[derive(Debug, PartialEq, Eq)]
pub struct FiringBadge {
    /// Number of firing alerts; rules that cannot be evaluated count as one.
    pub count: usize,
    /// CSS class of the worst severity.
    pub class: &'static str,
    /// URL of the inbox.
    pub url: String,
}

impl FiringBadge {
    /// The badge now; `None` while nothing fires.
    pub fn now(panel: &Panel) -> Option<Self> {
        let now = panel.now();
        let alerts = panel.host.alerts()?.firing_now();
        let firing = alerts.iter().filter(|alert| alert.is_firing(now));
        let is_blind = alerts.iter().any(Alert::is_evaluation_failure);
        let worst = firing.clone().map(Alert::severity_rank).min();
        let count = firing.count() + usize::from(is_blind);
        let is_error = is_blind || worst == Some(0);
        (count > 0).then(|| Self {
            count,
            class: if is_error { "error" } else { "warn" },
            url: panel.links.path(path::ALERTS),
        })
    }
}
