//! A host that answers what the panel asks: alerts and deployments of the test's choosing, or nothing
//! at all because its database is away.

use admin::{
    Acknowledgement, Alert, AlertingNotice, Alerts, Deploy, Deploys, Health, HostError, Outage,
    Rule,
};
use logsearch::store::TimeRange;

/// What the host knows.
#[derive(Clone, Debug, Default)]
pub struct Host {
    pub alerts: Vec<Alert>,
    pub deploys: Vec<Deploy>,
    pub rules: Vec<Rule>,
    /// The runbook of every rule.
    pub runbook: Option<&'static str>,
    pub is_away: bool,
    pub outages: Vec<Outage>,
}

const MINUTE: i64 = 60_000_000;

impl Host {
    /// With a rule that fires since ten minutes before this time, one that fired before, one of which
    /// nothing more was heard, a heartbeat, and a deployment ten minutes before all that.
    pub fn busy(end: i64) -> Self {
        let alert = |id, rule: &str, severity: &str, started, ended| {
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            Alert {
                id,
                rule: rule.to_owned(),
                fingerprint: String::new(),
                labels: [
                    pair("alertname", rule),
                    pair("instance", "a"),
                    pair("severity", severity),
                ]
                .into(),
                annotations: [
                    pair("description", "38 of 100 requests"),
                    pair("logs_query", "level>=warn"),
                    pair("runbook_url", "https://runbooks.example/errors"),
                    pair("summary", "Requests fail"),
                ]
                .into(),
                values: [pair("A", "0.38")].into(),
                links: [pair("panel", "https://grafana.example/d/x?viewPanel=2")].into(),
                started,
                ended,
                last_received: started,
                ..Alert::default()
            }
        };
        let at = end - 10 * MINUTE;
        let hours = 60 * MINUTE;
        Self {
            alerts: vec![
                alert(1, "Errors", "critical", at, None),
                alert(2, "Errors", "critical", at - 30 * MINUTE, Some(at - 20 * MINUTE)),
                alert(3, "Unheard", "warning", end - 30 * hours, None),
                Alert {
                    last_received: end - MINUTE,
                    ..alert(4, "Watchdog", "none", at - hours, None)
                },
            ],
            deploys: vec![Deploy {
                at: at - 10 * MINUTE,
                version: "1.4.2".to_owned(),
                revision: "1a2b3c".to_owned(),
                note: "by hand".to_owned(),
            }],
            rules: vec![Rule {
                name: "NeverFired".to_owned(),
                severity: "warning".to_owned(),
                summary: "Pages are slow".to_owned(),
                logs_query: "duration:>100ms".to_owned(),
                ..Rule::default()
            }],
            ..Self::default()
        }
    }

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

    fn firing_now(&self) -> Vec<Alert> {
        self.alerts.iter().filter(|alert| alert.ended.is_none()).cloned().collect()
    }

    fn notices(&self) -> Vec<AlertingNotice> {
        let text = "Nobody is notified <of> alerts.".to_owned();
        vec![AlertingNotice { subject: "notifications", text, is_problem: true }]
    }

    fn runbook(&self, _rule: &str) -> Option<String> {
        self.runbook.map(str::to_owned)
    }

    fn can_acknowledge(&self) -> bool {
        true
    }

    async fn acknowledge(&self, id: i64, by: Acknowledgement) -> Result<bool, HostError> {
        assert_eq!(by.by, "octavia");
        Ok(self.alerts.iter().any(|alert| alert.id == id) && by.note == "on it")
    }
}

impl Health for Host {
    fn outages(&self) -> Vec<Outage> {
        self.outages.clone()
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
