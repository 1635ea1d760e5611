//! The alerts of the host: what an alerting system told it, and which rules it has. The panel shows
//! them; it neither evaluates rules nor notifies anybody.

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
    /// Names and values, `severity` among them.
    pub labels: Texts,
    /// Texts of the rule; `summary`, `description`, `logs_query` and `runbook_url` are understood.
    pub annotations: Texts,
    /// What was measured, by the name the rule has for it.
    pub values: Texts,
    /// Addresses elsewhere, such as the dashboard, by what they lead to.
    pub links: Texts,
    /// Since when it fires, in microseconds since the Unix epoch.
    pub started: i64,
    /// When it ended, in microseconds since the Unix epoch; `None` while it fires.
    pub ended: Option<i64>,
    /// When the last notification of it came, in microseconds since the Unix epoch.
    pub last_received: i64,
}

impl Alert {
    /// How long it fires or fired, in microseconds; nothing when the sender's clock is ahead.
    pub fn duration(&self, now: i64) -> i64 {
        self.ended.unwrap_or(now).saturating_sub(self.started).max(0)
    }

    /// The value of a label; empty when it has none of that name.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// The text of an annotation; empty when it has none of that name.
    pub fn annotation(&self, name: &str) -> &str {
        self.annotations.get(name).map_or("", String::as_str)
    }
}

/// A rule that may fire, whether it ever did or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// `critical`, `warning`, `info` or `none`.
    pub severity: String,
    /// What it says, in a few words.
    pub summary: String,
    /// What it means.
    pub description: String,
    /// What finds its evidence in the logs; empty when nothing does.
    pub logs_query: String,
    /// Where its runbook is, on the web or a path of the host; empty when there is none.
    pub runbook: String,
}

/// The alerts of the host.
#[async_trait]
pub trait Alerts: Send + Sync + 'static {
    /// Those that fired at any time of the range, the newest start first, at most so many.
    async fn between(&self, range: TimeRange, limit: usize) -> Result<Vec<Alert>, HostError>;

    /// Those that fire, the newest start first, at most so many.
    async fn firing(&self, limit: usize) -> Result<Vec<Alert>, HostError>;

    /// Those of one rule, the newest start first, at most so many.
    async fn of_rule(&self, rule: &str, limit: usize) -> Result<Vec<Alert>, HostError>;

    /// The one of that number.
    async fn find(&self, id: i64) -> Result<Option<Alert>, HostError>;

    /// The rules that are known without having fired.
    fn rules(&self) -> Vec<Rule>;

    /// How an alerting system is to leave its notifications, for people; may be empty.
    fn webhook_help(&self) -> String {
        String::new()
    }
}
