//! The dashboards: what stands on which, and where a panel is found.

pub mod build;
mod business;
mod infrastructure;
mod internals;
pub mod model;
mod objectives;
mod oncall;

use std::sync::LazyLock;

use anyhow::Context;
use build::{Dashboard, Panel};

use crate::files::GeneratedFile;

/// Every dashboard, with the file it is committed as.
pub static ALL: LazyLock<Vec<(&'static str, Dashboard)>> = LazyLock::new(|| {
    vec![
        ("business.json", business::dashboard()),
        ("infrastructure.json", infrastructure::dashboard()),
        ("oncall.json", oncall::dashboard()),
    ]
});

/// Every panel of every dashboard, rows left out.
pub fn panels() -> impl Iterator<Item = (&'static Dashboard, &'static Panel)> {
    let panels = |dashboard: &'static Dashboard| {
        dashboard.panels().map(move |(_, panel)| (dashboard, panel))
    };
    ALL.iter().flat_map(move |(_, dashboard)| panels(dashboard))
}

/// The files of all dashboards.
pub fn files() -> Vec<GeneratedFile> {
    let file = |(name, dashboard): &(&str, Dashboard)| {
        GeneratedFile::new(format!("dashboards/{name}"), format!("{:#}\n", dashboard.json()))
    };
    ALL.iter().map(file).collect()
}

/// The id of a panel, as alerts point to it.
///
/// # Errors
/// There is no such panel: whoever renames one finds out who pointed to it.
pub fn panel_id(dashboard_uid: &str, panel_title: &str) -> anyhow::Result<u32> {
    let mut panels = ALL
        .iter()
        .filter(|(_, dashboard)| dashboard.uid == dashboard_uid)
        .flat_map(|(_, dashboard)| dashboard.panels());
    let found = panels.find(|(_, panel)| panel.title == panel_title);
    let (id, _) =
        found.with_context(|| format!("{dashboard_uid:?} has no panel {panel_title:?}"))?;
    Ok(id)
}
