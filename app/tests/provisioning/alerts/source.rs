//! The rules as people write them: `alerts/rules/*.yaml`, in the form of Prometheus, each naming the panel
//! that shows it. What follows from a rule's name is added here.

use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::routing::ROUTING;
use crate::committed;
use crate::dashboards;

/// The value of the label `service` of every alert.
pub const SERVICE: &str = "minitwit";

/// A file of rules.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    pub groups: Vec<Group>,
}

/// Rules that are evaluated one after the other.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub name: String,
    pub interval: String,
    pub rules: Vec<Rule>,
}

/// An alert or a recorded series.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    pub expr: String,
    /// How long it has to hold.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
    /// How long it stays after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_firing_for: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Names of the panel that shows an alert; only in the source.
const DASHBOARD: &str = "__dashboardUid__";
const PANEL: &str = "__panelTitle__";

/// The panel that shows an alert.
#[derive(Clone, Debug)]
pub struct Panel {
    pub dashboard: String,
    pub title: String,
    pub id: u32,
}

/// The files of alerts, in the order of their names, as they were written.
pub static ALERTS: LazyLock<Vec<Group>> = LazyLock::new(|| groups(|file| file != "recording.yaml"));
/// The recorded series.
pub static RECORDING: LazyLock<Vec<Group>> =
    LazyLock::new(|| groups(|file| file == "recording.yaml"));

fn groups(wanted: impl Fn(&str) -> bool) -> Vec<Group> {
    let folder = fs::read_dir(committed::root().join("alerts/rules")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| wanted(name)).collect();
    names.sort();
    names.iter().flat_map(|name| yaml::<RuleFile>(&format!("alerts/rules/{name}")).groups).collect()
}

/// A YAML file of the repository.
pub fn yaml<T: DeserializeOwned>(path: &str) -> T {
    let read = serde_saphyr::from_str(&committed::read(path));
    read.unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The text of a generated YAML file.
pub fn to_yaml(from: &str, value: &impl Serialize) -> String {
    let text = serde_saphyr::to_string(value).unwrap();
    format!(
        "# Generated from {from}; do not edit. UPDATE=1 cargo test -p minitwit --test provisioning\n{}\n",
        text.trim_end()
    )
}

/// Every alert as it was written.
pub fn alerts() -> impl Iterator<Item = &'static Rule> {
    ALERTS.iter().flat_map(|group| &group.rules)
}

impl Rule {
    /// The name of the alert.
    pub fn name(&self) -> &str {
        self.alert.as_deref().unwrap()
    }

    pub fn severity(&self) -> &str {
        &self.labels["severity"]
    }

    /// The panel that shows it. Fails when there is none.
    pub fn panel(&self) -> Panel {
        let (dashboard, title) = (&self.annotations[DASHBOARD], &self.annotations[PANEL]);
        let id = dashboards::panel_id(dashboard, title);
        Panel { dashboard: dashboard.clone(), title: title.clone(), id }
    }

    /// The rule with the label and the annotations that follow from its name, for every engine.
    pub fn complete(&self) -> Self {
        let (name, panel, links) = (self.name(), self.panel(), &ROUTING.links);
        let mut rule = self.clone();
        rule.labels.insert("service".to_owned(), SERVICE.to_owned());
        rule.annotations.retain(|name, _| name != DASHBOARD && name != PANEL);
        rule.annotations.extend(
            [
                ("runbook_url", format!("{}/runbooks/{name}", links.panel)),
                ("logs", format!("{}/admin/alerts/{name}", links.panel)),
                (
                    "dashboard",
                    format!("{}/d/{}?viewPanel={}", links.grafana, panel.dashboard, panel.id),
                ),
            ]
            .map(|(name, text)| (name.to_owned(), text)),
        );
        rule
    }
}
