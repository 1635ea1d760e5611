//! What people read in notifications: every annotation of every rule rendered by a real Prometheus, with
//! and without a value, and the templates of notifications rendered by Alertmanager's engine.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use provisioning::alerts::grafana::TEMPLATE;
use provisioning::alerts::prometheus;
use provisioning::alerts::source::{Group, Rule, RuleFile, to_yaml};
use serde_json::{Value, json};

use crate::committed::SOURCE;
use crate::installed::installed;
use crate::running::Prometheus;

/// A value in the rule, or none: then the template sees the empty text that Grafana puts in its place.
const VALUES: [(&str, &str); 5] =
    [("some", "133.6"), ("few", "0.4"), ("zero", "0"), ("many", "1234567.8"), ("none", "1")];
/// Labels of all rules together.
const LABELS: [(&str, &str); 5] = [
    ("instance", "a:5002"),
    ("pool", "read"),
    ("reason", "queue_full"),
    ("job_name", "backup"),
    ("job", "minitwit"),
];

/// The rules with a constant in place of their expression, once for each value.
fn constant_rules() -> RuleFile {
    let mut groups = Vec::new();
    for (name, value) in VALUES {
        let rules = prometheus::alerts(&SOURCE).unwrap().groups.into_iter().flat_map(|g| g.rules);
        let rules = rules.map(|rule| constant(rule, name, value)).collect();
        groups.push(Group { name: name.to_owned(), interval: "1s".to_owned(), rules });
    }
    RuleFile { groups }
}

fn constant(mut rule: Rule, name: &str, value: &str) -> Rule {
    let labels = |expr: String, (label, value): &(&str, &str)| {
        format!("label_replace({expr}, \"{label}\", \"{value}\", \"\", \"\")")
    };
    rule.expr = format!("vector({value})");
    if name == "none" {
        for text in rule.annotations.values_mut() {
            *text = format!("{{{{ $value := \"\" }}}}{text}");
        }
    } else {
        rule.expr = LABELS.iter().fold(rule.expr, labels);
    }
    rule.hold = None;
    rule.keep_firing_for = None;
    rule.labels.insert("case".to_owned(), name.to_owned());
    rule
}

#[tokio::test]
async fn no_annotation_of_any_rule_shows_its_template() {
    if installed("prometheus").is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let text = to_yaml("a test", &constant_rules()).unwrap();
    fs::write(dir.path().join("rules.yml"), text).unwrap();
    let prometheus = Prometheus::evaluating(dir.path(), "rules.yml");
    let expected = VALUES.len() * SOURCE.alerts().count();
    let started = Instant::now();
    let mut alerts = prometheus.alerts().await;
    while alerts.len() < expected {
        assert!(started.elapsed() < Duration::from_secs(30), "{} of {expected}", alerts.len());
        tokio::time::sleep(Duration::from_millis(200)).await;
        alerts = prometheus.alerts().await;
    }
    let mut titles = BTreeMap::new();
    for alert in &alerts {
        for (name, text) in alert["annotations"].as_object().unwrap() {
            let text = text.as_str().unwrap();
            for wrong in ["{{", "}}", "<error", "%!", "no value", "  ", "{value", "on  "] {
                assert!(!text.contains(wrong), "{name} of {}: {text}", alert["labels"]);
            }
            assert!(!text.trim().is_empty(), "{name} of {}", alert["labels"]);
        }
        let [rule, case] =
            ["alertname", "case"].map(|name| alert["labels"][name].as_str().unwrap());
        titles.insert((rule, case), alert["annotations"]["title"].as_str().unwrap());
    }
    for (case, title) in [
        ("some", "Database timeouts: 133 requests gave up"),
        ("few", "Database timeouts: 1 requests gave up"),
        ("many", "Database timeouts: 1.235M requests gave up"),
        ("none", "Database timeouts: requests gave up"),
    ] {
        assert_eq!(titles[&("MiniTwitDbTimeouts", case)], title);
    }
}

/// Without a value Grafana has no labels either, and writes `[no value]` for one.
#[test]
fn what_stands_in_for_a_value_uses_nothing_else() {
    for rule in prometheus::alerts(&SOURCE).unwrap().groups.into_iter().flat_map(|g| g.rules) {
        for (name, text) in &rule.annotations {
            let Some((before, after)) = text.split_once("{{ else }}") else {
                assert!(!text.contains("{{"), "{name} of {}: {text}", rule.name());
                continue;
            };
            assert!(before.starts_with("{{ with $"), "{name} of {}: {text}", rule.name());
            assert_eq!(after.matches("{{").count(), 1, "{name} of {}: {text}", rule.name());
        }
        let has_link = rule.annotations.contains_key("logs");
        let is_down = ["MiniTwitDown", "MiniTwitInstanceDown"].contains(&rule.name());
        assert_eq!(has_link, !is_down, "{}", rule.name());
        assert!(!rule.annotations["runbook_url"].starts_with(&SOURCE.routing.links.panel));
    }
}

/// Alertmanager's engine, with what Grafana adds as annotations in the place of fields.
fn render(dir: &Path, name: &str, data: &Value) -> Option<String> {
    let amtool = installed("amtool")?;
    let template = TEMPLATE
        .replace(".PanelURL", ".Annotations.panel_url")
        .replace(".SilenceURL", ".Annotations.silence_url");
    fs::write(dir.join("minitwit.tmpl"), template).unwrap();
    fs::write(dir.join("data.json"), data.to_string()).unwrap();
    let text = format!("--template.text={{{{ template \"minitwit.{name}\" . }}}}");
    let mut command = Command::new(amtool);
    command.current_dir(dir).args(["template", "render", "--template.glob=minitwit.tmpl", &text]);
    let output = command.arg("--template.data=data.json").output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaint.is_empty(), "{name}: {complaint}");
    Some(String::from_utf8(output.stdout).unwrap())
}

fn data(alerts: &[Value]) -> Value {
    let fires = alerts.iter().any(|alert| alert["status"] == "firing");
    json!({
        "receiver": "oncall-page", "status": if fires { "firing" } else { "resolved" },
        "alerts": alerts, "groupLabels": {}, "commonLabels": { "severity": "critical" },
        "commonAnnotations": {}, "externalURL": "http://grafana",
    })
}

fn alert(name: &str, status: &str, starts: &str, ends: &str) -> Value {
    let logs = "http://localhost:5002/admin/alerts/X";
    json!({
        "status": status, "startsAt": starts, "endsAt": ends, "fingerprint": "f", "generatorURL": "",
        "labels": { "alertname": name, "rulename": "MiniTwitDown", "severity": "critical" },
        "annotations": {
            "title": "Database timeouts: 133 requests gave up", "resolved": "Requests timed out.",
            "description": "133 requests timed out.", "summary": "Requests time out", "logs": logs,
            "runbook_url": "http://localhost:3000/d/minitwit-runbooks?viewPanel=5",
            "silence_url": "http://localhost:3000/silence", "panel_url": "http://localhost:3000/panel",
        },
    })
}

const BEGAN: &str = "2026-11-25T09:00:00Z";
const ENDED: &str = "2026-11-25T09:12:00Z";
const NEVER: &str = "0001-01-01T00:00:00Z";

#[test]
fn a_notification_says_what_happened_and_where_to_look() {
    let dir = tempfile::tempdir().unwrap();
    let firing = data(&[alert("X", "firing", BEGAN, NEVER)]);
    let Some(title) = render(dir.path(), "title", &firing) else { return };
    assert_eq!(title, "Database timeouts: 133 requests gave up (critical)");
    let message = render(dir.path(), "message", &firing).unwrap();
    for part in
        ["Since 2026-11-25 09:00 UTC", "What to do: http", "Incident: http", "Silence: http"]
    {
        assert!(message.contains(part), "{part}: {message}");
    }
    let discord = render(dir.path(), "discord", &firing).unwrap();
    assert!(discord.starts_with(&format!("**[{title}](http://localhost:5002/admin/alerts/X)**")));
    // Empty, so that the mail has Grafana's buttons.
    assert_eq!(render(dir.path(), "mail", &firing).unwrap(), "");
    assert_eq!(render(dir.path(), "none", &firing).unwrap(), "");
}

#[test]
fn a_resolved_notification_is_in_the_past_and_has_no_silence() {
    let dir = tempfile::tempdir().unwrap();
    let whole = "Began 2026-11-25 09:00 UTC, ended 2026-11-25 09:12 UTC, lasted 12m0s.";
    for (starts, times) in [(BEGAN, whole), (ENDED, "Ended 2026-11-25 09:12 UTC; when it began")] {
        let resolved = data(&[alert("X", "resolved", starts, ENDED)]);
        for name in ["message", "mail", "discord"] {
            let Some(text) = render(dir.path(), name, &resolved) else { return };
            assert!(text.contains(times) && text.contains("Requests timed out."), "{text}");
            for wrong in ["Silence", "Since", "133 requests", "What to do"] {
                assert!(!text.contains(wrong), "{wrong}: {text}");
            }
        }
        let title = render(dir.path(), "title", &resolved).unwrap();
        assert_eq!(title, "Resolved: Requests timed out.");
    }
}

#[test]
fn failed_evaluations_are_one_message_that_names_no_firing_rule() {
    let dir = tempfile::tempdir().unwrap();
    let failed = |status| alert("DatasourceError", status, BEGAN, NEVER);
    let blind = data(&[failed("firing"), failed("firing")]);
    let Some(title) = render(dir.path(), "title", &blind) else { return };
    assert_eq!(title, "Alerting is blind: 2 rules cannot be evaluated (critical)");
    let message = render(dir.path(), "message", &blind).unwrap();
    assert_eq!(message.matches("Rule MiniTwitDown cannot be evaluated").count(), 2, "{message}");
    assert!(!message.contains("133 requests"), "{message}");
    let over = render(dir.path(), "title", &data(&[failed("resolved")])).unwrap();
    assert_eq!(over, "Resolved: rules can be evaluated again");
}
