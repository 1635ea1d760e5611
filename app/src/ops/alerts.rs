//! The alerts that the panel shows: the inbox, and the rules the repository ships.

use std::sync::LazyLock;

use admin::{Acknowledgement, Alert, AlertingNotice, Alerts, HostError, Rule};
use logsearch::store::TimeRange;
use serde::Deserialize;

use super::alert_hook::PATH;
use super::runbooks;
use crate::alerts::AlertInbox;

/// The rules of the repository, made from `alerts/rules` by a test.
static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let rules: Vec<Known> =
        serde_json::from_str(include_str!("../../../alerts/panel.json")).unwrap_or_default();
    rules.into_iter().map(Known::rule).collect()
});

#[derive(Deserialize)]
struct Known {
    name: String,
    severity: String,
    summary: String,
    description: String,
    logs_query: String,
}

impl Known {
    fn rule(self) -> Rule {
        Rule {
            runbook: format!("/runbooks/{}", self.name),
            name: self.name,
            severity: self.severity,
            summary: self.summary,
            description: self.description,
            logs_query: self.logs_query,
        }
    }
}

/// The alerts of this service, all from memory.
pub struct HostAlerts {
    /// Where they are.
    pub inbox: AlertInbox,
    /// Where browsers reach Grafana.
    pub grafana: Option<String>,
}

#[async_trait::async_trait]
impl Alerts for HostAlerts {
    async fn between(&self, range: TimeRange, most: usize) -> Result<Vec<Alert>, HostError> {
        let is_over = |alert: &Alert| alert.ended.is_some_and(|ended| ended < range.from);
        Ok(self.inbox.select(most, |alert| alert.started < range.to && !is_over(alert)))
    }

    async fn firing(&self, most: usize) -> Result<Vec<Alert>, HostError> {
        Ok(self.inbox.select(most, |alert| alert.ended.is_none()))
    }

    async fn of_rule(&self, rule: &str, most: usize) -> Result<Vec<Alert>, HostError> {
        Ok(self.inbox.select(most, |alert| alert.rule == rule))
    }

    async fn find(&self, id: i64) -> Result<Option<Alert>, HostError> {
        Ok(self.inbox.find(id))
    }

    fn rules(&self) -> Vec<Rule> {
        RULES.clone()
    }

    fn firing_now(&self) -> Vec<Alert> {
        self.inbox.select(usize::MAX, |alert| alert.ended.is_none())
    }

    fn notices(&self) -> Vec<AlertingNotice> {
        self.inbox.notices()
    }

    fn runbook(&self, rule: &str) -> Option<String> {
        runbooks::markdown(rule)
    }

    fn runbook_link(&self, url: &str) -> Option<String> {
        runbooks::link(url, self.grafana.as_deref())
    }

    fn can_acknowledge(&self) -> bool {
        true
    }

    async fn acknowledge(&self, id: i64, by: Acknowledgement) -> Result<bool, HostError> {
        Ok(self.inbox.acknowledge(id, by).await?)
    }

    fn webhook_help(&self) -> String {
        format!(
            "Grafana and Alertmanager leave their notifications by POST {PATH}, with the alert token \
             of the service as bearer token."
        )
    }
}
