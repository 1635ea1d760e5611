//! The rules of the repository, a sixty times faster: windows, waits and the lengths that expressions
//! name. What a test machine cannot reach gets another threshold.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use regex::{Captures, Regex};

use crate::excluded_alerts::EXCEPTIONS;

/// By how much time is shortened.
const SCALE: u64 = 60;

/// Rules that look back for hours, as a test that begins with its fault has no such time behind it; and what is true
/// of a machine that compiles besides.
const LEFT_OUT: [&str; 5] = [
    "MiniTwitCpuSaturated",
    "MiniTwitErrorBudgetBurnMedium",
    "MiniTwitErrorBudgetBurnSlow",
    "MiniTwitErrorBudgetBurnCreep",
    "MiniTwitLatencyBudgetBurnSlow",
];

/// The rules that an outage of minutes may fire and the recorded series, as they are but so many times
/// faster.
pub fn of_an_outage(scale: u64) -> String {
    let mut text = "groups:\n- name: outage\n  interval: 1s\n  rules:\n".to_owned();
    for rule in committed("recording").iter().chain(&committed("alerts")) {
        if rule["alert"].as_str().is_some_and(|name| LEFT_OUT.contains(&name)) {
            continue;
        }
        let expr = in_short(rule["expr"].as_str().unwrap(), scale);
        writeln!(text, "  - {}", with(rule, expr, scale)).unwrap();
    }
    text
}

/// Every rule of the repository, of the alerts or of recorded series.
fn committed(kind: &str) -> Vec<serde_json::Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join(format!("../alerts/prometheus/{kind}.rules.yml"));
    let file: serde_json::Value =
        serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let groups = file["groups"].as_array().unwrap().iter();
    groups.flat_map(|group| group["rules"].as_array().unwrap()).cloned().collect()
}

/// A rule with another expression, and shorter waits. JSON is YAML.
fn with(rule: &serde_json::Value, expr: String, scale: u64) -> serde_json::Value {
    let mut scaled = rule.clone();
    scaled["expr"] = expr.into();
    for wait in ["for", "keep_firing_for"] {
        if let Some(length) = rule[wait].as_str() {
            scaled[wait] = shorter(length, scale).into();
        }
    }
    scaled
}

/// The rules of Prometheus, scaled, and the names of their alerts.
pub fn scaled() -> (String, Vec<String>) {
    let rules = committed("alerts");
    let mut text = "groups:\n- name: scaled\n  interval: 1s\n  rules:\n".to_owned();
    let mut names = Vec::new();
    let mut used = 0;
    for rule in &rules {
        let name = rule["alert"].as_str().unwrap();
        if EXCEPTIONS.excludes(name) {
            continue;
        }
        names.push(name.to_owned());
        let mut expr = in_short(rule["expr"].as_str().unwrap(), SCALE);
        for threshold in EXCEPTIONS.thresholds.iter().filter(|known| known.alert == name) {
            let said = &threshold.rule;
            assert!(expr.contains(said), "{name} does not say {said}: {expr}");
            expr = expr.replace(said, &threshold.test);
            used += 1;
        }
        writeln!(text, "  - {}", with(rule, expr, SCALE)).unwrap();
    }
    assert_eq!(used, EXCEPTIONS.thresholds.len(), "a threshold is of no rule");
    assert_eq!(names.len() + EXCEPTIONS.excluded.len(), rules.len());
    (text, names)
}

/// An expression with its ranges shortened.
fn in_short(expr: &str, scale: u64) -> String {
    let range = Regex::new(r"\[(\d+[smhd])\]").unwrap();
    let short = |found: &Captures<'_>| format!("[{}]", shorter(&found[1], scale));
    range.replace_all(expr, short).into_owned()
}

fn shorter(length: &str, scale: u64) -> String {
    let (number, unit) = length.split_at(length.len() - 1);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        other => panic!("{length} is in {other:?}"),
    };
    format!("{}s", (number.parse::<u64>().unwrap() * unit / scale).max(1))
}
