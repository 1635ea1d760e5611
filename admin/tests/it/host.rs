//! A host that answers what the panel asks: alerts and deployments of the test's choosing, or nothing
//! at all because its database is away.

use admin::{Alert, Alerts, Deploy, Deploys, HostError, Rule};
use logsearch::store::TimeRange;

/// What the host knows.
#[derive(Clone, Debug, Default)]
pub struct Host {
    pub alerts: Vec<Alert>,
    pub deploys: Vec<Deploy>,
    pub rules: Vec<Rule>,
    pub is_away: bool,
}

impl Host {
    fn select(&self, wanted: impl Fn(&Alert) -> bool) -> Result<Vec<Alert>, HostError> {
        if self.is_away {
            return Err("the database is not available".into());
        }
        let mut found: Vec<Alert> =
            self.alerts.iter().filter(|alert| wanted(alert)).cloned().collect();
        found.sort_by_key(|alert| std::cmp::Reverse((alert.started, alert.id)));
        Ok(found)
    }
}

#[async_trait::async_trait]
impl Alerts for Host {
    async fn between(&self, range: TimeRange, limit: usize) -> Result<Vec<Alert>, HostError> {
        let ended_before = |alert: &Alert| alert.ended.is_some_and(|ended| ended < range.from);
        let mut found = self.select(|alert| alert.started < range.to && !ended_before(alert))?;
        found.truncate(limit);
        Ok(found)
    }

    async fn firing(&self, limit: usize) -> Result<Vec<Alert>, HostError> {
        let mut found = self.select(|alert| alert.ended.is_none())?;
        found.truncate(limit);
        Ok(found)
    }

    async fn of_rule(&self, rule: &str, limit: usize) -> Result<Vec<Alert>, HostError> {
        let mut found = self.select(|alert| alert.rule == rule)?;
        found.truncate(limit);
        Ok(found)
    }

    async fn find(&self, id: i64) -> Result<Option<Alert>, HostError> {
        Ok(self.select(|alert| alert.id == id)?.pop())
    }

    fn rules(&self) -> Vec<Rule> {
        self.rules.clone()
    }
}

#[async_trait::async_trait]
impl Deploys for Host {
    async fn between(&self, range: TimeRange, limit: usize) -> Result<Vec<Deploy>, HostError> {
        self.select(|_| false)?;
        let inside = self.deploys.iter().filter(|deploy| range.contains(deploy.at));
        Ok(inside.rev().take(limit).cloned().collect())
    }

    async fn latest(&self) -> Result<Option<Deploy>, HostError> {
        self.select(|_| false)?;
        Ok(self.deploys.last().cloned())
    }
}
