//! The rules as people write them: `alerts/rules/*.yaml`, in the form of Prometheus, each naming the panel
//! that shows it, and what else in `alerts/` people write. What follows from a rule's name is added here.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::grafana;
use super::routing::{Links, Routing};
use super::runbooks;
use super::words::{self, Words};
use crate::dashboards;
use crate::files::GeneratedFile;

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
    /// What notifications say of it; only of an alert.
    #[serde(skip)]
    pub words: Option<Words>,
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

/// Where the chaos test departs from the rules, `alerts/chaos.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    /// Alerts that nothing can trigger there.
    pub excluded: Vec<Excluded>,
    /// Parts of expressions that are others there.
    pub thresholds: Vec<Threshold>,
}

/// An alert that the chaos test does not fire.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excluded {
    /// Its name.
    pub alert: String,
    /// Why nothing can trigger it.
    pub reason: String,
}

/// A threshold that a test machine cannot reach.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// The name of the alert.
    pub alert: String,
    /// What stands in the rule.
    pub rule: String,
    /// What stands in the test instead.
    pub test: String,
}

/// Uids of rules that Grafana is told to delete: it keeps a rule that is gone from its file.
#[derive(Debug)]
pub struct Retired {
    /// In the order they were retired.
    pub uids: Vec<String>,
    /// The comment on top of the file.
    heading: String,
}

impl Retired {
    const FILE: &str = "alerts/retired.yaml";

    /// The committed list, and what of Grafana's committed rules is in the source no more.
    fn read(root: &Path, groups: &[Group]) -> anyhow::Result<Self> {
        let is_there =
            |uid: &str| groups.iter().flat_map(|group| &group.rules).any(|rule| rule.name() == uid);
        let mut uids: Vec<String> = yaml(root, Self::FILE)?;
        for uid in committed_rules(root)? {
            if !uids.contains(&uid) && !is_there(&uid) {
                uids.push(uid);
            }
        }
        let back = uids.iter().find(|uid| is_there(uid));
        ensure!(back.is_none(), "{back:?} is the uid of a rule that Grafana is told to delete");
        let text = fs::read_to_string(root.join(Self::FILE)).context(Self::FILE)?;
        let heading = text.split_inclusive('\n').take_while(|line| line.starts_with('#'));
        Ok(Self { uids, heading: heading.collect() })
    }

    /// The list with what has been retired since.
    pub fn file(&self) -> GeneratedFile {
        let list = match self.uids.as_slice() {
            [] => "[]".to_owned(),
            uids => format!("- {}", uids.join("\n- ")),
        };
        GeneratedFile::new(Self::FILE, format!("{}{list}\n", self.heading))
    }
}

/// The uids of Grafana's rules as they were committed; none before there are any.
fn committed_rules(root: &Path) -> anyhow::Result<Vec<String>> {
    let path = format!("{}/rules.yaml", grafana::FILES);
    if !root.join(&path).exists() {
        return Ok(Vec::new());
    }
    let file: Value = yaml(root, &path)?;
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let rules = list(&file, "groups").into_iter().flat_map(|group| list(&group, "rules"));
    Ok(rules.filter_map(|rule| Some(rule["uid"].as_str()?.to_owned())).collect())
}

/// Everything in `alerts/` that people write.
#[derive(Debug)]
pub struct Source {
    /// The alerts, as they were written, by the names of their files.
    pub groups: Vec<Group>,
    /// The recorded series.
    pub recording: Vec<Group>,
    /// Who is told of what.
    pub routing: Routing,
    /// What Grafana is told to delete.
    pub retired: Retired,
    /// Where the chaos test departs from the rules.
    pub chaos: Exceptions,
}

impl Source {
    /// Reads the files below the top of a repository.
    ///
    /// # Errors
    /// One is missing or is not what it has to be; an alert has no name, or a retired one.
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        let mut groups = groups(root, |file| file != RECORDING)?;
        let is_named = |group: &Group| group.rules.iter().all(|rule| rule.alert.is_some());
        let nameless = groups.iter().find(|group| !is_named(group));
        ensure!(nameless.is_none(), "a rule of {nameless:?} has no name of an alert");
        let mut words = words::numbered(yaml(root, "alerts/words.yaml")?);
        for rule in groups.iter_mut().flat_map(|group| &mut group.rules) {
            rule.words = words.remove(rule.name());
        }
        ensure!(words.is_empty(), "words of no alert: {:?}", words.keys());
        Ok(Self {
            recording: self::groups(root, |file| file == RECORDING)?,
            routing: yaml(root, "alerts/routing.yaml")?,
            retired: Retired::read(root, &groups)?,
            chaos: yaml(root, "alerts/chaos.yaml")?,
            groups,
        })
    }

    /// Every alert as it was written.
    pub fn alerts(&self) -> impl Iterator<Item = &Rule> {
        self.groups.iter().flat_map(|group| &group.rules)
    }
}

/// The file of recorded series beside those of alerts.
const RECORDING: &str = "recording.yaml";

fn groups(root: &Path, wanted: impl Fn(&str) -> bool) -> anyhow::Result<Vec<Group>> {
    let folder = "alerts/rules";
    let entries = fs::read_dir(root.join(folder)).context(folder)?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<anyhow::Result<Vec<_>>>()?;
    names.retain(|name| wanted(name));
    names.sort();
    let mut groups = Vec::new();
    for name in names {
        groups.extend(yaml::<RuleFile>(root, &format!("{folder}/{name}"))?.groups);
    }
    Ok(groups)
}

/// A YAML file of the repository.
///
/// # Errors
/// It cannot be read, or is not of this form; the path is named.
pub fn yaml<T: DeserializeOwned>(root: &Path, path: &str) -> anyhow::Result<T> {
    let text = fs::read_to_string(root.join(path)).with_context(|| path.to_owned())?;
    serde_saphyr::from_str(&text).with_context(|| path.to_owned())
}

/// The text of a generated YAML file, with what it was generated from on top.
///
/// # Errors
/// The value cannot be written as YAML.
pub fn to_yaml(from: &str, value: &impl Serialize) -> anyhow::Result<String> {
    let text = serde_saphyr::to_string(value)?;
    let text = text.trim_end();
    Ok(format!(
        "# Generated from {from} by `cargo run -p provisioning -- write`; do not edit.\n{text}\n"
    ))
}

impl Rule {
    /// The name of the alert; empty for a recorded series.
    pub fn name(&self) -> &str {
        self.alert.as_deref().unwrap_or_default()
    }

    /// The label `severity`; empty without one.
    pub fn severity(&self) -> &str {
        self.labels.get("severity").map_or("", String::as_str)
    }

    /// An annotation; empty without it.
    pub fn annotation(&self, name: &str) -> &str {
        self.annotations.get(name).map_or("", String::as_str)
    }

    /// What notifications say of it.
    ///
    /// # Errors
    /// `alerts/words.yaml` lacks it.
    pub fn words(&self) -> anyhow::Result<&Words> {
        self.words.as_ref().with_context(|| format!("{} has no words", self.name()))
    }

    /// The panel that shows it.
    ///
    /// # Errors
    /// There is none of the dashboard and title that the rule names.
    pub fn panel(&self) -> anyhow::Result<Panel> {
        let (dashboard, title) = (self.annotation(DASHBOARD), self.annotation(PANEL));
        let id = dashboards::panel_id(dashboard, title).with_context(|| self.name().to_owned())?;
        Ok(Panel { dashboard: dashboard.to_owned(), title: title.to_owned(), id })
    }

    /// The rule with the label and the annotations that follow from its name, for every engine.
    ///
    /// # Errors
    /// No panel shows it, or it has no words.
    pub fn complete(&self, links: &Links) -> anyhow::Result<Self> {
        let (name, panel) = (self.name(), self.panel()?);
        let words = self.words()?;
        let mut rule = self.clone();
        rule.labels.insert("service".to_owned(), SERVICE.to_owned());
        rule.annotations.retain(|name, _| name != DASHBOARD && name != PANEL);
        rule.annotations.extend(
            [
                ("description", words.description(self.annotation("description"))),
                ("title", words.title()),
                ("resolved", words.resolved.clone()),
                ("runbook_url", runbooks::url(links, words.number)),
                ("logs", format!("{}/admin/alerts/{name}", links.panel)),
                (
                    "dashboard",
                    format!("{}/d/{}?viewPanel={}", links.grafana, panel.dashboard, panel.id),
                ),
            ]
            .map(|(name, text)| (name.to_owned(), text)),
        );
        if words.service_is_down {
            // The incident page is a page of the service.
            rule.annotations.remove("logs");
        }
        Ok(rule)
    }
}
