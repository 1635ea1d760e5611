//! Every rule on made-up series: `promtool test rules` runs `alerts/tests/*.yaml`, and each alert has a
//! case in which it fires and one in which it must not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use provisioning::alerts::prometheus;
use provisioning::alerts::source::{RuleFile, to_yaml};
use serde_json::Value;

use super::tools::promtool;
use crate::committed::{SOURCE, root, yaml};

/// `vector(1)` cannot be silent.
const ALWAYS: &str = "MiniTwitWatchdog";

fn files() -> Vec<String> {
    let folder = fs::read_dir(root().join("alerts/tests")).unwrap();
    let mut names: Vec<_> =
        folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The cases state two annotations; the others follow from an alert's name, and have a test of their own.
#[test]
fn rules_do_with_made_up_series_what_the_cases_say() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["prometheus", "tests"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let recording = to_yaml("alerts/rules", &prometheus::recording(&SOURCE)).unwrap();
    write("prometheus/recording.rules.yml", &recording);
    for name in files() {
        let file = format!("tests/{name}");
        let rules = rules_of(&alerts_of(&yaml(&format!("alerts/{file}"))));
        write("prometheus/alerts.rules.yml", &to_yaml("alerts/rules", &rules).unwrap());
        fs::copy(root().join("alerts").join(&file), folder.path().join(&file)).unwrap();
        promtool(folder.path(), &["test", "rules", &file]);
    }
}

/// The cases of alerts in a file: the name of the alert, and whether it fires.
fn cases(file: &Value) -> impl Iterator<Item = (&str, bool)> {
    let tests = file["tests"].as_array().unwrap().iter();
    let cases = tests.filter_map(|test| test["alert_rule_test"].as_array()).flatten();
    cases.map(|case| {
        let fires = !case["exp_alerts"].as_array().unwrap().is_empty();
        (case["alertname"].as_str().unwrap(), fires)
    })
}

/// The alerts that a file has cases of.
fn alerts_of(file: &Value) -> BTreeSet<String> {
    cases(file).map(|(alert, _)| alert.to_owned()).collect()
}

/// The rules that cases are about: evaluating all of them for days takes a minute.
fn rules_of(names: &BTreeSet<String>) -> RuleFile {
    let mut alerts = prometheus::alerts(&SOURCE).unwrap();
    for group in &mut alerts.groups {
        group.rules.retain(|rule| names.contains(rule.name()));
        for rule in &mut group.rules {
            rule.annotations.retain(|name, _| name == "summary" || name == "description");
        }
    }
    alerts.groups.retain(|group| !group.rules.is_empty());
    alerts
}

#[test]
fn every_alert_has_a_case_that_fires_and_one_that_does_not() {
    let mut counts = BTreeMap::<String, [usize; 2]>::new();
    for name in files() {
        let file: Value = yaml(&format!("alerts/tests/{name}"));
        for (alert, fires) in cases(&file) {
            counts.entry(alert.to_owned()).or_default()[usize::from(fires)] += 1;
        }
    }
    for rule in SOURCE.alerts() {
        let [silent, firing] = counts.remove(rule.name()).unwrap_or_default();
        assert!(firing > 0, "{} has no case that fires", rule.name());
        assert!(silent > 0 || rule.name() == ALWAYS, "{} has no silent case", rule.name());
    }
    assert!(counts.is_empty(), "cases of no alert: {counts:?}");
}

#[test]
fn every_recorded_series_has_a_case() {
    let file: Value = yaml("alerts/tests/recording.yaml");
    let tests = file["tests"].as_array().unwrap().iter();
    let cases = tests.flat_map(|test| test["promql_expr_test"].as_array().unwrap());
    let asked: Vec<_> = cases.map(|case| case["expr"].as_str().unwrap()).collect();
    let recording = prometheus::recording(&SOURCE);
    let rules = recording.groups.iter().flat_map(|group| &group.rules);
    for name in rules.map(|rule| rule.record.as_deref().unwrap()) {
        // The long ones are the same expression over another time.
        let (family, _) = name.rsplit_once(['_', ':']).unwrap();
        assert!(asked.iter().any(|expr| expr.contains(family)), "{name}");
    }
}
