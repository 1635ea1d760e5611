//! The pages beside System, which are not in the navigation: only those the host has something for, and the
//! service's own.

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
    let operators = panel.host.operators().map(|_| ("Operators", path::OPERATORS));
    let own = panel.own_pages.iter().copied();
    let known = [("System", path::SYSTEM)].into_iter().chain(operators).chain(own);
    let kept = View::of(view.window).refreshing(view.refresh);
    let tab = |(name, to): (&'static str, &str)| Tab {
        name,
        url: panel.links.page(to, &kept),
        is_current: to == path,
    };
    let tabs: Vec<Tab> = known.map(tab).collect();
    if tabs.len() > 1 { tabs } else { Vec::new() }
}
