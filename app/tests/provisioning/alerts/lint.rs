//! Rules that every alert keeps: names and labels that exist, a panel, a log query, a page to read. And
//! what Grafana asks of its files, checked on the committed ones.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::grafana::{FILES, FOLDER};
use super::source::{self, Rule, yaml};
use crate::committed;
use crate::lint::{expression, logs_query};

const SEVERITIES: [&str; 4] = ["critical", "warning", "info", "none"];
/// The headings of a runbook, in this order.
const HEADINGS: [&str; 7] =
    ["Meaning", "Impact", "Look at", "Mitigate", "Fix", "Check it is over", "Test trigger"];

/// What is wrong with an alert.
fn alert(rule: &Rule) -> Vec<String> {
    let mut wrong = expression(&rule.expr);
    if !SEVERITIES.contains(&rule.severity()) {
        wrong.push(format!("severity {:?}", rule.severity()));
    }
    let text = |name: &str| rule.annotations.get(name).map_or("", String::as_str);
    if text("summary").contains("{{") || !(10..=80).contains(&text("summary").len()) {
        wrong.push("the summary is a short sentence without values".to_owned());
    }
    if text("description").len() < 30 || text("description") == text("summary") {
        wrong.push("the description says too little".to_owned());
    }
    if text("logs_query").is_empty() {
        wrong.push("no logs_query".to_owned());
    }
    wrong.extend(logs_query(text("logs_query")));
    wrong.extend(strangers(&rule.expr));
    // Panels fail to be found with a panic that names them.
    let _found = rule.panel();
    wrong
}

/// Selectors that would also match other services.
fn strangers(expr: &str) -> Vec<String> {
    let selectors = crate::promql::read(expr).map(|read| read.selectors).unwrap_or_default();
    let is_ours = |name: &str, value: &str| (name, value) == ("job", "minitwit");
    let strays = selectors
        .iter()
        .filter(|selector| !selector.matchers.iter().any(|(name, _, value)| is_ours(name, value)));
    strays.map(|selector| format!("{} is of any job", selector.name)).collect()
}

#[test]
fn every_alert_keeps_the_rules() {
    let mut wrong = Vec::new();
    for rule in source::alerts() {
        wrong.extend(alert(rule).into_iter().map(|what| format!("{}: {what}", rule.name())));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(source::alerts().count() >= 32);
}

#[test]
fn what_is_wrong_with_an_alert_is_found() {
    let good = source::alerts().next().unwrap();
    assert_eq!(alert(good), Vec::<String>::new());
    let broken = |change: fn(&mut Rule)| {
        let mut rule = good.clone();
        change(&mut rule);
        alert(&rule).join(" ")
    };
    for (change, complaint) in [
        ((|rule| rule.expr = "up == 0".to_owned()) as fn(&mut Rule), "of any job"),
        (|rule| rule.expr = "ups{job=\"minitwit\"}".to_owned(), "exposed by nothing"),
        (|rule| drop(rule.labels.insert("severity".into(), "bad".into())), "severity"),
        (|rule| drop(rule.annotations.remove("logs_query")), "no logs_query"),
        (|rule| drop(rule.annotations.insert("logs_query".into(), "usr:a".into())), "no field"),
        (|rule| drop(rule.annotations.insert("summary".into(), "{{ $value }}".into())), "summary"),
        (|rule| drop(rule.annotations.remove("description")), "description"),
    ] {
        let found = broken(change);
        assert!(found.contains(complaint), "{complaint}: {found}");
    }
}

#[test]
fn every_alert_has_a_page_to_read() {
    let mut pages = BTreeSet::new();
    for rule in source::alerts() {
        let name = rule.name();
        let page = committed::read(&format!("alerts/runbooks/{name}.md"));
        pages.insert(format!("{name}.md"));
        assert!(page.starts_with(&format!("# {name}\n")), "{name}");
        let headings: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, HEADINGS, "{name}");
        let sections = page.split("\n## ").skip(1);
        assert!(sections.clone().all(|text| text.trim().lines().count() > 1), "{name}: a gap");
        let look: String = sections.skip(2).take(1).collect();
        let panel = rule.panel();
        assert!(look.contains(&format!("*{}*", panel.title)), "{name}: not its panel");
        let query = rule.annotations["logs_query"].replace('\'', "'\\''");
        assert!(look.contains(&format!("logs search '{query}'")), "{name}: not its query");
        let severity = format!("Severity: {}.", rule.severity());
        assert!(page.contains(&severity) && page.contains(&rule.annotations["summary"]), "{name}");
    }
    for entry in fs::read_dir(committed::root().join("alerts/runbooks")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        assert!(pages.contains(&file), "{file} is the page of no alert");
    }
}

#[test]
fn pages_lead_to_pages() {
    for rule in source::alerts() {
        let page = committed::read(&format!("alerts/runbooks/{}.md", rule.name()));
        for target in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = committed::root().join("alerts/runbooks").join(target);
            assert!(file.exists(), "{} leads to {target}", rule.name());
        }
    }
}

#[test]
fn the_folder_is_the_one_of_the_dashboards() {
    let provider: Value = yaml("compose/grafana/dashboards.yaml");
    let provider = &provider["providers"][0];
    assert_eq!(provider["folder"], FOLDER);
    assert!(
        provider.get("folderUid").is_none(),
        "alerting makes the folder, with a uid of its own"
    );
    assert!(!FOLDER.contains('/'));
    let sources: Value = yaml("compose/grafana/datasources.yaml");
    let rules = grafana_rules();
    assert_eq!(sources["datasources"][0]["uid"], rules[0]["data"][0]["datasourceUid"]);
}

/// The rules of the committed file.
fn grafana_rules() -> Vec<Value> {
    let file: Value = yaml(&format!("{FILES}/rules.yaml"));
    let groups = file["groups"].as_array().unwrap().iter();
    groups.flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// Whole seconds of a duration of Prometheus with one unit.
fn seconds(text: &str) -> u64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        other => panic!("{text} is in {other:?}"),
    };
    number.parse::<u64>().unwrap() * unit
}

const OF_A_FILE: [&str; 3] = ["apiVersion", "deleteRules", "groups"];
const OF_A_GROUP: [&str; 5] = ["folder", "interval", "name", "orgId", "rules"];
const OF_A_RULE: [&str; 15] = [
    "annotations",
    "condition",
    "dashboardUid",
    "data",
    "execErrState",
    "for",
    "isPaused",
    "keepFiringFor",
    "labels",
    "missing_series_evals_to_resolve",
    "noDataState",
    "panelId",
    "record",
    "title",
    "uid",
];
const OF_A_NODE: [&str; 5] = ["datasourceUid", "model", "queryType", "refId", "relativeTimeRange"];

#[track_caller]
fn has_only(value: &Value, keys: &[&str]) {
    let strange = value.as_object().unwrap().keys().find(|key| !keys.contains(&key.as_str()));
    assert!(strange.is_none(), "Grafana knows no {strange:?}");
}

#[test]
fn grafana_takes_the_file_of_rules() {
    let file: Value = yaml(&format!("{FILES}/rules.yaml"));
    has_only(&file, &OF_A_FILE);
    assert_eq!(file["apiVersion"], 1);
    let mut names = BTreeSet::new();
    for group in file["groups"].as_array().unwrap() {
        has_only(group, &OF_A_GROUP);
        let name = group["name"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "two groups {name}");
        let interval = seconds(group["interval"].as_str().unwrap());
        assert!(interval > 0 && interval.is_multiple_of(10), "{name}: {interval} s");
    }
    let mut uids = BTreeSet::new();
    for rule in grafana_rules() {
        let uid = rule["uid"].as_str().unwrap();
        assert!(uids.insert(uid.to_owned()), "two rules {uid}");
        grafana_rule(uid, &rule);
    }
    assert_eq!(uids.len(), source::alerts().count());
}

fn grafana_rule(uid: &str, rule: &Value) {
    has_only(rule, &OF_A_RULE);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    assert!(uid.len() <= 40 && uid.chars().all(is_plain), "{uid}");
    let nodes = rule["data"].as_array().unwrap();
    let ids: Vec<_> = nodes.iter().map(|node| node["refId"].as_str().unwrap()).collect();
    assert!(ids.contains(&rule["condition"].as_str().unwrap()), "{uid}: {ids:?}");
    for node in nodes {
        has_only(node, &OF_A_NODE);
        assert_eq!(node["refId"], node["model"]["refId"], "{uid}");
        let range = |end: &str| node["relativeTimeRange"][end].as_u64().unwrap();
        let is_expression = node["datasourceUid"] == "__expr__";
        assert!(is_expression || range("from") > range("to"), "{uid}: an empty range");
        let is_instant = node["model"]["instant"] == true && node["model"]["range"] == false;
        assert!(is_expression || is_instant, "{uid}: a range would need a reduction");
    }
    assert_eq!(rule["noDataState"], "OK", "{uid}: as in Prometheus, no answer is no alert");
    assert_eq!(rule["execErrState"], "Error", "{uid}");
    assert!(rule["missing_series_evals_to_resolve"].as_u64().unwrap() >= 1, "{uid}");
    seconds(rule["for"].as_str().unwrap());
    // Grafana would put variables of its environment there.
    let labels = rule["labels"].as_object().unwrap();
    assert!(labels.values().all(|value| !value.as_str().unwrap().contains('$')), "{uid}");
    assert!(labels.contains_key("severity") && labels["service"] == source::SERVICE, "{uid}");
    let annotations = &rule["annotations"];
    for name in ["summary", "description", "runbook_url", "logs", "logs_query"] {
        assert!(!annotations[name].as_str().unwrap().is_empty(), "{uid}: {name}");
    }
    assert_eq!(annotations["__dashboardUid__"], rule["dashboardUid"], "{uid}");
    assert_eq!(annotations["__panelId__"].as_str().unwrap(), rule["panelId"].to_string(), "{uid}");
    assert!(annotations["runbook_url"].as_str().unwrap().ends_with(&format!("/{uid}")));
}

#[test]
fn no_setting_of_a_contact_point_can_become_empty() {
    let file: Value = yaml(&format!("{FILES}/contact-points.yaml"));
    let points = file["contactPoints"].as_array().unwrap();
    let names: BTreeSet<_> = points.iter().map(|point| point["name"].as_str().unwrap()).collect();
    let mut uids = BTreeSet::new();
    for integration in points.iter().flat_map(|p| p["receivers"].as_array().unwrap()) {
        let uid = integration["uid"].as_str().unwrap();
        assert!(uid.len() <= 40 && uids.insert(uid), "{uid}");
        let settings = integration["settings"].as_object().unwrap();
        for (name, value) in settings.iter().filter(|(_, value)| value.is_string()) {
            // Without this one Grafana sends no header, and the inbox refuses.
            let may_be_empty = name == "authorization_credentials";
            let text = without_variables(value.as_str().unwrap());
            assert!(may_be_empty || !text.is_empty(), "{uid}: {name} may become empty");
        }
    }
    let policies: Value = yaml(&format!("{FILES}/policies.yaml"));
    let timings: Value = yaml(&format!("{FILES}/mute-timings.yaml"));
    let root = &policies["policies"][0];
    let routes = root["routes"].as_array().unwrap();
    assert_eq!(routes[0]["object_matchers"][0][1], "=~");
    assert_eq!(routes[0]["object_matchers"][0][2], "Datasource.*", "those come first");
    for policy in routes.iter().chain([root]) {
        assert!(names.contains(policy["receiver"].as_str().unwrap()), "{policy}");
        let muted = policy["mute_time_intervals"].as_array().into_iter().flatten();
        muted.for_each(|name| assert_eq!(*name, timings["muteTimes"][0]["name"]));
    }
}

/// A text as Grafana has it when none of its variables is set.
fn without_variables(text: &str) -> String {
    let mut parts = text.split("${");
    let first = parts.next().unwrap().to_owned();
    assert!(!first.contains('$'), "{text}: variables are written in braces");
    parts.fold(first, |text, part| text + part.split_once('}').unwrap().1)
}
