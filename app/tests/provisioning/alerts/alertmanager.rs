//! The configuration of Alertmanager, for who evaluates the rules in Prometheus: the routing that Grafana
//! has. Alertmanager reads no variables, so mail and chat are for who runs it to add.

use serde_json::{Value, json};

use super::routing::{Channel, GROUP_BY, GROUP_INTERVAL, ROUTING, Receiver, Route};
use super::source::to_yaml;
use crate::committed;

/// Where the generated file is.
pub const FILE: &str = "alerts/alertmanager.yml";

/// The file in a container, made by `compose/setup.sh`.
const TOKEN: &str = "/run/secrets/alert_token";

fn configuration() -> Value {
    let root = &ROUTING.default;
    json!({
        "route": {
            "receiver": root.receiver,
            "group_by": GROUP_BY,
            "group_wait": root.wait,
            "group_interval": GROUP_INTERVAL,
            "repeat_interval": root.repeat,
            "routes": ROUTING.routes.iter().map(route).collect::<Vec<_>>(),
        },
        "receivers": ROUTING.receivers.iter().map(receiver).collect::<Vec<_>>(),
        "time_intervals": [quiet()],
    })
}

fn route(route: &Route) -> Value {
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
        written["mute_time_intervals"] = json!([ROUTING.quiet.name]);
    }
    written
}

fn receiver(receiver: &Receiver) -> Value {
    let mut written = json!({"name": receiver.name});
    if receiver.reaches.contains(&Channel::Inbox) {
        let authorization = json!({"type": "Bearer", "credentials_file": TOKEN});
        written["webhook_configs"] = json!([{
            "url": ROUTING.inbox,
            "http_config": {"authorization": authorization},
        }]);
    }
    written
}

fn quiet() -> Value {
    let quiet = &ROUTING.quiet;
    let times = quiet.times.iter().map(|t| json!({"start_time": t.from, "end_time": t.to}));
    let interval = json!({"times": times.collect::<Vec<_>>(), "location": quiet.location});
    json!({"name": quiet.name, "time_intervals": [interval]})
}

#[test]
fn alertmanager_is_routed_as_the_source_says() {
    committed::is(FILE, &to_yaml("alerts/routing.yaml", &configuration()));
}
