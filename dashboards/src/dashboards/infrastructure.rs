//! How the service does, beginning with what users notice. What lies below that, down to the runtime,
//! is in `internals`, behind rows that open with a click.

use super::build::Kind::{Bars, Heatmap, Lines, Stacked, Stat, Table, Text, Timeline, Trend};
use super::build::{Dashboard, Panel, Row, panel, row};
use super::internals;
use super::objectives::{BUCKET, COUNT, USERS, error_ratio, failure_burn, latency_of, slow_ratio};

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
    row(
        "Health",
        vec![
            panel(Stat, "Instances up", "short")
                .about("Replicas that Prometheus can scrape.")
                .query("sum(up{%J})", "up")
                .floor(&[(1.0, "green")])
                .size(3, 4),
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
                .logs("Starts and stops", "target:minitwit::server")
                .decimals(1)
                .size(3, 4),
            panel(Trend, "Requests", "reqps")
                .about("Requests per second to site and API, 5-minute average.")
                .query(&format!("sum(rate({COUNT}{{{USERS}}}[5m]))"), "requests")
                .requests("Requests", "")
                .size(3, 4),
            panel(Trend, "Error ratio", "percentunit")
                .about(
                    "Share of requests to site and API that failed with 5xx, last 5 minutes. \
                     Objective: 0.5 %.",
                )
                .query(&error_ratio("rate", "5m"), "errors")
                .thresholds(&[(0.001, "yellow"), (0.005, "red")])
                .logs("Failed requests", "status:5xx")
                .decimals(2)
                .size(3, 4),
            panel(Trend, "p95 latency", "s")
                .about("95 % of requests finished within this time, last 5 minutes.")
                .query(&latency_of("0.95", "5m", ""), "p95")
                .thresholds(&[(0.25, "yellow"), (0.5, "red")])
                .without_value("no requests")
                .requests("Slow requests", "duration>250")
                .size(3, 4),
            panel(Stat, "Error budget left, 30 d", "percentunit")
                .about(
                    "What is left of the 0.5 % of requests that may fail in 30 days. Below \
                     0 the objective is missed.",
                )
                .query(&format!("1 - ({}) / 0.005", error_ratio("increase", "30d")), "left")
                .floor(&[(0.0, "orange"), (0.25, "yellow"), (0.5, "green")])
                .logs("Failed requests", "status:5xx")
                .decimals(1)
                .size(4, 4),
            panel(Timeline, "Replicas", "short")
                .about("When each replica could be scraped.")
                .query("max by (instance) (up{%J})", "{{instance}}")
                .size(24, 4),
        ],
    )
}

/// Answers of a surface, with statuses in the colors of their class.
fn responses(title: &'static str, surface: &str, about: &'static str) -> Panel {
    panel(Stacked, title, "reqps")
        .about(about)
        .query(
            &format!(
                r#"sum by (http_response_status_code) (rate({COUNT}{{%J,
                   surface="{surface}"}}[$__rate_interval]))"#
            ),
            "{{http_response_status_code}}",
        )
        .requests(
            "Requests with this status",
            &format!("surface:{surface} status:${{__field.labels.http_response_status_code}}"),
        )
        .color("2..", "green")
        .color("3..", "blue")
        .color("4..", "orange")
        .color("5..", "red")
}

fn traffic() -> Row {
    row(
        "Traffic and errors",
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
                .about("The ten routes with the most requests per second.")
                .query(
                    &format!(
                        "topk(10, sum by (http_route) (rate({COUNT}{{%J}}[$__rate_interval])))"
                    ),
                    "{{http_route}}",
                )
                .requests(
                    "Requests of this route",
                    r#"route:"${__field.labels.http_route:percentencode}""#,
                ),
            panel(Bars, "Total HTTP requests per hour", "short")
                .about("Requests in the preceding hour, by surface.")
                .query(&format!("sum by (surface) (increase({COUNT}{{%J}}[1h]))"), "{{surface}}"),
            panel(Lines, "Total HTTP requests, trailing 24 h", "short")
                .about("Requests in the preceding 24 hours, total and by surface.")
                .query(&format!("sum(increase({COUNT}{{%J}}[24h]))"), "all")
                .query(&format!("sum by (surface) (increase({COUNT}{{%J}}[24h]))"), "{{surface}}"),
            panel(Lines, "Error ratio by surface", "percentunit")
                .about("Share of requests that failed with 5xx, by surface.")
                .query(
                    &format!(
                        r#"sum by (surface) (rate({COUNT}{{%J,
                           http_response_status_code=~"5.."}}[$__rate_interval])) / (sum by
                           (surface) (rate({COUNT}{{%J}}[$__rate_interval])) > 0) or sum by
                           (surface) (rate({COUNT}{{%J}}[$__rate_interval])) * 0"#
                    ),
                    "{{surface}}",
                )
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
        ],
    )
}

/// Every route with its three figures.
fn routes() -> Panel {
    panel(Table, "Routes", "short")
        .about(
            "Rate, errors and latency of every route, last 5 minutes. A route links to its \
             requests.",
        )
        .query(&format!("sum by (http_route) (rate({COUNT}{{%J}}[5m]))"), "Requests")
        .query(
            &format!(
                r#"sum by (http_route) (rate({COUNT}{{%J,
                   http_response_status_code=~"5.."}}[5m])) / (sum by (http_route)
                   (rate({COUNT}{{%J}}[5m])) > 0) or sum by (http_route)
                   (rate({COUNT}{{%J}}[5m])) * 0"#
            ),
            "Error ratio",
        )
        .query(
            &format!(
                "histogram_quantile(0.95, sum by (le, http_route) \
                 (rate({BUCKET}{{%J}}[5m]))) >= 0"
            ),
            "p95",
        )
        .set("Requests", vec![("unit", "reqps".into())])
        .set("Error ratio", vec![("unit", "percentunit".into())])
        .set("p95", vec![("unit", "s".into())])
        .requests("Requests of this route", r#"route:"${__data.fields.Route:percentencode}""#)
        .size(14, 9)
}

fn latency() -> Row {
    row(
        "Latency",
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
            panel(Lines, "Requests in flight", "short")
                .about("Requests being handled. Grows when a dependency is slow.")
                .query("sum by (surface) (http_server_active_requests{%J})", "{{surface}}"),
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
        ],
    )
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
                .logs("Failed requests", "status:5xx"),
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
