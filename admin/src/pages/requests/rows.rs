//! Requests and routes as the lists of several pages show them.

use logsearch::fields;
use logsearch::query::{Chips, Query};
use logsearch::record::{LogRecord, ValueRef};

use crate::context::links::{Links, View, cursor, path};
use crate::data::profile::REPEATS;
use crate::data::record::{number_of, text_of};
use crate::data::requests::{FAILED, Route, gave_up, of_method};
use crate::format;
use crate::ui::table::{Column, figure, number, text};

/// A row of the routes table.
pub struct RouteRow {
    pub method: String,
    pub route: String,
    pub url: String,
    pub count: String,
    pub failed: String,
    pub has_failed: bool,
    pub gave_up: String,
    pub has_given_up: bool,
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

/// The columns of the routes table.
pub const ROUTE_COLUMNS: [Column<Route>; 9] = [
    text("route", |route| format!("{} {}", route.name, route.method)),
    figure("requests", |route| number(i64::try_from(route.count).ok())),
    figure("failed", |route| share(route.failed, route.count)),
    figure("gave up", |route| share(route.gave_up, route.count)),
    figure("p50", |route| percentile(route, 0)),
    figure("p95", |route| percentile(route, 1)),
    figure("p99", |route| percentile(route, 2)),
    figure("p95 DB time", |route| route.database.unwrap_or(f64::NEG_INFINITY)),
    figure("p95 statements", |route| route.statements.unwrap_or(f64::NEG_INFINITY)),
];

#[expect(clippy::cast_precision_loss, reason = "compared, not shown")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn percentile(route: &Route, at: usize) -> f64 {
    route.percentiles.get(at).copied().unwrap_or(f64::NEG_INFINITY)
}

/// The columns of the requests table.
pub const REQUEST_COLUMNS: [Column<LogRecord>; 7] = [
    figure("time", |record| number(Some(record.timestamp))),
    figure("status", |record| number(number_of(record, fields::STATUS))),
    text("request", |record| {
        let part = |name| text_of(record, name).unwrap_or_default();
        format!("{}{} {}", part(fields::ROUTE), part(fields::PATH), part(fields::METHOD))
    }),
    figure("ms", |record| number(number_of(record, fields::DURATION))),
    figure("DB ms", |record| number(number_of(record, fields::DB_DURATION))),
    figure("statements", |record| number(number_of(record, fields::DB_COUNT))),
    text("user", |record| text_of(record, fields::USER_NAME).unwrap_or_default()),
];

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
        class: if gave_up(record) { "error" } else { status_class(&status) },
        status: if gave_up(record) { format!("{status} gave up") } else { status },
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
    let chips = chips.clone().with(only).with(of_method(&route.method));
    let failed = chips.clone().with(FAILED.clone());
    RouteRow {
        method: route.method.clone(),
        route: route.name.clone(),
        url: links.page(path::REQUESTS, &view.query(chips.to_string())),
        count: format::count(route.count),
        failed: format::percent(route.failed, route.count),
        has_failed: route.failed > 0,
        gave_up: format::percent(route.gave_up, route.count),
        has_given_up: route.gave_up > 0,
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
