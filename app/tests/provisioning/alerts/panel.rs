//! What the panel knows of the rules before any of them has fired: their names, what they say and what
//! finds their evidence. The service has it in its binary.

use serde_json::json;

use super::source::{Rule, alerts};
use crate::committed;

/// A rule without what only a firing alert can fill in.
fn known(rule: &Rule) -> serde_json::Value {
    let text = |name: &str| {
        let text = rule.annotations.get(name).map_or("", String::as_str);
        if text.contains("{{") { "" } else { text }
    };
    json!({
        "name": rule.name(),
        "severity": rule.severity(),
        "summary": text("summary"),
        "description": text("description"),
        "logs_query": text("logs_query"),
    })
}

#[test]
fn the_panel_knows_every_rule() {
    let rules: Vec<_> = alerts().map(known).collect();
    let text = serde_json::to_string_pretty(&rules).unwrap();
    committed::is("alerts/panel.json", &format!("{text}\n"));
}
