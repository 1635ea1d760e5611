//! The rules for Prometheus itself: recorded series, which it always evaluates, and the alerts for who
//! uses Alertmanager instead of Grafana.

use super::source::{ALERTS, Group, RECORDING, RuleFile, to_yaml};
use crate::committed;

/// The alerts as Prometheus evaluates them.
pub fn alerts() -> RuleFile {
    let groups = ALERTS.iter().map(|group| Group {
        rules: group.rules.iter().map(super::source::Rule::complete).collect(),
        ..group.clone()
    });
    RuleFile { groups: groups.collect() }
}

/// The recorded series.
pub fn recording() -> RuleFile {
    RuleFile { groups: RECORDING.clone() }
}

#[test]
fn rules_of_prometheus_are_what_the_source_says() {
    let from = "alerts/rules";
    committed::is("alerts/prometheus/alerts.rules.yml", &to_yaml(from, &alerts()));
    committed::is("alerts/prometheus/recording.rules.yml", &to_yaml(from, &recording()));
    committed::are_all("alerts/prometheus", &["alerts.rules.yml", "recording.rules.yml"]);
}
