//! What `compose/` hands to Grafana and Prometheus: the data source that panels and rules ask, the provider
//! that finds the dashboards, and scrapes of the job and at the interval that both go by.

use std::path::Path;

use provisioning::alerts::grafana::{DATASOURCE, FOLDER};
use provisioning::alerts::source::SERVICE;
use serde_json::Value;

use crate::committed::{root, yaml};
use crate::running::METRICS;

/// What each machine of `compose/` runs.
const SCRAPES: [&str; 2] = ["compose/prometheus.yml", "compose/prometheus-swarm.yml"];
const STACKS: [&str; 2] = ["compose/compose.yaml", "compose/swarm.yaml"];
/// The keys that Grafana reads; it leaves out others without a word.
const OF_A_PROVIDER: [&str; 7] = [
    "allowUiUpdates",
    "disableDeletion",
    "folder",
    "name",
    "options",
    "type",
    "updateIntervalSeconds",
];
const OF_A_SOURCE: [&str; 8] =
    ["access", "editable", "isDefault", "jsonData", "name", "type", "uid", "url"];
const OF_PROMETHEUS: [&str; 4] =
    ["httpMethod", "prometheusType", "prometheusVersion", "timeInterval"];

/// Settings of Grafana that are on by default and ask grafana.com or others, and those that stop it.
const SWITCHED_OFF: [&str; 7] = [
    "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES",
    "GF_ANALYTICS_CHECK_FOR_UPDATES",
    "GF_ANALYTICS_FEEDBACK_LINKS_ENABLED",
    "GF_ANALYTICS_REPORTING_ENABLED",
    "GF_NEWS_NEWS_FEED_ENABLED",
    "GF_PLUGINS_PLUGIN_ADMIN_ENABLED",
    "GF_SNAPSHOTS_EXTERNAL_ENABLED",
];
const SWITCHED_ON: [&str; 3] = [
    "GF_PLUGINS_PREINSTALL_DISABLED",
    "GF_PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED",
    "GF_SECURITY_DISABLE_GRAVATAR",
];

/// The files, for Grafana and for one Prometheus.
struct ComposeFiles {
    dashboards: Value,
    sources: Value,
    prometheus: Value,
    stack: Value,
}

impl ComposeFiles {
    fn committed(prometheus: &str, stack: &str) -> Self {
        Self {
            dashboards: yaml("compose/grafana/dashboards.yaml"),
            sources: yaml("compose/grafana/datasources.yaml"),
            prometheus: yaml(prometheus),
            stack: yaml(stack),
        }
    }

    /// What is wrong with them, in words.
    fn wrong(&self) -> Vec<&'static str> {
        let provider = &self.dashboards["providers"][0];
        let source = &self.sources["datasources"][0];
        let folder = provider["options"]["path"].as_str().unwrap_or("nowhere");
        let global = &self.prometheus["global"];
        let checks = [
            (self.dashboards["apiVersion"] == 1 && self.sources["apiVersion"] == 1, "apiVersion"),
            (has_only(provider, &OF_A_PROVIDER), "a key of the provider"),
            (provider["type"] == "file", "where dashboards come from"),
            // Alerting is provisioned first and makes the folder, with a uid of its own.
            (provider["folder"] == FOLDER && !FOLDER.contains('/'), "the folder of the rules"),
            (self.mounts(folder), "a folder mounted"),
            (provider["allowUiUpdates"] == false, "what is generated cannot be saved"),
            (has_only(source, &OF_A_SOURCE), "a key of the data source"),
            (has_only(&source["jsonData"], &OF_PROMETHEUS), "a setting of the data source"),
            (source["uid"] == DATASOURCE && source["isDefault"] == true, "the data source asked"),
            (source["type"] == "prometheus" && source["access"] == "proxy", "how it is asked"),
            // A rate needs four scrapes, and Grafana counts them by this.
            (source["jsonData"]["timeInterval"] == global["scrape_interval"], "the interval"),
            (global["evaluation_interval"] == global["scrape_interval"], "how often rules run"),
            (self.scrapes(SERVICE, METRICS), "the job that everything asks for"),
            (self.reads_recorded_rules(), "recorded series"),
            (self.opens_with_on_call(), "the home page"),
            (self.keeps_to_itself(), "Grafana asks another machine"),
        ];
        checks.iter().filter(|(holds, _)| !holds).map(|(_, what)| *what).collect()
    }

    /// Whether a service finds this folder, or files in it, on its disk.
    fn mounts(&self, folder: &str) -> bool {
        let services = self.stack["services"].as_object().unwrap().values();
        let mut paths = services.flat_map(paths);
        paths.any(|path| Path::new(path).starts_with(folder))
    }

    /// A variable of Grafana.
    fn variable(&self, name: &str) -> &str {
        self.stack["services"]["grafana"]["environment"][name].as_str().unwrap_or_default()
    }

    /// Whether the first page of Grafana is a file that the stack puts there.
    fn opens_with_on_call(&self) -> bool {
        let home = Path::new(self.variable("GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"));
        let services = self.stack["services"].as_object().unwrap().values();
        let is_there = services.flat_map(paths).any(|path| home.starts_with(path));
        is_there && home.ends_with("oncall.json") && root().join("dashboards/oncall.json").exists()
    }

    /// Whether neither Grafana nor the browsers of its users ask anybody else.
    fn keeps_to_itself(&self) -> bool {
        let is = |value, names: &[&str]| names.iter().all(|name| self.variable(name) == value);
        is("false", &SWITCHED_OFF) && is("true", &SWITCHED_ON)
    }

    /// Whether a job of this name asks for this path.
    fn scrapes(&self, name: &str, path: &str) -> bool {
        let jobs = self.prometheus["scrape_configs"].as_array().unwrap();
        let job = jobs.iter().find(|job| job["job_name"] == name);
        job.is_some_and(|job| job["metrics_path"] == path)
    }

    /// Whether the file of rules is one that the stack puts there; it never is the one of alerts, which
    /// Grafana evaluates.
    fn reads_recorded_rules(&self) -> bool {
        let files = self.prometheus["rule_files"].as_array().unwrap();
        let file = files[0].as_str().unwrap_or_default();
        let (folder, name) = file.rsplit_once('/').unwrap_or_default();
        let is_made = root().join("alerts/prometheus").join(name).exists();
        files.len() == 1 && self.mounts(folder) && is_made && name == "recording.rules.yml"
    }
}

/// Where the volumes and the configurations of a service are in its file system.
fn paths(service: &Value) -> Vec<&str> {
    let list = |key: &str| service[key].as_array().map_or(&[][..], Vec::as_slice);
    let volumes = list("volumes").iter().filter_map(|volume| volume.as_str()?.split(':').nth(1));
    let configs = list("configs").iter().filter_map(|config| config["target"].as_str());
    volumes.chain(configs).collect()
}

fn has_only(value: &Value, keys: &[&str]) -> bool {
    value.as_object().is_some_and(|object| object.keys().all(|key| keys.contains(&key.as_str())))
}

#[test]
fn grafana_and_prometheus_are_handed_what_dashboards_and_rules_go_by() {
    for (prometheus, stack) in SCRAPES.iter().zip(STACKS) {
        let wrong = ComposeFiles::committed(prometheus, stack).wrong();
        assert_eq!(wrong, Vec::<&str>::new(), "{prometheus}, {stack}");
    }
}

#[test]
fn what_does_not_fit_is_found() {
    type Change = fn(&mut ComposeFiles);
    let cases: [(Change, &str); 17] = [
        (|f| f.sources["apiVersion"] = 2.into(), "apiVersion"),
        (|f| f.dashboards["providers"][0]["folderUid"] = "x".into(), "a key of the provider"),
        (|f| f.dashboards["providers"][0]["type"] = "git".into(), "where dashboards come from"),
        (|f| f.dashboards["providers"][0]["folder"] = "Else".into(), "the folder of the rules"),
        (|f| f.dashboards["providers"][0]["options"]["path"] = "/else".into(), "a folder mounted"),
        (
            |f| f.dashboards["providers"][0]["allowUiUpdates"] = true.into(),
            "what is generated cannot be saved",
        ),
        (|f| f.sources["datasources"][0]["database"] = "x".into(), "a key of the data source"),
        (
            |f| f.sources["datasources"][0]["jsonData"]["timeinterval"] = "15s".into(),
            "a setting of the data source",
        ),
        (|f| f.sources["datasources"][0]["uid"] = "other".into(), "the data source asked"),
        (|f| f.sources["datasources"][0]["access"] = "direct".into(), "how it is asked"),
        (|f| f.sources["datasources"][0]["jsonData"]["timeInterval"] = "1m".into(), "the interval"),
        (|f| f.prometheus["global"]["evaluation_interval"] = "1m".into(), "how often rules run"),
        (
            |f| f.prometheus["scrape_configs"][0]["job_name"] = "app".into(),
            "the job that everything asks for",
        ),
        (
            |f| f.prometheus["scrape_configs"][0]["metrics_path"] = "/course".into(),
            "the job that everything asks for",
        ),
        (
            |f| f.prometheus["rule_files"][0] = "/etc/prometheus/rules/alerts.rules.yml".into(),
            "recorded series",
        ),
        (
            |f| environment(f)["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] = "/x.json".into(),
            "the home page",
        ),
        (
            |f| environment(f)["GF_SECURITY_DISABLE_GRAVATAR"] = "false".into(),
            "Grafana asks another machine",
        ),
    ];
    for (change, complaint) in cases {
        let mut files = ComposeFiles::committed(SCRAPES[0], STACKS[0]);
        change(&mut files);
        assert_eq!(files.wrong(), [complaint]);
    }
}

fn environment(files: &mut ComposeFiles) -> &mut Value {
    &mut files.stack["services"]["grafana"]["environment"]
}
