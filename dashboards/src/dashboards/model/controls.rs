//! What stands above the panels: variables, links, and what is marked on all of them.

use serde_json::{Value, json};

use super::super::build::SELECTION;

/// The uid of the data source that `compose/grafana/datasources.yaml` provisions; where there is none,
/// Grafana takes its first Prometheus.
const DATASOURCE: &str = "prometheus";

/// The data source that the variable of that name chooses.
pub(super) fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

pub(super) fn variables() -> Value {
    json!([
        {
            "name": "datasource",
            "label": "Data source",
            "type": "datasource",
            "query": "prometheus",
            "current": {"text": "Prometheus", "value": DATASOURCE},
            "hide": 0,
            "includeAll": false,
            "multi": false,
            "options": [],
            "refresh": 1,
            "regex": "",
        },
        query_variable("job", "Job", "label_values(minitwit_build_info, job)", JOB),
        // What is down is offered as well, and is what somebody looks for.
        query_variable("instance", "Instance", r#"label_values(up{job=~"$job"}, instance)"#, ".+"),
        {
            "name": "admin_url",
            "label": "Address of the panel",
            "type": "textbox",
            "query": ADMIN_URL,
            "current": {"text": ADMIN_URL, "value": ADMIN_URL},
            "options": [{"text": ADMIN_URL, "value": ADMIN_URL, "selected": true}],
            "hide": 2,
        },
    ])
}

/// Where the panel is through the tunnel of the operations guide.
const ADMIN_URL: &str = "http://localhost:5002";

/// The job of MiniTwit in Prometheus, as the rules name it: all that "All" stands for. Prometheus watches
/// itself and others, too.
const JOB: &str = "minitwit";

fn query_variable(name: &str, label: &str, query: &str, all: &str) -> Value {
    json!({
        "name": name,
        "label": label,
        "type": "query",
        "datasource": datasource(),
        "definition": query,
        "query": {"query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "current": {"text": ["All"], "value": ["$__all"]},
        "allValue": all,
        "includeAll": true,
        "multi": true,
        "hide": 0,
        "options": [],
        "refresh": 2,
        "regex": "",
        "sort": 1,
    })
}

pub(super) fn links() -> Value {
    json!([
        {
            "title": "MiniTwit",
            "type": "dashboards",
            "tags": ["minitwit"],
            "asDropdown": true,
            "includeVars": true,
            "keepTime": true,
            "targetBlank": false,
            "icon": "external link",
            "tooltip": "",
            "url": "",
        },
        panel_link("Logs", "/admin/logs", "doc"),
        panel_link("Requests", "/admin/requests", "bolt"),
    ])
}

fn panel_link(title: &str, path: &str, icon: &str) -> Value {
    json!({
        "title": title,
        "type": "link",
        "tags": [],
        "asDropdown": false,
        "includeVars": false,
        "keepTime": false,
        "targetBlank": true,
        "icon": icon,
        "tooltip": "The panel, in the time that is shown",
        "url": format!("${{admin_url}}{path}?from=${{__from}}&to=${{__to}}"),
    })
}

/// A mark on every panel. `%J` in its query stands for the selection.
pub struct Mark {
    /// Its name among the controls.
    pub title: &'static str,
    color: &'static str,
    /// What Prometheus is asked.
    pub expr: &'static str,
    text: &'static str,
    /// Whether the value is the moment, in milliseconds, and not the time of the sample.
    is_moment: bool,
}

/// What is marked on every panel.
pub const ANNOTATIONS: [Mark; 3] = [
    // The start time itself: a start after a long gap is marked, and once.
    Mark {
        title: "Restarts",
        color: "blue",
        expr: "process_start_time_seconds{%J} * 1000",
        text: "{{instance}} started",
        is_moment: true,
    },
    // A build that was not there in the last six hours, or that appears beside another one. A restart of
    // the same build is neither.
    Mark {
        title: "Deployments",
        color: "purple",
        expr: "(count by (version, revision) (minitwit_build_info{%J}) unless \
               count by (version, revision) (last_over_time(minitwit_build_info{%J}[6h] offset \
               $__rate_interval))) or ((count by (version, revision) (minitwit_build_info{%J}) unless \
               count by (version, revision) (minitwit_build_info{%J} offset $__rate_interval)) and on () \
               count(minitwit_build_info{%J} offset $__rate_interval))",
        text: "deployed {{version}} {{revision}}",
        is_moment: false,
    },
    Mark {
        title: "Alerts of Prometheus",
        color: "red",
        expr: r#"ALERTS{alertname=~"MiniTwit.+",alertstate="firing",severity!="none"}"#,
        text: "{{alertname}}",
        is_moment: false,
    },
];

/// Between two moments for which an annotation is asked: that of the scrapes.
const STEP: &str = "15s";

pub(super) fn annotations() -> Vec<Value> {
    // Grafana marks each change of state, and after its own restart that is one of every rule. What fires
    // is listed on the first row of On call.
    let own = json!({
        "name": "Annotations & Alerts",
        "builtIn": 1,
        "type": "dashboard",
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "enable": false,
        "hide": true,
        "iconColor": "red",
    });
    let queries = ANNOTATIONS.iter().map(|mark| {
        let expr = mark.expr.replace("%J", SELECTION);
        json!({
            "name": mark.title,
            "datasource": datasource(),
            "enable": true,
            // Switches of marks would take a line of their own.
            "hide": true,
            "iconColor": mark.color,
            // Versions differ in where they look for the query; none minds the other place.
            "expr": expr,
            "step": STEP,
            "target": {"refId": "Anno", "expr": expr, "interval": STEP},
            "titleFormat": mark.text,
            "tagKeys": "instance",
            "textFormat": "",
            "useValueForTime": mark.is_moment,
        })
    });
    std::iter::once(own).chain(queries).collect()
}
