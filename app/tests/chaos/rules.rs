//! The rules of the repository, a sixty times faster: windows, waits and the lengths that expressions
//! name. What a test machine cannot reach gets another threshold.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use regex::{Captures, Regex};

use crate::excluded_alerts::EXCEPTIONS;

/// By how much time is shortened.
const SCALE: u64 = 60;

/// The rules of Prometheus, scaled, and the names of their alerts.
pub fn scaled() -> (String, Vec<String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../alerts/prometheus/alerts.rules.yml");
    let file: serde_json::Value =
        serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let groups = file["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let mut text = "groups:\n- name: scaled\n  interval: 1s\n  rules:\n".to_owned();
    let mut names = Vec::new();
    let mut used = 0;
    for rule in rules {
        let name = rule["alert"].as_str().unwrap();
        if EXCEPTIONS.excludes(name) {
            continue;
        }
        names.push(name.to_owned());
        let mut expr = in_short(rule["expr"].as_str().unwrap());
        for threshold in EXCEPTIONS.thresholds.iter().filter(|known| known.alert == name) {
            let said = &threshold.rule;
            assert!(expr.contains(said), "{name} does not say {said}: {expr}");
            expr = expr.replace(said, &threshold.test);
            used += 1;
        }
        let mut scaled = rule.clone();
        scaled["expr"] = expr.into();
        for wait in ["for", "keep_firing_for"] {
            if let Some(length) = rule[wait].as_str() {
                scaled[wait] = shorter(length).into();
            }
        }
        // JSON is YAML.
        writeln!(text, "  - {scaled}").unwrap();
    }
    assert_eq!(used, EXCEPTIONS.thresholds.len(), "a threshold is of no rule");
    assert_eq!(
        names.len() + EXCEPTIONS.excluded.len(),
        file["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["rules"].as_array().unwrap().len())
            .sum::<usize>()
    );
    (text, names)
}

/// An expression with its ranges shortened.
fn in_short(expr: &str) -> String {
    let range = Regex::new(r"\[(\d+[smhd])\]").unwrap();
    range.replace_all(expr, |found: &Captures<'_>| format!("[{}]", shorter(&found[1]))).into_owned()
}

fn shorter(length: &str) -> String {
    let (number, unit) = length.split_at(length.len() - 1);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        other => panic!("{length} is in {other:?}"),
    };
    format!("{}s", number.parse::<u64>().unwrap() * unit / SCALE)
}
