//! The host's alerts: notifications it received from an alerting system, and its rules. The panel
//! shows them; it neither evaluates rules nor sends notifications.

use std::collections::BTreeMap;

use async_trait::async_trait;
use logsearch::store::TimeRange;
use serde::{Deserialize, Serialize};

use super::HostError;

/// Severity of the heartbeat.
const HEARTBEAT: &str = "none";
/// Alerting systems repeat what fires at least each half day; what was not repeated for two of these
/// spans may have resolved unnoticed, in microseconds.
const STALE_AFTER: i64 = 25 * 3_600 * 1_000_000;

/// Texts by their names.
pub type Texts = BTreeMap<String, String>;

/// One time that a rule fired, for one set of labels. What the host stores, and what the panel shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Alert {
    /// The host's number of it, for its address.
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
    /// The alerting system that sent it: `grafana`, `alertmanager`, or empty if unknown.
    pub sender: String,
    /// Whether only the end was received, so that the start is that of the end.
    pub from_end: bool,
    /// Who acknowledged it, if somebody did.
    pub acknowledged: Option<Acknowledgement>,
}

/// An operator's word that somebody is working on an alert.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Name of the operator.
    pub by: String,
    /// When, in microseconds since the Unix epoch.
    pub at: i64,
    /// A note for the other operators; may be empty.
    pub note: String,
}

impl Alert {
    /// Duration of the firing so far, in microseconds; 0 if the sender's clock is ahead.
    pub fn duration(&self, now: i64) -> i64 {
        self.ended.unwrap_or(now).saturating_sub(self.started).max(0)
    }

    /// Whether this is a heartbeat, which always fires to prove that alerting works.
    pub fn is_heartbeat(&self) -> bool {
        self.label("severity") == HEARTBEAT
    }

    /// Whether it has no end and was not repeated for so long that it may have ended unnoticed.
    pub fn is_stale(&self, now: i64) -> bool {
        self.ended.is_none() && now.saturating_sub(self.last_received) >= STALE_AFTER
    }

    /// Whether what its rule watches is wrong now, as far as is known.
    pub fn is_firing(&self, now: i64) -> bool {
        self.ended.is_none()
            && !self.is_heartbeat()
            && !self.is_evaluation_failure()
            && !self.is_stale(now)
    }

    /// 0 for the most severe.
    pub fn severity_rank(&self) -> u8 {
        match self.label("severity") {
            "critical" | "page" | "error" => 0,
            "warning" | "ticket" => 1,
            "info" => 2,
            _ => 3,
        }
    }

    /// Whether the alerting system could not evaluate the rule. Says nothing about what the rule watches.
    pub fn is_evaluation_failure(&self) -> bool {
        matches!(self.label("alertname"), "DatasourceError" | "DatasourceNoData")
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

/// A fact about alerting itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertingNotice {
    /// What it is about, such as `notifications`.
    pub subject: &'static str,
    /// The fact, as a sentence.
    pub text: String,
    /// Whether an operator should act.
    pub is_problem: bool,
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

    /// What fires, latest start first, from memory: every page shows it, so it must not wait for
    /// anything.
    fn firing_now(&self) -> Vec<Alert> {
        Vec::new()
    }

    /// What operators should know about alerting itself, such as that nobody is notified. From memory.
    fn notices(&self) -> Vec<AlertingNotice> {
        Vec::new()
    }

    /// The runbook of a rule, in Markdown.
    fn runbook(&self, _rule: &str) -> Option<String> {
        None
    }

    /// Where an address in a runbook leads from here; `None` for nowhere.
    fn runbook_link(&self, url: &str) -> Option<String> {
        let is_web = url.starts_with("https://") || url.starts_with("http://");
        is_web.then(|| url.to_owned())
    }

    /// Whether alerts can be acknowledged.
    fn can_acknowledge(&self) -> bool {
        false
    }

    /// Acknowledges an alert, or changes the note; `false` if there is no alert of this id.
    async fn acknowledge(&self, _id: i64, _by: Acknowledgement) -> Result<bool, HostError> {
        Ok(false)
    }

    /// Human-readable instructions for connecting an alerting system; may be empty.
    fn webhook_help(&self) -> String {
        String::new()
    }
}
