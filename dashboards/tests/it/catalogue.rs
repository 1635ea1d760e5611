//! The catalogue of metrics: what every entry has, and who reads it.

use std::collections::BTreeSet;

use logsearch::metrics::{Kind, Unit};
use provisioning::dashboards;
use provisioning::metrics_page::metrics;

use crate::{alerts, lint, promql};

/// Metrics that no panel and no alert reads, each with the reason to have it.
const FOR_OTHERS: [(&str, &str); 1] =
    [("minitwit_cpu_load_percent", "the dashboards of the course read it")];

/// Every expression of dashboards and alerts.
fn expressions() -> impl Iterator<Item = String> {
    let targets = dashboards::panels().flat_map(|(_, panel)| &panel.targets);
    targets.map(|target| target.expr.clone()).chain(alerts::expressions())
}

#[test]
fn every_metric_is_read_by_a_panel_or_an_alert() {
    let selectors = expressions().flat_map(|text| promql::read(&text).unwrap().selectors);
    let read: BTreeSet<_> =
        selectors.filter_map(|s| lint::metric_of(&s.name)).map(|(metric, _)| metric.name).collect();
    for metric in metrics() {
        let for_others = FOR_OTHERS.iter().any(|(name, _)| *name == metric.name);
        assert_ne!(read.contains(metric.name), for_others, "{}", metric.name);
    }
}

#[test]
fn names_follow_the_rules_of_prometheus() {
    let mut names = BTreeSet::new();
    for metric in metrics() {
        let name = metric.name;
        assert!(names.insert(name), "two metrics {name}");
        assert_eq!(metric.kind == Kind::Counter, name.ends_with("_total"), "{name}");
        let word = match metric.unit {
            Unit::Seconds => "_seconds",
            Unit::Bytes => "_bytes",
            Unit::Ratio => "_ratio",
            Unit::Count | Unit::None => "",
        };
        assert!(name.contains(word), "{name} is in {:?}", metric.unit);
        assert!(metric.help.ends_with('.'), "{name}: {}", metric.help);
        if let Kind::Histogram(bounds) = metric.kind {
            assert!(bounds.is_sorted() && !bounds.is_empty(), "{name}");
        }
    }
}
