//! Who is told of what, as `alerts/routing.yaml` says it once for both engines.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Routing {
    pub links: Links,
    /// Address of the service's own inbox.
    pub inbox: String,
    pub quiet: Quiet,
    pub default: Default,
    pub routes: Vec<Route>,
    pub receivers: Vec<Receiver>,
}

/// Where links lead.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Links {
    pub panel: String,
    pub grafana: String,
}

/// When tickets wait.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    pub name: String,
    pub location: String,
    pub times: Vec<Times>,
}

/// A part of a day.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    pub from: String,
    pub to: String,
}

/// What matches no route.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Default {
    pub receiver: String,
    pub wait: String,
    pub repeat: String,
}

/// Alerts with these labels go there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Label to regular expression, anchored.
    #[serde(rename = "match")]
    pub labels: BTreeMap<String, String>,
    pub group_by: Option<Vec<String>>,
    pub receiver: String,
    pub wait: String,
    pub repeat: String,
    #[serde(default)]
    pub r#continue: bool,
    #[serde(default)]
    pub quiet: bool,
}

/// A contact point.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receiver {
    pub name: String,
    pub reaches: Vec<Channel>,
}

/// A way to reach somebody.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    Inbox,
    Mail,
    Slack,
    Discord,
}

/// Alerts in a notification to the inbox, which takes 4 MiB.
pub const MAX_ALERTS: u32 = 500;
/// What makes alerts one notification, unless a route says otherwise.
pub const GROUP_BY: [&str; 2] = ["alertname", "service"];
/// How long a changed group waits for its next notification.
pub const GROUP_INTERVAL: &str = "5m";
