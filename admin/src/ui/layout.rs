//! The frame of every page: navigation, time window, signed-in operator.

use axum::response::{Html, IntoResponse, Response};
use logsearch::store::TimeRange;

use super::assets;
use crate::access::operator::Operator;
use crate::access::theme::Theme;
use crate::context::error::PanelError;
use crate::context::firing::FiringBadge;
use crate::context::links::{Links, View, path};
use crate::context::panel::Panel;
use crate::context::params::{Params, REFRESHES};
use crate::context::time::EXAMPLES;
use crate::context::window::{Bound, PRESETS, Window};
use crate::format::zone;

/// The entries of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Overview for incidents.
    Now,
    /// Alert inbox.
    Alerts,
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
    (Section::Alerts, "Alerts", path::ALERTS, "a"),
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
    /// Name of this replica, empty when it is the only one, and the page that lists them.
    pub replica: String,
    pub system: String,
    pub home: String,
    pub navigation: Vec<Entry>,
    /// Whether the page depends on the window, so that choosing one does something.
    pub has_window: bool,
    /// What fires, if something does.
    pub firing: Option<FiringBadge>,
    pub window: WindowMenu,
    pub form: PageForm,
    pub refresh: RefreshMenu,
    pub account: AccountMenu,
    pub zone: ZoneMenu,
    pub files: Files,
    /// Some records of the window are not indexed yet, so that figures of the page leave them out.
    pub is_indexing: bool,
}

/// The menu of time windows.
#[derive(Debug)]
pub struct WindowMenu {
    pub label: String,
    /// Whether the address has a window that could not be read.
    pub is_misread: bool,
    pub presets: Vec<Entry>,
    /// Both ends, as parameters spell them, or as they were typed if they could not be read.
    pub from: String,
    pub to: String,
    /// Ends that could not be read, and what can.
    pub misread: Vec<String>,
    pub examples: &'static str,
    /// The same page half a window earlier and later, and over three times as long.
    pub earlier: String,
    pub later: String,
    pub wider: String,
    /// The comparison of this window with the one before it.
    pub compare: String,
}

/// Where the forms of a page go, and what they keep.
#[derive(Debug)]
pub struct PageForm {
    pub here: String,
    pub logs: String,
    pub q: String,
    /// The whole state of the page, as parameters; those that a form sends itself are to be left out.
    pub keep: Vec<(String, String)>,
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

/// The zone of all times of the page that do not say theirs.
#[derive(Debug)]
pub struct ZoneMenu {
    /// `Europe/Copenhagen`, and how it is called now: `CET`.
    pub name: String,
    pub label: String,
    pub is_utc: bool,
    /// Target of the form that chooses one.
    pub action: String,
}

/// What every page loads.
#[derive(Debug)]
pub struct Files {
    pub style: String,
    pub script: String,
    pub icon: String,
}

impl Layout {
    /// The frame of a page that shows the same in every window; its menu leads to that of `view`.
    pub fn fixed(
        panel: &Panel,
        operator: &Operator,
        section: Section,
        title: &str,
        path: &str,
        view: &View,
    ) -> Self {
        Self {
            has_window: false,
            navigation: navigation(&panel.links, section, view),
            ..Self::new(panel, operator, section, title, path, &view.anywhere())
        }
    }

    /// The frame of the page at `path`, which may have parameters of its own, that shows `view`.
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
            replica: panel.replica(),
            system: links.path(path::SYSTEM),
            home: links.base().to_owned(),
            navigation: navigation(links, section, view),
            has_window: true,
            firing: FiringBadge::now(panel),
            window: window_menu(links, section, path, view),
            form: page_form(links, path, view),
            refresh: refresh_menu(links, path, view),
            account: AccountMenu {
                name: operator.name.clone(),
                role: operator.role.as_str(),
                theme: operator.theme,
                theme_action: links.path(path::THEME),
                back: links.page(path, view),
                logout: panel.service.logout.clone(),
            },
            zone: ZoneMenu {
                name: zone::name(),
                label: zone::label(view.window.now),
                is_utc: zone::is_utc(),
                action: links.path(path::ZONE),
            },
            files: Files {
                style: asset("admin.css"),
                script: asset("admin.js"),
                icon: asset("icon.svg"),
            },
            is_indexing: is_indexing(panel, view),
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

fn page_form(links: &Links, path: &str, view: &View) -> PageForm {
    let (path, parameters) = path.split_once('?').unwrap_or((path, ""));
    let own = Params::parse(parameters).pairs().to_vec();
    let shared = view.form_fields().into_iter().map(|(name, value)| (name.to_owned(), value));
    PageForm {
        here: links.path(path),
        logs: links.path(path::LOGS),
        q: view.q.clone(),
        keep: own.into_iter().chain(shared).collect(),
    }
}

fn window_menu(links: &Links, section: Section, path: &str, view: &View) -> WindowMenu {
    let shown = view.window;
    // A page of the service's own may search something else than records.
    let is_of_records = matches!(section, Section::Logs | Section::Requests | Section::Errors);
    let compared = if is_of_records { view.clone() } else { view.query("") };
    let within = |window: Window| links.page(path, &view.within(window));
    let preset = |preset: &&str| {
        let window = Window::parse(Some(*preset), None, shown.now);
        let is_current = window.is_same(&shown);
        Entry { name: (*preset).to_owned(), url: within(window), is_current, key: "" }
    };
    let typed = |at: usize, end: Bound| view.misread[at].clone().unwrap_or_else(|| written(end));
    WindowMenu {
        label: shown.label(),
        is_misread: shown.is_misread,
        presets: PRESETS.iter().map(preset).collect(),
        from: typed(0, shown.from),
        to: typed(1, shown.to),
        misread: view.misread.iter().flatten().cloned().collect(),
        examples: EXAMPLES,
        earlier: within(shown.shifted(false)),
        later: within(shown.shifted(true)),
        wider: within(shown.wider()),
        compare: links.compare(&compared),
    }
}

/// The end of a window as its form shows it.
fn written(end: Bound) -> String {
    match end {
        Bound::At(at) if !zone::is_utc() => zone::with_offset(at),
        end => end.to_string(),
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

/// Whether the window of a page has records that are not indexed yet.
fn is_indexing(panel: &Panel, view: &View) -> bool {
    let range = view.window.range();
    let overlaps = |hole: &TimeRange| hole.from < range.to && range.from < hole.to;
    panel.store.unindexed().iter().any(overlaps)
}

/// Renders a page as a response.
pub fn render(page: &impl askama::Template) -> Result<Response, PanelError> {
    Ok(Html(page.render()?).into_response())
}
