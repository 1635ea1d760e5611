//! The runbooks as a dashboard: a notification that the service is down must not lead to the service.

use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use super::routing::Links;
use super::source::Source;
use crate::files::GeneratedFile;

/// The uid of the dashboard.
const UID: &str = "minitwit-runbooks";
/// Lines of the grid that a runbook takes among the others.
const HEIGHT: u32 = 24;

/// Where the runbook of a number is read alone.
pub fn url(links: &Links, number: u32) -> String {
    format!("{}/d/{UID}?viewPanel={number}", links.grafana)
}

/// The dashboard, with a panel for each runbook.
///
/// # Errors
/// An alert has no runbook.
pub fn file(source: &Source, root: &Path) -> anyhow::Result<GeneratedFile> {
    let mut panels = Vec::new();
    for rule in source.alerts() {
        let (name, number) = (rule.name(), rule.words()?.number);
        let path = root.join(format!("alerts/runbooks/{name}.md"));
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        panels.push((number, panel(number, name, &linked(source, &text))));
    }
    panels.sort_by_key(|(number, _)| *number);
    let panels: Vec<Value> = panels.into_iter().map(|(_, panel)| panel).collect();
    let dashboard = json!({
        "uid": UID,
        "title": "MiniTwit: Runbooks",
        "description": "What to do when an alert fires, readable while the service is down.",
        "tags": ["minitwit"],
        "schemaVersion": 42,
        "editable": false,
        "graphTooltip": 0,
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": []},
        "annotations": {"list": []},
        "panels": panels,
    });
    Ok(GeneratedFile::new("dashboards/runbooks.json", format!("{dashboard:#}\n")))
}

fn panel(number: u32, name: &str, text: &str) -> Value {
    json!({
        "id": number,
        "title": name,
        "type": "text",
        "gridPos": {"x": 0, "y": (number - 1) * HEIGHT, "w": 24, "h": HEIGHT},
        "options": {"mode": "markdown", "content": text},
    })
}

/// Runbooks link to each other by the names of their files, and to the panel and Grafana by the
/// addresses of the operations guide.
fn linked(source: &Source, text: &str) -> String {
    let links = &source.routing.links;
    let heading = text.split_once('\n').map_or(text, |(_, rest)| rest).trim_start();
    let text = heading
        .replace("http://localhost:5002", &links.panel)
        .replace("http://localhost:3000", &links.grafana);
    source.alerts().fold(text, |text, rule| {
        let number = rule.words().map_or(0, |words| words.number);
        text.replace(&format!("]({}.md)", rule.name()), &format!("]({})", url(links, number)))
    })
}
