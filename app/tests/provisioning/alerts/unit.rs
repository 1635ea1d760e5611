//! Every rule on made-up series: `promtool test rules` runs `alerts/tests/*.yaml`, and each alert has a
//! case in which it fires and one in which it must not.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::prometheus;
use super::source::{self, RuleFile, to_yaml, yaml};
use super::tools::promtool;
use crate::committed::{self, root};

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
    let recording = to_yaml("alerts/rules", &prometheus::recording());
    write("prometheus/recording.rules.yml", &recording);
    for name in files() {
        let file = format!("tests/{name}");
        let cases = committed::read(&format!("alerts/{file}"));
        write("prometheus/alerts.rules.yml", &to_yaml("alerts/rules", &rules_of(&cases)));
        write(&file, &cases);
        promtool(folder.path(), &["test", "rules", &file]);
    }
}

/// The rules that cases are about: evaluating all of them for days takes a minute.
fn rules_of(cases: &str) -> RuleFile {
    let mut alerts = prometheus::alerts();
    for group in &mut alerts.groups {
        group.rules.retain(|rule| cases.contains(&format!("alertname: {}\n", rule.name())));
        for rule in &mut group.rules {
            rule.annotations.retain(|name, _| name == "summary" || name == "description");
        }
    }
    alerts.groups.retain(|group| !group.rules.is_empty());
    alerts
}

#[test]
fn every_alert_has_a_case_that_fires_and_one_that_does_not() {
    let mut cases = BTreeMap::<String, [usize; 2]>::new();
    for name in files() {
        let file: Value = yaml(&format!("alerts/tests/{name}"));
        let tests = file["tests"].as_array().unwrap().iter();
        let cases_of = tests.filter_map(|test| test["alert_rule_test"].as_array());
        for case in cases_of.flatten() {
            let alert = case["alertname"].as_str().unwrap().to_owned();
            let fires = !case["exp_alerts"].as_array().unwrap().is_empty();
            cases.entry(alert).or_default()[usize::from(fires)] += 1;
        }
    }
    for rule in source::alerts() {
        let [silent, firing] = cases.remove(rule.name()).unwrap_or_default();
        assert!(firing > 0, "{} has no case that fires", rule.name());
        assert!(silent > 0 || rule.name() == ALWAYS, "{} has no silent case", rule.name());
    }
    assert!(cases.is_empty(), "cases of no alert: {cases:?}");
}

#[test]
fn every_recorded_series_has_a_case() {
    let cases = committed::read("alerts/tests/recording.yaml");
    let recording = prometheus::recording();
    let rules = recording.groups.iter().flat_map(|group| &group.rules);
    for name in rules.map(|rule| rule.record.as_deref().unwrap()) {
        // The long ones are the same expression over another time.
        let (family, _) = name.rsplit_once(['_', ':']).unwrap();
        assert!(cases.contains(family), "{name}");
    }
}
