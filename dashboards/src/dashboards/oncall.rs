//! One screen for who was woken: how bad it is, what it hits, and which resource is short.

use super::build::Kind::{Lines, Stat, Trend};
use super::build::{Dashboard, Row, panel, row};
use super::objectives::{COUNT, error_ratio, failure_burn, latency_of, slow_ratio, slowness_burn};

/// The dashboard for who was woken.
pub fn dashboard() -> Dashboard {
    Dashboard {
        uid: "minitwit-oncall",
        title: "MiniTwit / On call",
        description: "Severity, affected routes and statements, and saturated resources.",
        rows: vec![objectives(), burn(), places(), resources()],
    }
}

fn objectives() -> Row {
    row(
        "Objectives",
        vec![
            panel(Stat, "Error budget left, 30 d", "percentunit")
                .about("Share of the 30-day error budget (0.5 % of requests) that is left.")
                .query(&format!("1 - ({}) / 0.005", error_ratio("increase", "30d")), "left")
                .floor(&[(0.0, "orange"), (0.25, "yellow"), (0.5, "green")])
                .logs("Failed requests", "status:5xx")
                .decimals(1),
            panel(Stat, "Latency budget left, 30 d", "percentunit")
                .about(
                    "Share of the 30-day latency budget (1 % of requests over 500 ms) that is \
                        left.",
                )
                .query(&format!("1 - ({}) / 0.01", slow_ratio("increase", "30d")), "left")
                .floor(&[(0.0, "orange"), (0.25, "yellow"), (0.5, "green")])
                .requests("Slow requests", "duration>500")
                .decimals(1),
            panel(Trend, "Failing now", "percentunit")
                .about("Share of requests that failed with 5xx, last 5 minutes.")
                .query(&error_ratio("rate", "5m"), "failed")
                .thresholds(&[(0.005, "yellow"), (0.072, "red")])
                .logs("Failed requests", "status:5xx")
                .decimals(2),
            panel(Trend, "Slow now", "percentunit")
                .about("Share of requests that took over 500 ms, last 5 minutes.")
                .query(&slow_ratio("rate", "5m"), "slow")
                .thresholds(&[(0.01, "yellow"), (0.144, "red")])
                .requests("Slow requests", "duration>500")
                .decimals(2),
            panel(Stat, "Since last simulator call", "s")
                .about("Users the simulator cannot register now cause errors for weeks.")
                .query(
                    "time() - (max(minitwit_simulator_last_request_timestamp_seconds{%J}) > 0)",
                    "since",
                )
                .thresholds(&[(120.0, "yellow"), (600.0, "red")])
                .without_value("no calls yet")
                .logs("Latest calls", "surface:api"),
            panel(Stat, "Time since last restart", "s")
                .about(
                    "Uptime of the replica that started last. A low value means a deployment \
                        or a crash.",
                )
                .query("time() - max(process_start_time_seconds{%J})", "uptime")
                .logs("Starts and stops", "target:minitwit::server"),
        ],
    )
}

fn burn() -> Row {
    let windows = [("5m", "5 m"), ("1h", "1 h"), ("6h", "6 h"), ("1d", "1 d"), ("3d", "3 d")];
    let failures = panel(Lines, "Error budget burn rate", "short").about(
        "Burn rate of the error budget; 1 is sustainable. Pages when a long and a short window \
         are above 14.4 or 6.",
    );
    let slowness = panel(Lines, "Latency budget burn rate", "short").about(
        "Burn rate of the latency budget; 1 is sustainable. Pages when a long and a short window \
         are above 14.4.",
    );
    let failures = windows
        .iter()
        .fold(failures, |panel, (window, name)| panel.query(&failure_burn(window), name));
    let slowness = windows
        .iter()
        .fold(slowness, |panel, (window, name)| panel.query(&slowness_burn(window), name));
    let lines = [(1.0, "yellow"), (6.0, "orange"), (14.4, "red")];
    row(
        "Burn rates",
        vec![
            failures.thresholds(&lines).logs("Failed requests", "status:5xx"),
            slowness.thresholds(&lines).requests("Slow requests", "duration>500"),
        ],
    )
}

fn places() -> Row {
    let route = r#"route:"${__field.labels.http_route:percentencode}""#;
    row(
        "Impact",
        vec![
            panel(Lines, "Failing routes", "reqps")
                .about(
                    "The ten routes with the most errors. One route points to a bug, all \
                        routes to a shared dependency.",
                )
                .query(
                    &format!(
                        r#"topk(10, sum by (http_route) (rate({COUNT}{{%J,
                           http_response_status_code=~"5.."}}[$__rate_interval])) > 0) or
                           sum(rate({COUNT}{{%J}}[$__rate_interval])) * 0"#
                    ),
                    "{{http_route}}",
                )
                .logs("Failed requests", "status:5xx")
                .requests("Requests of this route", route)
                .size(8, 8),
            panel(Lines, "Slowest routes, p95", "s")
                .about("The ten routes with the highest p95.")
                .query(
                    &format!(
                        "topk(10, {} >= 0)",
                        latency_of("0.95", "$__rate_interval", ", http_route")
                    ),
                    "{{http_route}}",
                )
                .requests("Requests of this route", route)
                .size(8, 8),
            panel(Lines, "Failing statements", "ops")
                .about("Statements that failed or timed out, by reason.")
                .query(
                    r#"sum by (db_query_summary, error_type) (rate(
                       db_client_operation_duration_seconds_count{%J,error_type!~"|taken"}
                       [$__rate_interval])) > 0 or
                       sum(rate(db_client_operation_duration_seconds_count{%J}
                       [$__rate_interval])) * 0"#,
                    "{{db_query_summary}} {{error_type}}",
                )
                .logs("Database errors", "target:minitwit::db* level>=warn")
                .size(8, 8),
        ],
    )
}

fn resources() -> Row {
    row(
        "Saturation",
        vec![
            panel(Lines, "CPU", "percentunit")
                .about("CPU utilization of the machine and the Tokio workers. Near 100 %, \
                        requests queue.")
                .query("max(system_cpu_utilization_ratio{%J})", "machine")
                .query(
                    "max(sum by (instance) (rate(tokio_worker_busy_seconds_total{%J}\
                     [$__rate_interval])) / sum by (instance) (tokio_workers{%J}))",
                    "Tokio workers",
                )
                .thresholds(&[(0.9, "red")])
                .max(1.0)
                .size(6, 8),
            panel(Lines, "Memory and disk", "percentunit")
                .about("Resident memory relative to its limit, and usage of the data disk.")
                .query(
                    "max(process_resident_memory_bytes{%J} / minitwit_memory_limit_bytes{%J})",
                    "memory",
                )
                .query(
                    "max(1 - minitwit_data_disk_free_bytes{%J} / minitwit_data_disk_size_bytes{%J})",
                    "disk",
                )
                .thresholds(&[(0.85, "orange"), (0.9, "red")])
                .max(1.0)
                .size(6, 8),
            panel(Lines, "Database connection queue", "short")
                .about("Tasks waiting for a connection. More than a few point to slow \
                        statements.")
                .query("sum by (pool) (db_pool_pending_requests{%J})", "{{pool}}")
                .logs("Slow statements", "message:\"slow statement\"")
                .size(6, 8),
            panel(Lines, "Errors logged", "ops")
                .about("Log records per second at WARN and ERROR.")
                .query(
                    r#"sum by (level) (rate(minitwit_log_events_total{%J,level=~"ERROR|WARN"}
                       [$__rate_interval]))"#,
                    "{{level}}",
                )
                .color("ERROR", "red")
                .color("WARN", "orange")
                .logs("Records of this level", "level:${__field.labels.level}")
                .size(6, 8),
        ],
    )
}
