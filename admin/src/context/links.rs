//! Builds all URLs of the panel and their shared parameters. A URL is a path and a few short
//! parameters; defaults are omitted.

use std::fmt::Write;
use std::sync::Arc;

use logsearch::record::LogRecord;
use logsearch::store::Cursor;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub use super::view::{Place, TableOrder, View};
use super::window::{Bound, Window};
use crate::format::{self, SECOND};

/// Characters that need no escaping in parameter values, to keep queries readable in URLs.
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
/// Path segments also escape the slash.
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
    /// Log store, levels, jobs, build and audit log.
    pub const SYSTEM: &str = "/system";
    /// Where the levels are set.
    pub const LEVELS: &str = "/system/levels";
    /// The accounts of those who use the panel.
    pub const OPERATORS: &str = "/operators";
    /// Target of the form that chooses a replica.
    pub const REPLICA: &str = "/system/replica";
    /// Two windows side by side.
    pub const COMPARE: &str = "/compare";
    /// Where a theme is chosen.
    pub const THEME: &str = "/theme";
    /// Where a time zone is chosen.
    pub const ZONE: &str = "/zone";
}

/// Builds URLs below one prefix.
#[derive(Clone, Debug)]
pub struct Links {
    base: Arc<str>,
}

impl Links {
    /// Creates links below this prefix, which starts with a slash and does not end with one.
    pub fn new(base: &str) -> Self {
        Self { base: base.trim_end_matches('/').into() }
    }

    /// The prefix, which is also the URL of the start page.
    pub fn base(&self) -> &str {
        if self.base.is_empty() { "/" } else { &self.base }
    }

    /// A path below the prefix, without parameters.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// URL of a page with all parameters of a view.
    pub fn page(&self, path: &str, view: &View) -> String {
        let mut url = self.path(path);
        if url.is_empty() {
            url.push('/');
        }
        Parameters::new(&mut url).view(view);
        url
    }

    /// URL of a page with only the window as parameter.
    pub fn page_in(&self, path: &str, window: &Window) -> String {
        self.page(path, &View::of(*window))
    }

    /// URL template of a view for scripts: `{from}` and `{to}` are placeholders for the window.
    pub fn template(&self, path: &str, view: &View) -> String {
        let mut url = self.page(path, &View::of(Window::parse(None, None, 0)).query(&view.q));
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str("from={from}&to={to}");
        url
    }

    /// URL of the log list of a view, which has no tables of the page that leads there.
    pub fn logs(&self, view: &View) -> String {
        if view.orders.is_empty() {
            return self.page(path::LOGS, view);
        }
        self.page(path::LOGS, &View { orders: Vec::new(), ..view.clone() })
    }

    /// URL of the export of a view; `kind` is `ndjson` or `csv`.
    pub fn export(&self, kind: &str, view: &View) -> String {
        let rows = View { refresh: 0, fields: String::new(), ..view.tailing(false) };
        self.page(&format!("/logs/export.{kind}"), &rows)
    }

    /// URL of the event stream of a view, starting after this record.
    pub fn tail(&self, view: &View, after: Option<Cursor>) -> String {
        let everything = View::of(Window::parse(None, None, 0));
        let place = after.map_or(Place::Start, Place::Newer);
        let view = View { q: view.q.clone(), cols: view.cols.clone(), place, ..everything };
        self.page("/logs/tail", &view)
    }

    /// URL of a record.
    pub fn event(&self, cursor: Cursor) -> String {
        self.path(&Self::event_path(cursor))
    }

    /// The path of a record, below the prefix.
    pub fn event_path(cursor: Cursor) -> String {
        format!("/events/{}", Self::event_id(cursor))
    }

    /// URL of a record as JSON.
    pub fn event_json(&self, cursor: Cursor) -> String {
        self.path(&format!("/events/{}.json", Self::event_id(cursor)))
    }

    /// URL of the context of a record.
    pub fn context(&self, cursor: Cursor, scope: &str, q: &str, cols: &str) -> String {
        let path = Self::context_path(cursor, scope, q, cols);
        // Where the record stands on the page.
        self.path(&path) + "#e" + &Self::event_id(cursor)
    }

    /// The path of the context of a record, below the prefix.
    pub fn context_path(cursor: Cursor, scope: &str, q: &str, cols: &str) -> String {
        let mut path = format!("{}/context", Self::event_path(cursor));
        Parameters::new(&mut path).add("scope", scope, "all").add("q", q, "").add("cols", cols, "");
        path
    }

    /// URL of the page of a request.
    pub fn request(&self, id: &str) -> String {
        self.path(&Self::request_path(id))
    }

    /// The path of a request's page, below the prefix.
    pub fn request_path(id: &str) -> String {
        format!("{}/{}", path::REQUESTS, Self::segment(id))
    }

    /// The path of a rule's page, below the prefix.
    pub fn alert_path(rule: &str, id: Option<i64>) -> String {
        let mut path = format!("{}/{}", path::ALERTS, Self::segment(rule));
        if let Some(id) = id {
            Parameters::new(&mut path).add("at", &id.to_string(), "");
        }
        path
    }

    /// URL of an alert rule: its latest firing, or the one with this id.
    pub fn alert(&self, rule: &str, id: Option<i64>) -> String {
        self.path(&Self::alert_path(rule, id))
    }

    /// A path below the prefix with all parameters that are not empty.
    pub fn with_parameters<'a>(
        path: &str,
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> String {
        let mut url = path.to_owned();
        let mut added = Parameters::new(&mut url);
        for (name, value) in parameters {
            added = added.add(name, value, "");
        }
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

    /// URL of the comparison of a view's window with the one before it.
    pub fn compare(&self, view: &View) -> String {
        let window = Window { is_implied: false, ..view.window };
        let view = View::of(window).query(view.q.clone()).refreshing(view.refresh);
        self.page(path::COMPARE, &view)
    }

    /// URL of the comparison of the time since a deployment, an hour at most, with as long before it.
    pub fn compare_since(&self, deployed: i64, now: i64) -> String {
        let from = deployed.div_euclid(SECOND) * SECOND;
        let end = from.saturating_add(3_600 * SECOND);
        let to = if end < now { Bound::At(end) } else { Bound::Ago(0) };
        let window = Window { from: Bound::At(from), to, ..Window::parse(None, None, now) };
        self.compare(&View::of(window))
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

    /// URL to which a POST starts the job.
    pub fn job(&self, name: &str) -> String {
        self.path(&format!("/system/jobs/{}", utf8_percent_encode(name, SEGMENT)))
    }

    /// An asset of that name; the hash changes with its content.
    pub fn asset(&self, hash: &str, name: &str) -> String {
        self.path(&format!("/assets/{hash}/{name}"))
    }

    /// Escapes a text as one path segment.
    pub fn segment(text: &str) -> String {
        utf8_percent_encode(text, SEGMENT).to_string()
    }

    /// The id of a record in URLs.
    pub fn event_id((timestamp, sequence): Cursor) -> String {
        format!("{timestamp}-{sequence}")
    }

    /// Parses the id of a record from a URL.
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
            let escaped = |text| utf8_percent_encode(text, KEPT).to_string().replace("%20", "+");
            // Writing to a string cannot fail.
            let _ = write!(self.url, "{}{}={}", self.separator, escaped(name), escaped(value));
            self.separator = '&';
        }
        self
    }

    fn view(self, view: &View) {
        let mut parameters = self.add("q", &view.q, "");
        if !view.window.is_implied {
            parameters = parameters.add("from", &view.window.from.to_string(), "").add(
                "to",
                &view.window.to.to_string(),
                "now",
            );
        }
        parameters = parameters.add("cols", &view.cols_text(), "");
        parameters = parameters.add("sort", &view.sort, "").add("by", &view.orders_text(), "");
        parameters = parameters.add("fields", &view.fields, "");
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

    proptest::proptest! {
        #[test]
        fn an_address_reads_back_as_the_view_it_was_made_from(
            q in "\\PC{0,40}",
            from in "[1-9][0-9]{0,3}[smhdw]",
            cols in proptest::option::of("(-|[a-z_]{1,8}(,[a-z_.]{2,8}){0,4})"),
            sort in "[a-z]{0,8}",
            fields in "[a-z. ]{0,10}",
            tail in proptest::bool::ANY,
            at in proptest::option::of((0_i64..i64::MAX, proptest::num::u64::ANY)),
        ) {
            use super::super::params::Params;

            let links = Links::new("/ops");
            let text = serde_urlencoded::to_string([
                ("q", &*q), ("from", &*from), ("cols", cols.as_deref().unwrap_or_default()),
                ("sort", &*sort), ("fields", &*fields), ("tail", if tail { "1" } else { "" }),
            ]).unwrap();
            let view = Params::parse(&text).view(0);
            let view = match at {
                Some(cursor) if !tail => view.at(Place::Older(cursor)),
                _ => view,
            };
            let url = links.logs(&view);
            let (_, parameters) = url.split_once('?').unwrap_or((&url, ""));
            let again = Params::parse(parameters).view(0);
            proptest::prop_assert_eq!(links.logs(&again), url.clone());
            proptest::prop_assert_eq!(again.q, view.q);
            proptest::prop_assert_eq!(again.window, view.window);
            proptest::prop_assert_eq!((again.place, again.tail), (view.place, view.tail));
            proptest::prop_assert!(url.is_ascii() && !url.contains(['"', '<', '>', ' ', '\'']), "{}", url);
        }

        #[test]
        fn no_id_and_no_name_of_a_rule_leaves_its_segment(text in "\\PC{1,40}") {
            let links = Links::new("/ops");
            for url in [links.request(&text), links.alert(&text, None)] {
                let segments: Vec<&str> = url.split('/').collect();
                proptest::prop_assert_eq!(segments.len(), 4, "{}", url);
                proptest::prop_assert!(!url.contains(['?', '#']), "{}", url);
            }
        }
    }
}
