//! How the service does, beginning with what users notice. What lies below that, down to the runtime,
//! is in `internals`, behind rows that open with a click.

use serde_json::{Value, json};

use super::build::Kind::{Bars, Heatmap, Lines, Stacked, Stat, Table, Text, Timeline, Trend};
use super::build::{Dashboard, Panel, Row, panel, row};
use super::internals;
use super::objectives::{
    BUCKET, COUNT, FAILING, REQUESTS, USERS, error_ratio, failure_burn, latency_of, ratio_of,
    slow_ratio,
};
use super::oncall::{FAILURES, instances_up};

/// The dashboard of requests, database, logs and the process.
pub fn dashboard() -> Dashboard {
    Dashboard {
        uid: "minitwit-infrastructure",
        title: "MiniTwit / Infrastructure",
        description: "Requests, latency, processes, database, log pipeline, runtime and \
            jobs.",
        rows: [health(), traffic(), latency(), service_level()]
            .into_iter()
            .chain(internals::rows())
            .collect(),
    }
}

fn health() -> Row {
    row("Health", replicas().into_iter().chain(service()).collect())
}

/// Which replicas there are.
fn replicas() -> Vec<Panel> {
    vec![
        instances_up().size(3, 4),
        panel(Text, "Version", "short")
            .about(
                "Version, revision and database of the running replicas. More than one \
                     during a deployment.",
            )
            .query(
                "max by (version, revision, database) (minitwit_build_info{%J})",
                "{{version}} {{revision}} {{database}}",
            )
            .size(5, 4),
        panel(Stat, "Uptime", "s")
            .about("Uptime of the replica that started last.")
            .query("time() - max(process_start_time_seconds{%J})", "uptime")
            .while_up()
            .logs("Starts and stops", "target:minitwit::server")
            .decimals(1)
            .size(3, 4),
    ]
}

/// How requests fare.
fn service() -> Vec<Panel> {
    vec![
        panel(Trend, "Requests", "reqps")
            .about("Requests per second to site and API, 5-minute average.")
            .query(&format!("sum(rate({COUNT}{{{USERS}}}[5m]))"), "requests")
            .requests("Requests", "")
            .size(3, 4),
        panel(Trend, "Error ratio", "percentunit")
            .about(
                "Share of requests to site and API that failed with 5xx or were given up, \
                     last 5 minutes. Objective: 0.5 %.",
            )
            .query(&error_ratio("rate", "5m"), "errors")
            .thresholds(&[(0.001, "yellow"), (0.005, "red")])
            .while_up()
            .logs("Failed requests", FAILURES)
            .decimals(2)
            .size(3, 4),
        panel(Trend, "p95 latency", "s")
            .about("95 % of requests finished within this time, last 5 minutes.")
            .query(&latency_of("0.95", "5m", ""), "p95")
            .thresholds(&[(0.25, "yellow"), (0.5, "red")])
            .while_up()
            .without_value("no requests")
            .requests("Slow requests", "duration>250")
            .size(3, 4),
        panel(Stat, "Error budget left, 30 d", "percentunit")
            .about(
                "What is left of the 0.5 % of requests that may fail or be given up in 30 \
                     days. Below 0 the objective is missed.",
            )
            .query(&format!("1 - ({}) / 0.005", error_ratio("increase", "30d")), "left")
            .floor(&[(0.0, "orange"), (0.25, "yellow"), (0.5, "green")])
            .while_up()
            .logs("Failed requests", FAILURES)
            .decimals(1)
            .size(4, 4),
        panel(Timeline, "Replicas", "short")
            .about("When each replica could be scraped.")
            .query("max by (instance) (up{%J})", "{{instance}}")
            .size(24, 4),
    ]
}

/// Answers of a surface, with statuses in the colors of their class.
fn responses(title: &'static str, surface: &str, about: &'static str) -> Panel {
    panel(Stacked, title, "reqps")
        .about(about)
        .query(
            &format!(
                r#"sum by (status) (rate(minitwit_http_responses_total{{%J,
                   surface="{surface}"}}[$__rate_interval]))"#
            ),
            "{{status}}",
        )
        .requests(
            "Requests with this status",
            &format!("surface:{surface} status:${{__field.labels.status}}"),
        )
        .color("2..", "green")
        .color("3..", "blue")
        .color("4..", "orange")
        .color("5..", "red")
}

fn traffic() -> Row {
    row("Traffic and errors", responses_by().into_iter().chain(totals()).collect())
}

/// Answers by status and by route.
fn responses_by() -> Vec<Panel> {
    vec![
        responses(
            "HTTP responses: frontend (site)",
            "web",
            "Site responses per second, by status. 499: the client disconnected.",
        ),
        responses(
            "HTTP responses: backend (simulator API)",
            "api",
            "Simulator API responses per second, by status.",
        ),
        panel(Lines, "Requests by route (top 10)", "reqps")
            .about("The ten routes of site and API with the most requests per second.")
            .query(
                &format!(
                    "topk(10, sum by (http_route) \
                         (rate({REQUESTS}{{{USERS}}}[$__rate_interval])))"
                ),
                "{{http_route}}",
            )
            .requests(
                "Requests of this route",
                r#"route:"${__field.labels.http_route:percentencode}""#,
            ),
    ]
}

/// How many requests, and how many fail.
fn totals() -> Vec<Panel> {
    vec![
        panel(Bars, "Total HTTP requests per hour", "short")
            .about("Requests in the preceding hour, by surface.")
            .query(&format!("sum by (surface) (increase({REQUESTS}{{%J}}[1h]))"), "{{surface}}"),
        panel(Lines, "Total HTTP requests, trailing 24 h", "short")
            .about("Requests in the preceding 24 hours, total and by surface.")
            .query(&format!("sum(increase({REQUESTS}{{%J}}[24h]))"), "all")
            .query(&format!("sum by (surface) (increase({REQUESTS}{{%J}}[24h]))"), "{{surface}}"),
        panel(Lines, "Error ratio by surface", "percentunit")
            .about("Share of requests that failed with 5xx or were given up, by surface.")
            .query(
                &format!(
                    r"sum by (surface) (rate({REQUESTS}{{%J,{FAILING}}}[$__rate_interval]))
                           / clamp_min(sum by (surface) (rate({REQUESTS}{{%J}}
                           [$__rate_interval])), 1e-9)"
                ),
                "{{surface}}",
            )
            .query(&ratio_of(r#"outcome="abandoned""#, "rate", "$__rate_interval"), "gave up")
            .thresholds(&[(0.005, "red")])
            .logs("Errors", "level:ERROR")
            .requests("Failed requests", "surface:${__field.labels.surface} status:5xx"),
        routes(),
        panel(Stacked, "Rejected requests", "reqps")
            .about("Requests rejected before a handler ran, by reason.")
            .query(
                "sum by (reason) \
                     (rate(minitwit_http_rejected_total{%J}[$__rate_interval]))",
                "{{reason}}",
            )
            .requests("Requests with this reason", "error_type:${__field.labels.reason}")
            .size(10, 9),
    ]
}

/// Every route with its three figures.
fn routes() -> Panel {
    panel(Table, "Routes", "short")
        .about(
            "Rate, errors (5xx and given up) and latency of the routes of site and API, last 5 \
             minutes. A route links to its requests.",
        )
        .query(&format!("sum by (http_route) (rate({REQUESTS}{{{USERS}}}[5m]))"), "Requests")
        .query(
            &format!(
                "sum by (http_route) (rate({REQUESTS}{{{USERS},{FAILING}}}[5m])) / clamp_min(sum by \
                 (http_route) (rate({REQUESTS}{{{USERS}}}[5m])), 1e-9)"
            ),
            "Error ratio",
        )
        .query(
            &format!(
                "histogram_quantile(0.95, sum by (le, http_route) \
                 (rate({BUCKET}{{{USERS}}}[5m]))) >= 0"
            ),
            "p95",
        )
        .set("Requests", vec![("unit", "reqps".into())])
        .set("Error ratio", error_ratio_cell())
        .set("p95", vec![("unit", "s".into())])
        .requests("Requests of this route", r#"route:"${__data.fields.Route:percentencode}""#)
        .size(14, 9)
}

/// A cell whose background says how bad the share of errors is.
fn error_ratio_cell() -> Vec<(&'static str, Value)> {
    let step = |color: &str, value: Value| json!({"color": color, "value": value});
    let steps = json!([
        step("transparent", Value::Null),
        step("yellow", json!(0.001)),
        step("red", json!(0.005))
    ]);
    vec![
        ("unit", "percentunit".into()),
        ("thresholds", json!({"mode": "absolute", "steps": steps})),
        ("custom.cellOptions", json!({"type": "color-background", "mode": "basic"})),
    ]
}

fn latency() -> Row {
    row("Latency", percentiles().into_iter().chain(per_request()).collect())
}

/// How long requests take.
fn percentiles() -> Vec<Panel> {
    vec![
        panel(Lines, "Latency percentiles (site and API)", "s")
            .about("50 %, 95 % and 99 % of requests finished within these times.")
            .query(&latency_of("0.5", "$__rate_interval", ""), "p50")
            .query(&latency_of("0.95", "$__rate_interval", ""), "p95")
            .query(&latency_of("0.99", "$__rate_interval", ""), "p99")
            .thresholds(&[(0.5, "red")])
            .requests("Slow requests", "duration>250"),
        panel(Heatmap, "Latency heatmap (site and API)", "s")
            .about("Distribution of request durations. Two bands mean two kinds of requests.")
            .query(
                &format!("sum by (le) (increase({BUCKET}{{{USERS}}}[$__rate_interval]))"),
                "{{le}}",
            )
            .requests("Slow requests", "duration>250"),
        panel(Lines, "p95 by route", "s")
            .about("The ten routes with the highest p95.")
            .query(
                &format!(
                    "topk(10, {} >= 0)",
                    latency_of("0.95", "$__rate_interval", ", http_route")
                ),
                "{{http_route}}",
            )
            .requests(
                "Requests of this route",
                r#"route:"${__field.labels.http_route:percentencode}""#,
            ),
    ]
}

/// What is in flight, and what a request costs.
fn per_request() -> Vec<Panel> {
    vec![
        panel(Lines, "Requests in flight", "short")
            .about("Requests of site and API being handled. Grows when a dependency is slow.")
            .query(
                &format!("sum by (surface) (http_server_active_requests{{{USERS}}})"),
                "{{surface}}",
            ),
        panel(Lines, "SQL statements per request", "short")
            .about(
                "Mean number of SQL statements per request. A jump is usually a query in a \
                     loop.",
            )
            .query(
                "sum by (surface) \
                     (rate(minitwit_http_request_db_queries_sum{%J}[$__rate_interval])) / \
                     (sum by (surface) \
                     (rate(minitwit_http_request_db_queries_count{%J}[$__rate_interval])) > 0)",
                "{{surface}}",
            )
            .requests("Requests with many statements", "queries>5"),
        panel(Bars, "Panics", "short")
            .about(
                "Panics caught in the preceding 5 minutes. Each is a bug and a failed \
                     request.",
            )
            .query("sum(increase(minitwit_panics_total{%J}[5m]))", "panics")
            .color("panics", "red")
            .logs("Panics", "target:panic"),
    ]
}

fn service_level() -> Row {
    row(
        "Service level",
        vec![
            panel(Lines, "Availability burn rate", "short")
                .about(
                    "Burn rate of the error budget: 1 uses it up in 30 days, 14.4 in 2 days. \
                     Pages when two windows are above their threshold.",
                )
                .query(&failure_burn("5m"), "5 m")
                .query(&failure_burn("1h"), "1 h")
                .query(&failure_burn("6h"), "6 h")
                .query(&failure_burn("3d"), "3 d")
                .thresholds(&[(1.0, "yellow"), (6.0, "orange"), (14.4, "red")])
                .soft_max(15.0)
                .logs("Failed requests", FAILURES),
            panel(Lines, "Requests faster than 500 ms", "percentunit")
                .about(
                    "Share of requests to site and API that finished within 500 ms. Objective: \
                     99 %.",
                )
                .query(&format!("1 - {}", slow_ratio("rate", "5m")), "5 m")
                .query(&format!("1 - {}", slow_ratio("rate", "1h")), "1 h")
                .thresholds(&[(0.99, "green")])
                .free_axis()
                .max(1.0)
                .requests("Slow requests", "duration>500"),
        ],
    )
}
