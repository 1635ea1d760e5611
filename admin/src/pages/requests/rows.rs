//! Requests and routes as the lists of several pages show them.

use logsearch::fields;
use logsearch::query::{Chips, Query};
use logsearch::record::{LogRecord, ValueRef};

use crate::context::links::{Links, View, cursor, path};
use crate::data::profile::REPEATS;
use crate::data::record::{number_of, text_of};
use crate::data::requests::{FAILED, Route};
use crate::format;

/// A row of the routes table.
pub struct RouteRow {
    pub route: String,
    pub url: String,
    pub count: String,
    pub errors: String,
    pub has_errors: bool,
    pub errors_url: String,
    /// Percentiles of the duration, with their names.
    pub times: [(&'static str, String); 3],
    pub database: String,
    pub statements: String,
}

/// A row of the requests table.
pub struct RequestRow {
    pub time: String,
    pub time_full: String,
    pub event: String,
    pub url: String,
    pub name: String,
    pub status: String,
    pub class: &'static str,
    pub duration: String,
    pub database: String,
    pub statements: String,
    pub repeats: String,
    pub user: String,
}

/// Formats a duration in microseconds.
#[expect(clippy::cast_possible_truncation, reason = "durations are far below 2^52 µs")]
pub fn took(micros: Option<&f64>) -> String {
    micros.map_or_else(|| "–".to_owned(), |micros| format::duration(micros.round() as i64))
}

/// Builds the row of a request.
pub fn request_row(record: &LogRecord, links: &Links) -> RequestRow {
    let text = |name| text_of(record, name).unwrap_or_default();
    let micros = |name| number_of(record, name).map_or_else(String::new, format::millis);
    let repeats = number_of(record, fields::DB_REPEATS).unwrap_or(0);
    let status = text(fields::STATUS);
    let route = text(fields::ROUTE);
    let path = if route.is_empty() { text(fields::PATH) } else { route };
    let id = text(fields::REQUEST_ID);
    RequestRow {
        time: format::time(record.timestamp),
        time_full: format::rfc3339(record.timestamp),
        event: links.event(cursor(record)),
        url: if id.is_empty() { links.event(cursor(record)) } else { links.request(&id) },
        name: format!("{} {path}", text(fields::METHOD)),
        class: status_class(&status),
        status,
        duration: micros(fields::DURATION),
        database: micros(fields::DB_DURATION),
        statements: text(fields::DB_COUNT),
        repeats: if repeats.unsigned_abs() >= REPEATS {
            repeats.to_string()
        } else {
            String::new()
        },
        user: text(fields::USER_NAME),
    }
}

/// A route as pages show it.
pub fn route_row(route: &Route, view: &View, links: &Links, chips: &Chips) -> RouteRow {
    let only = Query::value_clause(fields::ROUTE, ValueRef::Str(&route.name));
    let chips = chips.clone().with(only);
    let failed = chips.clone().with(FAILED.clone());
    RouteRow {
        route: route.name.clone(),
        url: links.page(path::REQUESTS, &view.query(chips.to_string())),
        count: format::count(route.count),
        errors: format::percent(route.errors, route.count),
        has_errors: route.errors > 0,
        errors_url: links.page(path::REQUESTS, &view.query(failed.to_string())),
        times: [(0, "p50"), (1, "p95"), (2, "p99")]
            .map(|(at, name)| (name, took(route.percentiles.get(at)))),
        database: took(route.database.as_ref()),
        statements: route.statements.map_or_else(|| "–".to_owned(), |count| format!("{count:.0}")),
    }
}

/// The class of a status for its color.
pub fn status_class(status: &str) -> &'static str {
    match status.as_bytes().first() {
        Some(b'5') => "error",
        Some(b'4') => "warn",
        _ => "info",
    }
}
