//! The host's alerts: notifications it received from an alerting system, and its rules. The panel
//! shows them; it neither evaluates rules nor sends notifications.

use std::collections::BTreeMap;

use async_trait::async_trait;
use logsearch::store::TimeRange;

use super::HostError;

/// Texts by their names.
pub type Texts = BTreeMap<String, String>;

/// One time that a rule fired, for one set of labels. What the host stores, and what the panel shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alert {
    /// The host's number of it, for its address; 0 before it is stored.
    pub id: i64,
    /// The rule that fired.
    pub rule: String,
    /// Identifies the labels; the panel does not need it.
    pub fingerprint: String,
    /// Labels as names and values, including `severity`.
    pub labels: Texts,
    /// Annotations of the rule; the panel uses `summary`, `description`, `logs_query` and
    /// `runbook_url`.
    pub annotations: Texts,
    /// Measured values by their name in the rule.
    pub values: Texts,
    /// External links by their title, such as the dashboard.
    pub links: Texts,
    /// Start of the firing, in microseconds since the Unix epoch.
    pub started: i64,
    /// End of the firing, in microseconds since the Unix epoch; `None` while it is firing.
    pub ended: Option<i64>,
    /// When the last notification of it came, in microseconds since the Unix epoch.
    pub last_received: i64,
}

impl Alert {
    /// Duration of the firing so far, in microseconds; 0 if the sender's clock is ahead.
    pub fn duration(&self, now: i64) -> i64 {
        self.ended.unwrap_or(now).saturating_sub(self.started).max(0)
    }

    /// The value of a label; empty if missing.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// The text of an annotation; empty if missing.
    pub fn annotation(&self, name: &str) -> &str {
        self.annotations.get(name).map_or("", String::as_str)
    }
}

/// An alert rule, whether it ever fired or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Name of the rule.
    pub name: String,
    /// `critical`, `warning`, `info` or `none`.
    pub severity: String,
    /// Short summary.
    pub summary: String,
    /// Description of what the alert means.
    pub description: String,
    /// Log query that finds its evidence; empty if there is none.
    pub logs_query: String,
    /// URL or path of its runbook; empty if there is none.
    pub runbook: String,
}

/// Source of the host's alerts.
#[async_trait]
pub trait Alerts: Send + Sync + 'static {
    /// Alerts that were firing at any time in the range, latest start first, at most `limit`.
    async fn between(&self, range: TimeRange, limit: usize) -> Result<Vec<Alert>, HostError>;

    /// Alerts that are firing, latest start first, at most `limit`.
    async fn firing(&self, limit: usize) -> Result<Vec<Alert>, HostError>;

    /// Alerts of one rule, latest start first, at most `limit`.
    async fn of_rule(&self, rule: &str, limit: usize) -> Result<Vec<Alert>, HostError>;

    /// Finds an alert by id.
    async fn find(&self, id: i64) -> Result<Option<Alert>, HostError>;

    /// All configured rules, including those that never fired.
    fn rules(&self) -> Vec<Rule>;

    /// Human-readable instructions for connecting an alerting system; may be empty.
    fn webhook_help(&self) -> String {
        String::new()
    }
}
