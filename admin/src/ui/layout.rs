//! The frame of every page: navigation, time window, signed-in operator.

use axum::response::{Html, IntoResponse, Response};

use super::assets;
use crate::access::operator::Operator;
use crate::access::theme::Theme;
use crate::context::error::PanelError;
use crate::context::links::{Links, View, path};
use crate::context::panel::Panel;
use crate::context::params::REFRESHES;
use crate::context::window::{PRESETS, Window};

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
    /// Name and version of the service, and the address of the first page.
    pub service: String,
    pub version: String,
    pub home: String,
    pub navigation: Vec<Entry>,
    pub window: WindowMenu,
    pub form: PageForm,
    pub refresh: RefreshMenu,
    pub account: AccountMenu,
    pub files: Files,
}

/// The menu of time windows.
#[derive(Debug)]
pub struct WindowMenu {
    pub label: String,
    /// Whether the address has a window that could not be read.
    pub is_misread: bool,
    pub presets: Vec<Entry>,
    /// Both ends, as parameters spell them.
    pub from: String,
    pub to: String,
    /// The same page half a window earlier and later, and over three times as long.
    pub earlier: String,
    pub later: String,
    pub wider: String,
}

/// Where the forms of a page go, and what they keep.
#[derive(Debug)]
pub struct PageForm {
    pub here: String,
    pub logs: String,
    pub q: String,
    pub sort: String,
    pub cols: String,
}

/// The menu of auto-refresh.
#[derive(Debug)]
pub struct RefreshMenu {
    /// Between two refreshes; 0 for never.
    pub seconds: u32,
    pub choices: Vec<Entry>,
}

/// The menu of who is signed in.
#[derive(Debug)]
pub struct AccountMenu {
    pub name: String,
    pub role: &'static str,
    /// The theme, and the target and return URL of its form.
    pub theme: Theme,
    pub theme_action: String,
    pub back: String,
    pub logout: Option<String>,
}

/// What every page loads.
#[derive(Debug)]
pub struct Files {
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
        let asset = |name: &str| assets::url(links, name);
        Self {
            title: title.to_owned(),
            service: panel.service.name.clone(),
            version: panel.service.version.clone(),
            home: links.base().to_owned(),
            navigation: navigation(links, section, view),
            window: window_menu(links, path, view),
            form: PageForm {
                here: links.path(path),
                logs: links.path(path::LOGS),
                q: view.q.clone(),
                sort: view.sort.clone(),
                cols: view.cols_text(),
            },
            refresh: refresh_menu(links, path, view),
            account: AccountMenu {
                name: operator.name.clone(),
                role: operator.role.as_str(),
                theme: operator.theme,
                theme_action: links.path(path::THEME),
                back: links.page(path, view),
                logout: panel.service.logout.clone(),
            },
            files: Files {
                style: asset("admin.css"),
                script: asset("admin.js"),
                icon: asset("icon.svg"),
            },
        }
    }
}

fn navigation(links: &Links, section: Section, view: &View) -> Vec<Entry> {
    let kept = View::of(view.window).refreshing(view.refresh);
    let entry = |(entry, name, path, key): &(Section, &str, &str, &'static str)| Entry {
        name: (*name).to_owned(),
        url: links.page(path, &kept),
        is_current: *entry == section,
        key,
    };
    NAVIGATION.iter().map(entry).collect()
}

fn window_menu(links: &Links, path: &str, view: &View) -> WindowMenu {
    let shown = view.window;
    let within = |window: Window| links.page(path, &view.within(window));
    let preset = |preset: &&str| {
        let window = Window::parse(Some(*preset), None, shown.now);
        let is_current = window == shown;
        Entry { name: (*preset).to_owned(), url: within(window), is_current, key: "" }
    };
    WindowMenu {
        label: shown.label(),
        is_misread: shown.is_misread,
        presets: PRESETS.iter().map(preset).collect(),
        from: shown.from.to_string(),
        to: shown.to.to_string(),
        earlier: within(shown.shifted(false)),
        later: within(shown.shifted(true)),
        wider: within(shown.wider()),
    }
}

fn refresh_menu(links: &Links, path: &str, view: &View) -> RefreshMenu {
    let entry = |seconds: u32| Entry {
        name: if seconds == 0 { "off".to_owned() } else { format!("{seconds} s") },
        url: links.page(path, &view.refreshing(seconds)),
        is_current: seconds == view.refresh,
        key: "",
    };
    let choices = std::iter::once(0).chain(REFRESHES).map(entry).collect();
    RefreshMenu { seconds: view.refresh, choices }
}

/// Renders a page as a response.
pub fn render(page: &impl askama::Template) -> Result<Response, PanelError> {
    Ok(Html(page.render()?).into_response())
}
