//! The alerts of the host: what an alerting system told it, and which rules it has. The panel shows
//! them; it neither evaluates rules nor notifies anybody.

use async_trait::async_trait;
use logsearch::store::TimeRange;

use super::HostError;

/// One time that a rule fired, for one set of labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alert {
    /// The host's number of it, for its address.
    pub id: i64,
    /// The rule that fired.
    pub rule: String,
    /// Names and values, `severity` among them.
    pub labels: Vec<(String, String)>,
    /// Texts of the rule; `summary`, `description`, `logs_query` and `runbook_url` are understood.
    pub annotations: Vec<(String, String)>,
    /// What was measured, by the name the rule has for it.
    pub values: Vec<(String, String)>,
    /// Addresses elsewhere, such as the dashboard, by what they lead to.
    pub links: Vec<(String, String)>,
    /// Since when it fires, in microseconds since the Unix epoch.
    pub started: i64,
    /// When it ended, in microseconds since the Unix epoch; `None` while it fires.
    pub ended: Option<i64>,
    /// When the host was told last, in microseconds since the Unix epoch.
    pub heard: i64,
}

impl Alert {
    /// How long it fires or fired, in microseconds; nothing when the sender's clock is ahead.
    pub fn lasts(&self, now: i64) -> i64 {
        self.ended.unwrap_or(now).saturating_sub(self.started).max(0)
    }

    /// The value of a label; empty when it has none of that name.
    pub fn label(&self, name: &str) -> &str {
        value(&self.labels, name)
    }

    /// The text of an annotation; empty when it has none of that name.
    pub fn annotation(&self, name: &str) -> &str {
        value(&self.annotations, name)
    }
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    let found = pairs.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value.as_str())
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
    fn door(&self) -> String {
        String::new()
    }
}
