//! The alerting files that Grafana 12 and later load from `provisioning/alerting`.
//!
//! Each rule is what Grafana's own converter makes of one of Prometheus: a query with its comparison, a
//! test whether it has an answer, a threshold; so both engines mean the same. Grafana expands `$NAME` and
//! `${NAME}` in contact points and labels, and refuses to start with a setting that is empty then.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::routing::{
    Channel, GROUP_BY, GROUP_INTERVAL, Links, MAX_ALERTS, Receiver, Route, Routing,
};
use super::source::{Rule, Source, to_yaml};
use crate::files::GeneratedFile;

/// The uid of the data source, as `compose/grafana/datasources.yaml` gives it.
pub const DATASOURCE: &str = "prometheus";
/// The folder, as `compose/grafana/dashboards.yaml` gives it: alerting is provisioned first and makes it.
pub const FOLDER: &str = "MiniTwit";
/// The folder of the generated files.
pub const FILES: &str = "alerts/grafana";

/// All of them, and the list of retired rules, which only grows.
///
/// # Errors
/// A rule names a panel that there is not.
pub fn files(source: &Source) -> anyhow::Result<[GeneratedFile; 6]> {
    let (routing, rules) = (&source.routing, rules(source)?);
    let (of_rules, of_routing) = ("alerts/rules", "alerts/routing.yaml");
    let here = "dashboards/src/alerts/grafana.rs";
    let file = |name: &str, text: anyhow::Result<String>| {
        anyhow::Ok(GeneratedFile::new(format!("{FILES}/{name}"), text?))
    };
    Ok([
        source.retired.file(),
        file("rules.yaml", to_yaml(of_rules, &rules))?,
        file("contact-points.yaml", to_yaml(of_routing, &contact_points(routing)))?,
        file("policies.yaml", to_yaml(of_routing, &policies(routing)))?,
        file("mute-timings.yaml", to_yaml(of_routing, &mute_timings(routing)))?,
        file("templates.yaml", to_yaml(here, &templates()))?,
    ])
}

#[derive(Serialize)]
struct RuleFile<'a> {
    #[serde(rename = "apiVersion")]
    api_version: u8,
    #[serde(rename = "deleteRules", skip_serializing_if = "Vec::is_empty")]
    delete_rules: Vec<Value>,
    groups: Vec<RuleGroup<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleGroup<'a> {
    org_id: u8,
    name: &'a str,
    folder: &'static str,
    interval: &'a str,
    rules: Vec<AlertRule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertRule {
    uid: String,
    title: String,
    condition: &'static str,
    data: [Value; 3],
    #[serde(rename = "for")]
    hold: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_for: Option<String>,
    no_data_state: &'static str,
    exec_err_state: &'static str,
    #[serde(rename = "missing_series_evals_to_resolve")]
    evals_to_resolve: u8,
    dashboard_uid: String,
    panel_id: u32,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    is_paused: bool,
}

impl AlertRule {
    fn new(rule: &Rule, links: &Links) -> anyhow::Result<Self> {
        let (panel, rule) = (rule.panel()?, rule.complete(links)?);
        let name = rule.name().to_owned();
        let mut annotations = rule.annotations;
        annotations.insert("__dashboardUid__".to_owned(), panel.dashboard.clone());
        annotations.insert("__panelId__".to_owned(), panel.id.to_string());
        Ok(Self {
            uid: name.clone(),
            title: name,
            condition: "threshold",
            data: nodes(&rule.expr),
            hold: rule.hold.unwrap_or_else(|| "0s".to_owned()),
            keep_firing_for: rule.keep_firing_for,
            no_data_state: "OK",
            exec_err_state: "Error",
            evals_to_resolve: 1,
            dashboard_uid: panel.dashboard,
            panel_id: panel.id,
            labels: rule.labels,
            annotations,
            is_paused: false,
        })
    }
}

fn nodes(expr: &str) -> [Value; 3] {
    let expression = |name: &str, model: Value| {
        let mut model = model;
        model["refId"] = name.into();
        model["datasource"] = json!({"type": "__expr__", "uid": "__expr__"});
        json!({"refId": name, "relativeTimeRange": {"from": 0, "to": 0}, "datasourceUid": "__expr__",
            "model": model})
    };
    [
        json!({
            "refId": "query",
            "relativeTimeRange": {"from": 600, "to": 0},
            "datasourceUid": DATASOURCE,
            "model": {
                "refId": "query",
                "datasource": {"type": "prometheus", "uid": DATASOURCE},
                "expr": expr,
                "instant": true,
                "range": false,
                "intervalMs": 1000,
                "maxDataPoints": 43200,
            },
        }),
        expression(
            "prometheus_math",
            json!({"type": "math", "expression": "is_number($query) || is_nan($query) || is_inf($query)"}),
        ),
        expression(
            "threshold",
            json!({"type": "threshold", "expression": "prometheus_math",
                "conditions": [{"evaluator": {"type": "gt", "params": [0]}}]}),
        ),
    ]
}

fn rules(source: &Source) -> anyhow::Result<RuleFile<'_>> {
    let links = &source.routing.links;
    let mut groups = Vec::new();
    for group in &source.groups {
        let rules = group.rules.iter().map(|rule| AlertRule::new(rule, links));
        groups.push(RuleGroup {
            org_id: 1,
            name: &group.name,
            folder: FOLDER,
            interval: &group.interval,
            rules: rules.collect::<anyhow::Result<_>>()?,
        });
    }
    let delete = |uid: &String| json!({"orgId": 1, "uid": uid});
    let delete_rules = source.retired.uids.iter().map(delete).collect();
    Ok(RuleFile { api_version: 1, delete_rules, groups })
}

fn contact_points(routing: &Routing) -> Value {
    let points = routing.receivers.iter().map(|receiver| {
        let inbox = &routing.inbox;
        let reached = receiver.reaches.iter().map(|channel| integration(receiver, *channel, inbox));
        json!({"orgId": 1, "name": receiver.name, "receivers": reached.collect::<Vec<_>>()})
    });
    json!({"apiVersion": 1, "contactPoints": points.collect::<Vec<_>>()})
}

/// What follows a variable is there so that the setting is never empty: `#` begins the part of an address
/// that is not sent, `;` ends an address of a list. Without the variable no such address exists, and the
/// notification fails inside Grafana.
fn integration(receiver: &Receiver, channel: Channel, inbox: &str) -> Value {
    let title = r#"{{ template "minitwit.title" . }}"#;
    let message = r#"{{ template "minitwit.message" . }}"#;
    let mail = r#"{{ template "minitwit.mail" . }}"#;
    let discord = r#"{{ template "minitwit.discord" . }}"#;
    let none = r#"{{ template "minitwit.none" . }}"#;
    let (kind, settings) = match channel {
        Channel::Inbox => (
            "webhook",
            json!({"url": inbox, "httpMethod": "POST", "maxAlerts": MAX_ALERTS,
                "authorization_scheme": "Bearer",
                "authorization_credentials": "${GF_MINITWIT_ALERT_TOKEN}"}),
        ),
        Channel::Mail => (
            "email",
            json!({"addresses": "${MINITWIT_ALERT_MAIL};", "singleEmail": true,
                "subject": title, "message": mail}),
        ),
        Channel::Slack => (
            "slack",
            json!({"url": "${MINITWIT_ALERT_SLACK_URL}#", "title": title, "text": message}),
        ),
        Channel::Discord => (
            "discord",
            json!({"url": "${MINITWIT_ALERT_DISCORD_URL}#", "title": none, "message": discord}),
        ),
    };
    let uid = format!("{}-{kind}", receiver.name);
    json!({"uid": uid, "type": kind, "disableResolveMessage": false, "settings": settings})
}

fn policies(routing: &Routing) -> Value {
    let root = &routing.default;
    json!({"apiVersion": 1, "policies": [{
        "orgId": 1,
        "receiver": root.receiver,
        "group_by": GROUP_BY,
        "group_wait": root.wait,
        "group_interval": GROUP_INTERVAL,
        "repeat_interval": root.repeat,
        "routes": routing.routes.iter().map(|route| policy(route, routing)).collect::<Vec<_>>(),
    }]})
}

fn policy(route: &Route, routing: &Routing) -> Value {
    let matchers = route.labels.iter().map(|(label, pattern)| json!([label, "=~", pattern]));
    let mut policy = json!({
        "receiver": route.receiver,
        "object_matchers": matchers.collect::<Vec<_>>(),
        "continue": route.r#continue,
        "group_wait": route.wait,
        "group_interval": GROUP_INTERVAL,
        "repeat_interval": route.repeat,
    });
    policy["group_by"] = route.group_by.as_ref().map_or(json!(GROUP_BY), |labels| json!(labels));
    if route.quiet {
        policy["mute_time_intervals"] = json!([routing.quiet.name]);
    }
    policy
}

fn mute_timings(routing: &Routing) -> Value {
    let quiet = &routing.quiet;
    let times = quiet.times.iter().map(|t| json!({"start_time": t.from, "end_time": t.to}));
    let interval = json!({"times": times.collect::<Vec<_>>(), "location": quiet.location});
    json!({"apiVersion": 1,
        "muteTimes": [{"orgId": 1, "name": quiet.name, "time_intervals": [interval]}]})
}

/// What a person reads: what happened, since when, where to look; and afterwards how long it lasted.
/// Grafana resolves an alert under the time of its end, so the start is told only when it is another.
/// A mail without a text of its own has Grafana's, with buttons; Discord's title would lead to Grafana's
/// list of alerts, so it is empty and the first line leads to the incident.
pub const TEMPLATE: &str = r#"{{ define "minitwit.one" -}}
{{ if match "^Datasource" .Labels.alertname }}Rule {{ .Labels.rulename }} cannot be evaluated{{ else }}{{ or .Annotations.title .Annotations.summary .Labels.alertname }}{{ end }}
{{- end }}

{{ define "minitwit.title" -}}
{{ $first := index .Alerts 0 -}}
{{ if eq .Status "firing" -}}
{{ $first = index .Alerts.Firing 0 -}}
{{ if match "^Datasource" $first.Labels.alertname }}Alerting is blind: {{ len .Alerts.Firing }} rules cannot be evaluated{{ else }}{{ template "minitwit.one" $first }}{{ if gt (len .Alerts.Firing) 1 }}, {{ len .Alerts.Firing }} alerts{{ end }}{{ end }}{{ with .CommonLabels.severity }} ({{ . }}){{ end }}
{{- else -}}
Resolved: {{ if match "^Datasource" $first.Labels.alertname }}rules can be evaluated again{{ else }}{{ or $first.Annotations.resolved $first.Annotations.summary $first.Labels.alertname }}{{ end }}
{{- end }}
{{- end }}

{{ define "minitwit.firing" -}}
{{ range .Alerts.Firing -}}
{{ template "minitwit.one" . }}
{{ if not (match "^Datasource" .Labels.alertname) }}{{ .Annotations.description }}
Since {{ .StartsAt.UTC.Format "2006-01-02 15:04" }} UTC
{{ with .Annotations.runbook_url }}What to do: {{ . }}
{{ end }}{{ with .Annotations.logs }}Incident: {{ . }}
{{ end }}{{ with .PanelURL }}Panel: {{ . }}
{{ end }}{{ with .SilenceURL }}Silence: {{ . }}
{{ end }}
{{ end }}{{ end }}
{{- end }}

{{ define "minitwit.resolved" -}}
{{ range .Alerts.Resolved -}}
{{ if match "^Datasource" .Labels.alertname }}Rule {{ .Labels.rulename }} could not be evaluated.{{ else }}{{ or .Annotations.resolved .Annotations.summary .Labels.alertname }}{{ end }}
{{ if .EndsAt.After .StartsAt }}Began {{ .StartsAt.UTC.Format "2006-01-02 15:04" }} UTC, ended {{ .EndsAt.UTC.Format "2006-01-02 15:04" }} UTC, lasted {{ (.EndsAt.Sub .StartsAt).Round 1000000000 }}.{{ else }}Ended {{ .EndsAt.UTC.Format "2006-01-02 15:04" }} UTC; when it began and how long it lasted is on its page.{{ end }}
{{ with .Annotations.logs }}Incident: {{ . }}
{{ end }}
{{ end }}
{{- end }}

{{ define "minitwit.message" -}}
{{ if .Alerts.Firing }}{{ template "minitwit.firing" . }}{{ end }}{{ if .Alerts.Resolved }}{{ template "minitwit.resolved" . }}{{ end }}
{{- end }}

{{ define "minitwit.mail" -}}
{{ if not .Alerts.Firing }}{{ template "minitwit.resolved" . }}{{ end }}
{{- end }}

{{ define "minitwit.discord" -}}
{{ $first := index .Alerts 0 -}}
{{ $url := or $first.Annotations.logs $first.Annotations.runbook_url -}}
{{ if $url }}**[{{ template "minitwit.title" . }}]({{ $url }})**{{ else }}**{{ template "minitwit.title" . }}**{{ end }}
{{ template "minitwit.message" . }}
{{- end }}

{{ define "minitwit.none" -}}{{- end }}
"#;

fn templates() -> Value {
    json!({"apiVersion": 1,
        "templates": [{"orgId": 1, "name": "minitwit", "template": TEMPLATE}]})
}
