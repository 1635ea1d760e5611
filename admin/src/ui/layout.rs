//! The frame of every page: navigation, time window, signed-in operator.

use axum::response::{Html, IntoResponse, Response};

use super::assets;
use crate::access::operator::Operator;
use crate::access::theme::Theme;
use crate::context::error::PanelError;
use crate::context::links::{Links, View, path};
use crate::context::panel::Panel;
use crate::context::params::REFRESHES;
use crate::context::window::PRESETS;

/// The entries of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Overview for incidents.
    Now,
    /// Log records.
    Logs,
    /// Requests and their SQL.
    Requests,
    /// Error groups.
    Errors,
    /// Charts of metrics.
    Metrics,
    /// Log store, levels, jobs, build and audit log.
    System,
    /// A page outside the navigation.
    None,
}

/// Every page of the navigation: section, name, path, and the key after `g`.
const NAVIGATION: &[(Section, &str, &str, &str)] = &[
    (Section::Now, "Now", "", "n"),
    (Section::Logs, "Logs", path::LOGS, "l"),
    (Section::Requests, "Requests", path::REQUESTS, "r"),
    (Section::Errors, "Errors", path::ERRORS, "e"),
    (Section::Metrics, "Metrics", path::METRICS, "m"),
    (Section::System, "System", path::SYSTEM, "s"),
];

/// A link of the navigation or of the menu of windows.
#[derive(Debug)]
pub struct Entry {
    pub name: String,
    pub url: String,
    pub is_current: bool,
    pub key: &'static str,
}

/// The frame of a page.
#[derive(Debug)]
pub struct Layout {
    pub title: String,
    pub service: String,
    pub version: String,
    pub home: String,
    pub navigation: Vec<Entry>,
    pub windows: Vec<Entry>,
    pub window: String,
    /// Whether the address has a window that could not be read.
    pub is_misread: bool,
    pub from: String,
    pub to: String,
    pub earlier: String,
    pub later: String,
    pub wider: String,
    /// Where the form of the window goes, and what it keeps.
    pub here: String,
    pub logs: String,
    pub q: String,
    pub sort: String,
    pub cols: String,
    /// Seconds until the page is loaded anew, 0 for never, and the choice of them.
    pub refresh: u32,
    pub refreshes: Vec<Entry>,
    /// The theme, and the target and return URL of its form.
    pub theme: Theme,
    pub themes: String,
    pub back: String,
    pub operator: String,
    pub role: &'static str,
    pub logout: Option<String>,
    pub style: String,
    pub script: String,
    pub icon: String,
}

impl Layout {
    /// The frame of the page at `path` that shows `view`.
    pub fn new(
        panel: &Panel,
        operator: &Operator,
        section: Section,
        title: &str,
        path: &str,
        view: &View,
    ) -> Self {
        let links = &panel.links;
        let navigation = NAVIGATION.iter().map(|(entry, name, path, key)| Entry {
            name: (*name).to_owned(),
            url: links.page(path, &View::of(view.window).refreshing(view.refresh)),
            is_current: *entry == section,
            key,
        });
        let windows = PRESETS.iter().map(|preset| {
            let window = crate::context::window::Window::parse(Some(preset), None, view.window.now);
            Entry {
                name: (*preset).to_owned(),
                url: links.page(path, &view.within(window)),
                is_current: window == view.window,
                key: "",
            }
        });
        let asset = |name: &str| assets::url(links, name);
        Self {
            title: title.to_owned(),
            service: panel.service.name.clone(),
            version: panel.service.version.clone(),
            home: links.base().to_owned(),
            navigation: navigation.collect(),
            windows: windows.collect(),
            window: view.window.label(),
            is_misread: view.window.is_misread,
            from: view.window.from.to_string(),
            to: view.window.to.to_string(),
            earlier: links.page(path, &view.within(view.window.shifted(false))),
            later: links.page(path, &view.within(view.window.shifted(true))),
            wider: links.page(path, &view.within(view.window.wider())),
            here: links.path(path),
            logs: links.path(path::LOGS),
            q: view.q.clone(),
            sort: view.sort.clone(),
            cols: view.cols_text(),
            refresh: view.refresh,
            refreshes: refreshes(links, path, view),
            theme: operator.theme,
            themes: links.path(path::THEME),
            back: links.page(path, view),
            operator: operator.name.clone(),
            role: if operator.may_change() { "operator" } else { "viewer" },
            logout: panel.service.logout.clone(),
            style: asset("admin.css"),
            script: asset("admin.js"),
            icon: asset("icon.svg"),
        }
    }
}

fn refreshes(links: &Links, path: &str, view: &View) -> Vec<Entry> {
    let entry = |seconds: u32| Entry {
        name: if seconds == 0 { "off".to_owned() } else { format!("{seconds} s") },
        url: links.page(path, &view.refreshing(seconds)),
        is_current: seconds == view.refresh,
        key: "",
    };
    std::iter::once(0).chain(REFRESHES).map(entry).collect()
}

/// Renders a page as a response.
pub fn render(page: &impl askama::Template) -> Result<Response, PanelError> {
    Ok(Html(page.render()?).into_response())
}
