//! The alerts that the panel shows: what notifications said, from the database, and the rules the
//! repository ships.

use std::sync::LazyLock;

use admin::{Alert, Alerts, HostError, Rule};
use logsearch::store::TimeRange;
use serde::Deserialize;

use super::alert_hook::PATH;
use crate::db::Db;

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

/// The alerts of this service.
pub struct HostAlerts {
    /// Where they are.
    pub db: Db,
}

fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

#[async_trait::async_trait]
impl Alerts for HostAlerts {
    async fn between(&self, range: TimeRange, most: usize) -> Result<Vec<Alert>, HostError> {
        Ok(self.db.alerts_between(range.from, range.to, limit(most)).await?)
    }

    async fn firing(&self, most: usize) -> Result<Vec<Alert>, HostError> {
        Ok(self.db.firing_alerts(limit(most)).await?)
    }

    async fn of_rule(&self, rule: &str, most: usize) -> Result<Vec<Alert>, HostError> {
        Ok(self.db.alerts_of_rule(rule, limit(most)).await?)
    }

    async fn find(&self, id: i64) -> Result<Option<Alert>, HostError> {
        Ok(self.db.alert(id).await?)
    }

    fn rules(&self) -> Vec<Rule> {
        RULES.clone()
    }

    fn webhook_help(&self) -> String {
        format!(
            "Grafana and Alertmanager leave their notifications by POST {PATH}, with the alert token \
             of the service as bearer token."
        )
    }
}
