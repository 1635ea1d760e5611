//! The pages beside System, which are not in the navigation: only those the host has something for.

use crate::context::links::{View, path};
use crate::context::panel::Panel;

/// A link from one to the others.
pub struct Tab {
    pub name: &'static str,
    pub url: String,
    pub is_current: bool,
}

/// All tabs with the one at `path` as current; empty if there is only System.
pub fn of(panel: &Panel, path: &str, view: &View) -> Vec<Tab> {
    let known = [
        ("System", path::SYSTEM, true),
        ("Operators", path::OPERATORS, panel.operators.is_some()),
        ("Messages", "/moderation", panel.moderation.is_some()),
        ("Users", "/users", panel.moderation.is_some()),
    ];
    let tab = |(name, to, _): (&'static str, &str, bool)| Tab {
        name,
        url: panel.links.page_in(to, &view.window),
        is_current: to == path,
    };
    let tabs: Vec<Tab> = known.into_iter().filter(|(.., is_there)| *is_there).map(tab).collect();
    if tabs.len() > 1 { tabs } else { Vec::new() }
}
