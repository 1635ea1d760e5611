//! The configuration of Alertmanager, for who evaluates the rules in Prometheus: the routing that Grafana
//! has. Alertmanager reads no variables, so mail and chat are for who runs it to add.

use serde_json::{Value, json};

use super::routing::{Channel, GROUP_BY, GROUP_INTERVAL, MAX_ALERTS, Receiver, Route, Routing};
use super::source::{Source, to_yaml};
use crate::files::GeneratedFile;

/// Where the generated file is.
pub const FILE: &str = "alerts/alertmanager.yml";

/// The file in a container, made by `compose/setup.sh`.
const TOKEN: &str = "/run/secrets/alert_token";

/// The configuration as a file.
///
/// # Errors
/// It cannot be written as YAML.
pub fn file(source: &Source) -> anyhow::Result<GeneratedFile> {
    Ok(GeneratedFile::new(FILE, to_yaml("alerts/routing.yaml", &configuration(&source.routing))?))
}

fn configuration(routing: &Routing) -> Value {
    let root = &routing.default;
    json!({
        "route": {
            "receiver": root.receiver,
            "group_by": GROUP_BY,
            "group_wait": root.wait,
            "group_interval": GROUP_INTERVAL,
            "repeat_interval": root.repeat,
            "routes": routing.routes.iter().map(|given| route(given, routing)).collect::<Vec<_>>(),
        },
        "receivers": routing.receivers.iter().map(|given| receiver(given, routing)).collect::<Vec<_>>(),
        "time_intervals": [quiet(routing)],
    })
}

fn route(route: &Route, routing: &Routing) -> Value {
    let matchers = route.labels.iter().map(|(label, pattern)| format!("{label}=~\"{pattern}\""));
    let mut written = json!({
        "receiver": route.receiver,
        "matchers": matchers.collect::<Vec<_>>(),
        "continue": route.r#continue,
        "group_wait": route.wait,
        "group_interval": GROUP_INTERVAL,
        "repeat_interval": route.repeat,
    });
    if let Some(labels) = &route.group_by {
        written["group_by"] = json!(labels);
    }
    if route.quiet {
        written["mute_time_intervals"] = json!([routing.quiet.name]);
    }
    written
}

fn receiver(receiver: &Receiver, routing: &Routing) -> Value {
    let mut written = json!({"name": receiver.name});
    if receiver.reaches.contains(&Channel::Inbox) {
        let authorization = json!({"type": "Bearer", "credentials_file": TOKEN});
        written["webhook_configs"] = json!([{
            "url": routing.inbox,
            "max_alerts": MAX_ALERTS,
            "http_config": {"authorization": authorization},
        }]);
    }
    written
}

fn quiet(routing: &Routing) -> Value {
    let quiet = &routing.quiet;
    let times = quiet.times.iter().map(|t| json!({"start_time": t.from, "end_time": t.to}));
    let interval = json!({"times": times.collect::<Vec<_>>(), "location": quiet.location});
    json!({"name": quiet.name, "time_intervals": [interval]})
}
