//! What the panel knows of the rules before any of them has fired: their names, what they say and what
//! finds their evidence. The service has it in its binary.

use serde_json::json;

use super::source::{Rule, Source};
use crate::files::GeneratedFile;

/// The list, in the order of the rules.
pub fn file(source: &Source) -> GeneratedFile {
    let rules: serde_json::Value = source.alerts().map(known).collect();
    GeneratedFile::new("alerts/panel.json", format!("{rules:#}\n"))
}

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
