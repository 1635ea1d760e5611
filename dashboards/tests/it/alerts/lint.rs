//! Rules that every alert keeps: names and labels that exist, a panel, a log query, a page to read.

use std::collections::BTreeSet;
use std::fs;

use provisioning::alerts::source::Rule;

use crate::committed::{self, SOURCE};
use crate::lint::{expression, logs_query};

const SEVERITIES: [&str; 4] = ["critical", "warning", "info", "none"];
/// The headings of a runbook, in this order.
const HEADINGS: [&str; 7] =
    ["Meaning", "Impact", "Investigate", "Mitigate", "Fix", "Verify", "Test"];

/// What is wrong with an alert.
fn alert(rule: &Rule) -> Vec<String> {
    let mut wrong = expression(&rule.expr);
    if !SEVERITIES.contains(&rule.severity()) {
        wrong.push(format!("severity {:?}", rule.severity()));
    }
    if rule.annotation("summary").contains("{{")
        || !(10..=80).contains(&rule.annotation("summary").len())
    {
        wrong.push("the summary is a short sentence without values".to_owned());
    }
    if rule.annotation("description").len() < 30
        || rule.annotation("description") == rule.annotation("summary")
    {
        wrong.push("the description says too little".to_owned());
    }
    if rule.annotation("logs_query").is_empty() {
        wrong.push("no logs_query".to_owned());
    }
    wrong.extend(logs_query(rule.annotation("logs_query")));
    wrong.extend(strangers(&rule.expr));
    wrong.extend(rule.panel().err().map(|error| format!("{error:#}")));
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
    for rule in SOURCE.alerts() {
        wrong.extend(alert(rule).into_iter().map(|what| format!("{}: {what}", rule.name())));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(SOURCE.alerts().count() >= 32);
}

#[test]
fn what_is_wrong_with_an_alert_is_found() {
    let good = SOURCE.alerts().next().unwrap();
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
        (|rule| drop(rule.annotations.insert("__panelTitle__".into(), "x".into())), "no panel"),
    ] {
        let found = broken(change);
        assert!(found.contains(complaint), "{complaint}: {found}");
    }
}

#[test]
fn every_alert_has_a_page_to_read() {
    let mut pages = BTreeSet::new();
    for rule in SOURCE.alerts() {
        let name = rule.name();
        let page = committed::read(&format!("alerts/runbooks/{name}.md"));
        pages.insert(format!("{name}.md"));
        assert!(page.starts_with(&format!("# {name}\n")), "{name}");
        let headings: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, HEADINGS, "{name}");
        let sections = page.split("\n## ").skip(1);
        assert!(sections.clone().all(|text| text.trim().lines().count() > 1), "{name}: a gap");
        let look: String = sections.skip(2).take(1).collect();
        let panel = rule.panel().unwrap();
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
    for rule in SOURCE.alerts() {
        let page = committed::read(&format!("alerts/runbooks/{}.md", rule.name()));
        for target in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = committed::root().join("alerts/runbooks").join(target);
            assert!(file.exists(), "{} leads to {target}", rule.name());
        }
    }
}
