//! The dashboards: what stands on which, and where a panel is found.

pub mod build;
mod business;
mod files;
mod infrastructure;
mod internals;
pub mod model;
mod objectives;
mod oncall;

use std::sync::LazyLock;

use build::{Dashboard, Panel};

use crate::committed;

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

/// The id of a panel, as alerts point to it. Fails when there is no such panel: whoever renames one
/// finds out who pointed to it.
#[track_caller]
pub fn panel_id(dashboard_uid: &str, panel_title: &str) -> u32 {
    let found = ALL.iter().find(|(_, dashboard)| dashboard.uid == dashboard_uid);
    let (_, dashboard) = found.unwrap_or_else(|| panic!("there is no dashboard {dashboard_uid}"));
    let panel = dashboard.panels().find(|(_, panel)| panel.title == panel_title);
    panel.unwrap_or_else(|| panic!("{dashboard_uid} has no panel {panel_title:?}")).0
}

#[test]
fn dashboards_are_what_the_source_says() {
    for (file, dashboard) in ALL.iter() {
        let text = serde_json::to_string_pretty(&dashboard.json()).unwrap() + "\n";
        committed::is(&format!("dashboards/{file}"), &text);
    }
    let names: Vec<_> = ALL.iter().map(|(file, _)| *file).collect();
    committed::are_all("dashboards", &names);
}

#[test]
fn panels_are_found_by_their_titles() {
    for (_, dashboard) in ALL.iter() {
        let json = dashboard.json();
        let rows = json["panels"].as_array().unwrap().iter();
        let nested = rows.clone().flat_map(|row| row["panels"].as_array().into_iter().flatten());
        let written: Vec<_> = rows.chain(nested).filter(|panel| panel["type"] != "row").collect();
        assert_eq!(written.len(), dashboard.panels().count());
        for panel in written {
            let title = panel["title"].as_str().unwrap();
            assert_eq!(panel["id"], panel_id(dashboard.uid, title), "{title}");
        }
    }
}
