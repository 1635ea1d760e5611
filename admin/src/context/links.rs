//! The only place that builds addresses of the panel, and the parameters they share. A page is a path
//! and at most a few short parameters; whatever is the default is left out.

use std::fmt::Write;
use std::sync::Arc;

use logsearch::record::LogRecord;
use logsearch::store::Cursor;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::window::Window;
use crate::format;

/// What may stand in a path segment or a value as it is; the rest of a query reads well enough.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b':')
    .remove(b'/')
    .remove(b'*')
    .remove(b',')
    .remove(b'@')
    .remove(b'(')
    .remove(b')');
/// Path segments have no slash of their own.
const SEGMENT: &AsciiSet = &KEPT.add(b'/');

/// The paths of the pages below the prefix.
pub mod path {
    /// The records.
    pub const LOGS: &str = "/logs";
    /// Their event types.
    pub const PATTERNS: &str = "/logs/patterns";
    /// The saved searches.
    pub const SEARCHES: &str = "/logs/searches";
    /// What the query box offers.
    pub const COMPLETION: &str = "/logs/complete";
    /// The requests.
    pub const REQUESTS: &str = "/requests";
    /// Their statements.
    pub const SQL: &str = "/requests/sql";
    /// The groups of errors.
    pub const ERRORS: &str = "/errors";
    /// The inbox of alerts.
    pub const ALERTS: &str = "/alerts";
    /// The charts.
    pub const METRICS: &str = "/metrics";
    /// What scripts draw of them.
    pub const METRICS_DATA: &str = "/metrics/data.json";
    /// The heatmap of all traffic, without a page around it.
    pub const DURATIONS: &str = "/metrics/durations";
    /// The service itself.
    pub const SYSTEM: &str = "/system";
    /// Where the levels are set.
    pub const LEVELS: &str = "/system/levels";
    /// The accounts of those who use the panel.
    pub const OPERATORS: &str = "/operators";
    /// Where a theme is chosen.
    pub const THEME: &str = "/theme";
}

/// Columns besides time, level and message.
const COLUMNS: [&str; 2] = ["request_id", "duration"];

/// What to list and how: the state of a page, all of it in its address.
#[derive(Clone, Debug)]
pub struct View {
    /// The query text.
    pub q: String,
    /// The time window.
    pub window: Window,
    /// Columns besides time, level and message; `None` is the default.
    pub cols: Option<Vec<String>>,
    /// The order of the page; empty is its default.
    pub sort: String,
    /// Where the list starts.
    pub place: Place,
    /// Follow new records.
    pub tail: bool,
    /// What the fields of the sidebar are searched for; empty shows the usual ones.
    pub fields: String,
    /// Load the page anew after so many seconds; 0 is never.
    pub refresh: u32,
}

/// Where a list starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// At its beginning.
    #[default]
    Start,
    /// With what is older than this record.
    Older(Cursor),
    /// With what is newer than this record.
    Newer(Cursor),
}

impl View {
    /// An empty query over a window.
    pub fn of(window: Window) -> Self {
        Self {
            q: String::new(),
            window,
            cols: None,
            sort: String::new(),
            place: Place::Start,
            tail: false,
            fields: String::new(),
            refresh: 0,
        }
    }

    /// Whether records are listed oldest first; those that are followed never are.
    pub fn is_oldest_first(&self) -> bool {
        self.sort == "old" && !self.tail
    }

    /// Loaded anew after so many seconds.
    #[must_use]
    pub fn refreshing(&self, refresh: u32) -> Self {
        Self { refresh, ..self.clone() }
    }

    /// With other fields in the sidebar.
    #[must_use]
    pub fn showing(&self, fields: impl Into<String>) -> Self {
        Self { fields: fields.into(), ..self.clone() }
    }

    /// With another query, from the beginning.
    #[must_use]
    pub fn query(&self, q: impl Into<String>) -> Self {
        Self { q: q.into(), place: Place::Start, ..self.clone() }
    }

    /// In another window, from the beginning.
    #[must_use]
    pub fn within(&self, window: Window) -> Self {
        Self { window, place: Place::Start, ..self.clone() }
    }

    /// In another order, from the beginning.
    #[must_use]
    pub fn sorted(&self, sort: impl Into<String>) -> Self {
        Self { sort: sort.into(), place: Place::Start, ..self.clone() }
    }

    /// From another place; fixed in time, so that going back and forth shows the same records.
    #[must_use]
    pub fn at(&self, place: Place) -> Self {
        Self { place, window: self.window.pinned(), ..self.clone() }
    }

    /// With other columns.
    #[must_use]
    pub fn columns(&self, cols: Vec<String>) -> Self {
        Self { cols: Some(cols), ..self.clone() }
    }

    /// The columns as an address spells them; empty for the default ones.
    pub fn cols_text(&self) -> String {
        match &self.cols {
            None => String::new(),
            Some(cols) if cols.is_empty() => "-".to_owned(),
            Some(cols) => cols.join(","),
        }
    }

    /// The columns besides time, level and message: those of the view, or the usual ones.
    pub fn shown_columns(&self) -> Vec<String> {
        let usual = || COLUMNS.iter().map(|name| (*name).to_owned()).collect();
        self.cols.clone().unwrap_or_else(usual)
    }

    /// The shown columns with this one added, or without it.
    pub fn toggled_columns(&self, column: &str) -> Vec<String> {
        let mut columns = self.shown_columns();
        match columns.iter().position(|known| known == column) {
            Some(at) => drop(columns.remove(at)),
            None => columns.push(column.to_owned()),
        }
        columns
    }

    /// What a form sends along with a click, so that nothing of the view is lost; defaults are left out.
    pub fn form_fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![("q", self.q.clone())];
        if !self.window.is_default() {
            fields.push(("from", self.window.from.to_string()));
            fields.push(("to", self.window.to.to_string()));
        }
        fields.push(("cols", self.cols_text()));
        fields.push(("sort", self.sort.clone()));
        fields.push(("fields", self.fields.clone()));
        if self.refresh > 0 {
            fields.push(("refresh", self.refresh.to_string()));
        }
        fields.retain(|(_, value)| !value.is_empty());
        fields
    }

    /// Following new records or not.
    #[must_use]
    pub fn tailing(&self, tail: bool) -> Self {
        Self { tail, place: Place::Start, ..self.clone() }
    }
}

/// The addresses under one prefix.
#[derive(Clone, Debug)]
pub struct Links {
    base: Arc<str>,
}

impl Links {
    /// Under this prefix, which starts with a slash and does not end with one.
    pub fn new(base: &str) -> Self {
        Self { base: base.trim_end_matches('/').into() }
    }

    /// The prefix, which is the address of the first page.
    pub fn base(&self) -> &str {
        if self.base.is_empty() { "/" } else { &self.base }
    }

    /// A path below the prefix, without parameters.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A page that shows a view.
    pub fn page(&self, path: &str, view: &View) -> String {
        let mut url = self.path(path);
        if url.is_empty() {
            url.push('/');
        }
        Parameters::new(&mut url).view(view);
        url
    }

    /// A page that keeps the window alone.
    pub fn page_in(&self, path: &str, window: &Window) -> String {
        self.page(path, &View::of(*window))
    }

    /// A page of a view in a window that scripts fill in: `{from}` and `{to}` stand for its ends.
    pub fn template(&self, path: &str, view: &View) -> String {
        let mut url = self.page(path, &View::of(Window::parse(None, None, 0)).query(&view.q));
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str("from={from}&to={to}");
        url
    }

    /// The logs of a view.
    pub fn logs(&self, view: &View) -> String {
        self.page("/logs", view)
    }

    /// The whole result as a file, `ndjson` or `csv`.
    pub fn export(&self, kind: &str, view: &View) -> String {
        let rows = View { refresh: 0, fields: String::new(), ..view.tailing(false) };
        self.page(&format!("/logs/export.{kind}"), &rows)
    }

    /// New records of a view as a stream, from behind this record on.
    pub fn tail(&self, view: &View, after: Option<Cursor>) -> String {
        let everything = View::of(Window::parse(None, None, 0));
        let place = after.map_or(Place::Start, Place::Newer);
        let view = View { q: view.q.clone(), cols: view.cols.clone(), place, ..everything };
        self.page("/logs/tail", &view)
    }

    /// One record.
    pub fn event(&self, cursor: Cursor) -> String {
        self.path(&format!("/events/{}", Self::event_id(cursor)))
    }

    /// One record as JSON.
    pub fn event_json(&self, cursor: Cursor) -> String {
        self.path(&format!("/events/{}.json", Self::event_id(cursor)))
    }

    /// Where the form of what surrounds a record goes.
    pub fn context_form(&self, cursor: Cursor) -> String {
        self.path(&format!("/events/{}/context", Self::event_id(cursor)))
    }

    /// What surrounds a record.
    pub fn context(&self, cursor: Cursor, scope: &str, q: &str, cols: &str) -> String {
        let id = Self::event_id(cursor);
        let mut url = self.context_form(cursor);
        Parameters::new(&mut url).add("scope", scope, "all").add("q", q, "").add("cols", cols, "");
        // Where the record stands on the page.
        url + "#e" + &id
    }

    /// One request.
    pub fn request(&self, id: &str) -> String {
        self.path(&format!("/requests/{}", utf8_percent_encode(id, SEGMENT)))
    }

    /// The path of a rule's page, below the prefix.
    pub fn alert_path(rule: &str, id: Option<i64>) -> String {
        let mut path = format!("{}/{}", path::ALERTS, Self::segment(rule));
        if let Some(id) = id {
            Parameters::new(&mut path).add("at", &id.to_string(), "");
        }
        path
    }

    /// A rule: the newest time it fired, or the time of that number.
    pub fn alert(&self, rule: &str, id: Option<i64>) -> String {
        self.path(&Self::alert_path(rule, id))
    }

    /// A list with the parameters that are not empty.
    pub fn listing(&self, path: &str, parameters: &[(&str, &str)]) -> String {
        let mut url = self.path(path);
        parameters
            .iter()
            .fold(Parameters::new(&mut url), |url, (name, value)| url.add(name, value, ""));
        url
    }

    /// The path of a statement's page, below the prefix.
    pub fn statement_path(sql: &str) -> String {
        format!("{}/{}", path::SQL, format::fingerprint(&[sql]))
    }

    /// The path of a statement's plan, below the prefix.
    pub fn plan_path(sql: &str) -> String {
        format!("{}/plan", Self::statement_path(sql))
    }

    /// The path of an error's page, below the prefix.
    pub fn error_path(fingerprint: &str) -> String {
        format!("{}/{}", path::ERRORS, Self::segment(fingerprint))
    }

    /// A chart on the page of metrics.
    pub fn chart(&self, window: &Window, id: &str) -> String {
        format!("{}#{id}", self.page_in(path::METRICS, window))
    }

    /// Where an account is changed: itself, or a part of it such as `/password`.
    pub fn account(&self, name: &str, part: &str) -> String {
        self.path(&format!("{}/{}{part}", path::OPERATORS, Self::segment(name)))
    }

    /// Where a saved search is changed.
    pub fn search(&self, id: i64) -> String {
        self.path(&format!("{}/{id}", path::SEARCHES))
    }

    /// Where a job of that name is started.
    pub fn job(&self, name: &str) -> String {
        self.path(&format!("/system/jobs/{}", utf8_percent_encode(name, SEGMENT)))
    }

    /// An asset of that name; the hash changes with its content.
    pub fn asset(&self, hash: &str, name: &str) -> String {
        self.path(&format!("/assets/{hash}/{name}"))
    }

    /// A text as one segment of a path.
    pub fn segment(text: &str) -> String {
        utf8_percent_encode(text, SEGMENT).to_string()
    }

    /// How addresses name a record.
    pub fn event_id((timestamp, sequence): Cursor) -> String {
        format!("{timestamp}-{sequence}")
    }

    /// The record an address names.
    pub fn parse_event_id(text: &str) -> Option<Cursor> {
        let (timestamp, sequence) = text.rsplit_once('-')?;
        Some((timestamp.parse().ok()?, sequence.parse().ok()?))
    }
}

/// The cursor of a record.
pub fn cursor(record: &LogRecord) -> Cursor {
    (record.timestamp, record.sequence)
}

struct Parameters<'a> {
    url: &'a mut String,
    separator: char,
}

impl<'a> Parameters<'a> {
    fn new(url: &'a mut String) -> Self {
        let separator = if url.contains('?') { '&' } else { '?' };
        Self { url, separator }
    }

    fn add(mut self, name: &str, value: &str, default: &str) -> Self {
        if value != default {
            let value = utf8_percent_encode(value, KEPT).to_string().replace("%20", "+");
            // Writing to a string cannot fail.
            let _ = write!(self.url, "{}{name}={value}", self.separator);
            self.separator = '&';
        }
        self
    }

    fn view(self, view: &View) {
        let mut parameters = self.add("q", &view.q, "");
        if !view.window.is_default() {
            parameters = parameters.add("from", &view.window.from.to_string(), "").add(
                "to",
                &view.window.to.to_string(),
                "now",
            );
        }
        parameters = parameters.add("cols", &view.cols_text(), "");
        parameters = parameters.add("sort", &view.sort, "").add("fields", &view.fields, "");
        parameters = parameters.add("refresh", &view.refresh.to_string(), "0");
        parameters = match view.place {
            Place::Start => parameters,
            Place::Older(at) => parameters.add("older", &Links::event_id(at), ""),
            Place::Newer(at) => parameters.add("newer", &Links::event_id(at), ""),
        };
        if view.tail {
            parameters.add("tail", "1", "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_left_out_and_values_are_escaped() {
        let links = Links::new("/ops/");
        let view = View::of(Window::parse(None, None, 0));
        assert_eq!(links.logs(&view), "/ops/logs");
        let view = view.query("level>=warn user:\"a&b #?\u{e6}\"");
        assert_eq!(links.logs(&view), "/ops/logs?q=level%3E%3Dwarn+user:%22a%26b+%23%3F%C3%A6%22");
        let view = view.query("").within(Window::parse(Some("15m"), None, 0)).columns(vec![]);
        assert_eq!(links.logs(&view), "/ops/logs?from=15m&cols=-");
        assert_eq!(links.request("a/../b?c"), "/ops/requests/a%2F..%2Fb%3Fc");
    }

    #[test]
    fn an_event_is_found_by_its_name() {
        for cursor in [(0, 0), (1_700_000_000_000_000, u64::MAX), (-5, 7)] {
            assert_eq!(Links::parse_event_id(&Links::event_id(cursor)), Some(cursor));
        }
        assert_eq!(Links::parse_event_id("1"), None);
        assert_eq!(Links::parse_event_id("a-b"), None);
    }
}
