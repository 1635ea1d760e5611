//! One screen for who was woken: what fires, how bad it is, what it hits, and which resource is short.

use super::build::Kind::{Alerts, Lines, Notes, Stat, Trend};
use super::build::{Dashboard, Panel, Row, panel, row};
use super::objectives::{
    REQUESTS, USERS, error_ratio, failure_burn, latency_of, ratio_of, slow_ratio, slowness_burn,
};

/// Clauses of the panel for requests that failed or were given up.
pub const FAILURES: &str = "status:5xx OR error_type:abandoned";

/// The dashboard for who was woken.
pub fn dashboard() -> Dashboard {
    Dashboard {
        uid: "minitwit-oncall",
        title: "MiniTwit / On call",
        description: "What fires, severity, affected routes and statements, and saturated \
            resources.",
        rows: vec![firing(), objectives(), burn(), places(), resources()],
    }
}

/// The first questions of whoever opens this.
fn firing() -> Row {
    row(
        "What fires",
        vec![
            panel(Alerts, "Firing alerts", "short")
                .about("What fires or is about to, the gravest first, with the time since when.")
                .size(11, 8),
            instances_up().size(4, 8),
            panel(Notes, "Runbooks", "short")
                .about("Where to read what to do, with and without a running service.")
                .text(RUNBOOKS)
                .size(9, 8),
        ],
    )
}

/// What to do when the panel, which has the runbooks as pages, is down with the service.
const RUNBOOKS: &str = "\
Each alert has a runbook: open the alert on the left and follow *View runbook*, or read it in the panel: \
[alerts and their runbooks](${admin_url}/admin/alerts).

**The service is down, and the panel with it:**

1. `docker compose -f compose/compose.yaml ps`, and `logs --tail 50 app`
2. Runbooks lie in the repository: `alerts/runbooks/MiniTwitDown.md`
3. Logs without the service: `minitwit logs search 'level>=warn' --data-dir <directory>`
";

/// How many instances Prometheus can scrape; none is a value too.
pub fn instances_up() -> Panel {
    panel(Stat, "Instances up", "short")
        .about("Replicas that Prometheus can scrape. 0: none answers, or none is known.")
        .query("sum(up{%J}) or vector(0)", "up")
        .floor(&[(1.0, "green")])
        .decimals(0)
}

fn objectives() -> Row {
    row("Objectives", budgets().into_iter().chain(recency()).collect())
}

/// What is left of the budgets, and how fast they are used.
fn budgets() -> Vec<Panel> {
    vec![
        panel(Stat, "Error budget left, 30 d", "percentunit")
            .about(
                "Share of the 30-day error budget (0.5 % of requests that fail or are given \
                        up) that is left.",
            )
            .query(&format!("1 - ({}) / 0.005", error_ratio("increase", "30d")), "left")
            .floor(&[(0.0, "orange"), (0.25, "yellow"), (0.5, "green")])
            .while_up()
            .logs("Failed requests", FAILURES)
            .decimals(1),
        panel(Stat, "Latency budget, 30 d", "percentunit")
            .about(
                "Share of the 30-day latency budget (1 % of requests over 500 ms) that is \
                        left.",
            )
            .query(&format!("1 - ({}) / 0.01", slow_ratio("increase", "30d")), "left")
            .floor(&[(0.0, "orange"), (0.25, "yellow"), (0.5, "green")])
            .while_up()
            .requests("Slow requests", "duration>500")
            .decimals(1),
        panel(Trend, "Failing now", "percentunit")
            .about(
                "Share of requests that failed with 5xx, and that clients gave up because the \
                     service was late or failing; last 5 minutes.",
            )
            .query(&ratio_of(r#"outcome="failed""#, "rate", "5m"), "failed")
            .query(&ratio_of(r#"outcome="abandoned""#, "rate", "5m"), "gave up")
            .thresholds(&[(0.005, "yellow"), (0.072, "red")])
            .while_up()
            .logs("Failed requests", FAILURES)
            .decimals(2),
        panel(Trend, "Slow now", "percentunit")
            .about("Share of requests that took over 500 ms, last 5 minutes.")
            .query(&slow_ratio("rate", "5m"), "slow")
            .thresholds(&[(0.01, "yellow"), (0.144, "red")])
            .while_up()
            .requests("Slow requests", "duration>500")
            .decimals(2),
    ]
}

/// How long ago the simulator called and a replica started.
fn recency() -> Vec<Panel> {
    vec![
        panel(Stat, "Last simulator call", "s")
            .about(
                "Time since the last call. Users the simulator cannot register now cause \
                     errors for weeks.",
            )
            .query(
                "time() - (max(minitwit_simulator_last_request_timestamp_seconds{%J}) > 0)",
                "since",
            )
            .thresholds(&[(120.0, "yellow"), (600.0, "red")])
            .while_up()
            .without_value("no calls yet")
            .logs("Latest calls", "surface:api"),
        panel(Stat, "Since last restart", "s")
            .about(
                "Uptime of the replica that started last. A low value means a deployment \
                        or a crash.",
            )
            .query("time() - max(process_start_time_seconds{%J})", "uptime")
            .while_up()
            .logs("Starts and stops", "target:minitwit::server"),
    ]
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
            failures.thresholds(&lines).soft_max(15.0).logs("Failed requests", FAILURES),
            slowness.thresholds(&lines).soft_max(15.0).requests("Slow requests", "duration>500"),
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
                    "The ten routes with the most failures: 5xx, and requests that clients gave \
                     up. One route points to a bug, all routes to a shared dependency.",
                )
                .query(&worst_routes("failed"), "{{http_route}}")
                .query(&worst_routes("abandoned"), "{{http_route}} gave up")
                .logs("Failed requests", FAILURES)
                .requests("Requests of this route", route)
                .size(8, 9),
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
                .size(8, 9),
            panel(Lines, "Failing statements", "ops")
                .about("Statements that failed or timed out, by reason.")
                .query(
                    r#"sum by (db_query_summary, error_type) (rate(
                       db_client_operation_duration_seconds_count{%J,error_type!~"|taken"}
                       [$__rate_interval])) > 0 or on () label_replace(
                       sum(rate(db_client_operation_duration_seconds_count{%J}
                       [$__rate_interval])) * 0, "db_query_summary", "none", "", "")"#,
                    "{{db_query_summary}} {{error_type}}",
                )
                .logs("Database errors", "target:minitwit::db* level>=warn")
                .size(8, 9),
        ],
    )
}

/// The routes with the most requests of an outcome; one of rate 0 while there is none.
fn worst_routes(outcome: &str) -> String {
    format!(
        r#"topk(10, sum by (http_route) (rate({REQUESTS}{{{USERS},
           outcome="{outcome}"}}[$__rate_interval])) > 0) or on () label_replace(
           sum(rate({REQUESTS}{{{USERS}}}[$__rate_interval])) * 0, "http_route", "none", "", "")"#
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
