//! What users and the simulator do, and whether what the service accepts is also stored.

use super::build::Kind::{Bars, Lines, Stacked, Stat, Trend};
use super::build::{Dashboard, Panel, Row, panel, row};

/// The dashboard of users, messages and the simulator.
pub fn dashboard() -> Dashboard {
    Dashboard {
        uid: "minitwit-business",
        title: "MiniTwit / Business",
        description: "User and simulator activity, and whether all writes are stored.",
        rows: vec![now(), totals(), inserts(), activity(), correctness(), simulator()],
    }
}

fn now() -> Row {
    row(
        "Now",
        vec![
            panel(Trend, "Users", "short")
                .about(
                    "Registered users. All replicas count the same database, so the maximum is \
                     the latest value.",
                )
                .query("max(minitwit_users{%J})", "users")
                .logs("Registrations", "route:*/register"),
            panel(Trend, "Messages", "short")
                .about("Messages in the database, hidden ones included.")
                .query("max(minitwit_messages{%J})", "messages"),
            panel(Trend, "Followers", "short")
                .about("Follow relations between users.")
                .query("max(minitwit_followers{%J})", "followers"),
            panel(Stat, "Active users", "short")
                .about(
                    "Distinct users who were active while signed in, or through the simulator, \
                     in the last 5 minutes, hour and day.",
                )
                .query("max by (window) (minitwit_active_users{%J})", "{{window}}"),
            panel(Stat, "New messages, 24 h", "short")
                .about(
                    "How many more messages the database holds than 24 hours ago, or than when \
                     it was first watched. Agrees with Messages, which counts the same rows.",
                )
                .query(
                    "max(max_over_time(minitwit_messages{%J}[24h])) - \
                     min(min_over_time(minitwit_messages{%J}[24h]))",
                    "messages",
                )
                .decimals(0),
            panel(Trend, "Simulator latest", "short")
                .about("ID of the last command the simulator API accepted; -1 before the first.")
                .query("max(minitwit_simulator_latest{%J})", "latest"),
        ],
    )
}

fn total(
    title: &'static str,
    metric: &str,
    legend: &'static str,
    description: &'static str,
) -> Panel {
    panel(Lines, title, "short")
        .about(description)
        .query(&format!("max({metric}{{%J}})"), legend)
        .free_axis()
        .size(8, 8)
}

fn totals() -> Row {
    row(
        "Totals",
        vec![
            total(
                "Users over time",
                "minitwit_users",
                "users",
                "Registered users. A drop means lost data or a restored backup.",
            ),
            total(
                "Messages over time",
                "minitwit_messages",
                "messages",
                "Messages in the database. A flat line while the simulator runs means that \
                 writes fail.",
            ),
            total(
                "Followers over time",
                "minitwit_followers",
                "followers",
                "Follow relations. Falls when users unfollow more than they follow.",
            ),
        ],
    )
}

fn inserts() -> Row {
    row(
        "Newly inserted models",
        vec![
            panel(Lines, "Newly inserted models, trailing 24 h", "short")
                .about("Rows inserted in the preceding 24 hours, by model.")
                .query("sum by (model) (increase(minitwit_inserts_total{%J}[24h]))", "{{model}}"),
            panel(Bars, "Inserted rows per hour", "short")
                .about("Rows inserted in the preceding hour, by model. Shows the daily pattern.")
                .query("sum by (model) (increase(minitwit_inserts_total{%J}[1h]))", "{{model}}"),
            panel(Stacked, "Insert rate by surface", "suffix: rows/s")
                .about(
                    "Rows inserted per second: from the site (web), the simulator (api) and the \
                     service itself (ops).",
                )
                .query(
                    "sum by (surface) (rate(minitwit_inserts_total{%J}[$__rate_interval]))",
                    "{{surface}}",
                )
                .size(8, 8),
            panel(Lines, "Follows and unfollows", "suffix: rows/s")
                .about("Follows and unfollows per second.")
                .query(
                    r#"sum(rate(minitwit_inserts_total{%J,
                       model="follower"}[$__rate_interval]))"#,
                    "follow",
                )
                .query(
                    r#"sum(rate(minitwit_deletes_total{%J,
                       model="follower"}[$__rate_interval]))"#,
                    "unfollow",
                )
                .logs("Requests that follow", "route:*fllws* OR route:*follow")
                .size(8, 8),
            panel(Lines, "Messages per user", "short")
                .about("Messages and follow relations per registered user, all time.")
                .query(
                    "max(minitwit_messages{%J}) / clamp_min(max(minitwit_users{%J}), 1)",
                    "messages per user",
                )
                .query(
                    "max(minitwit_followers{%J}) / clamp_min(max(minitwit_users{%J}), 1)",
                    "followers per user",
                )
                .size(8, 8),
        ],
    )
}

fn activity() -> Row {
    row(
        "Activity",
        vec![
            panel(Lines, "Active users over time", "short")
                .about("Distinct active users in the preceding window.")
                .query("max by (window) (minitwit_active_users{%J})", "last {{window}}")
                .size(8, 8),
            panel(Stacked, "Log-ins by outcome", "reqps")
                .about(
                    "Sign-in attempts per second. Many wrong passwords or unknown users point to \
                     password guessing.",
                )
                .query(
                    "sum by (outcome) (rate(minitwit_logins_total{%J}[$__rate_interval]))",
                    "{{outcome}}",
                )
                .color("success", "green")
                .color("bad_password", "orange")
                .color("unknown_user", "yellow")
                .color("throttled", "red")
                .logs("Log-ins", "route:/login method:POST")
                .size(8, 8),
            panel(Bars, "New users per hour by surface", "short")
                .about(
                    "Registrations in the preceding hour, on the site (web) and through the \
                     simulator (api).",
                )
                .query(
                    r#"sum by (surface) (increase(minitwit_inserts_total{%J,
                       model="user"}[1h]))"#,
                    "{{surface}}",
                )
                .logs("Registrations", "route:*/register method:POST")
                .size(8, 8),
        ],
    )
}

fn correctness() -> Row {
    row(
        "Correctness",
        vec![
            panel(Lines, "Accepted tweets versus stored messages", "reqps")
                .about(
                    "Posts that were answered with success or whose client had gone by then \
                     (499), and messages that were stored. The lines lie on each other; a gap \
                     is lost or doubled data.",
                )
                .query(
                    r#"sum(rate(http_server_request_duration_seconds_count{%J,
                       http_request_method="POST",
                       http_route=~"/add_message|/api/add_message|/msgs/.*",
                       http_response_status_code=~"2..|3..|499"}[$__rate_interval]))"#,
                    "accepted",
                )
                .query(
                    r#"sum(rate(minitwit_inserts_total{%J,
                       model="message"}[$__rate_interval]))"#,
                    "stored",
                )
                .logs("Posts", "method:POST (route:*/add_message OR route:/msgs/*)"),
            panel(Stacked, "Successful requests by surface", "reqps")
                .about("Requests per second answered with 2xx or 3xx.")
                .query(
                    r#"sum by (surface) (rate(http_server_request_duration_seconds_count{%J,
                       http_response_status_code=~"2..|3.."}[$__rate_interval]))"#,
                    "{{surface}}",
                )
                .requests("Failed requests", "status>=400"),
        ],
    )
}

fn simulator() -> Row {
    row("Simulator", calls().into_iter().chain(calls_now()).collect())
}

/// What the simulator does, over time.
fn calls() -> Vec<Panel> {
    vec![
        panel(Lines, "Latest processed", "short")
            .about(
                "ID of the last accepted command. A flat line means the simulator does not \
                     reach the API.",
            )
            .query("max(minitwit_simulator_latest{%J})", "latest")
            .free_axis()
            .size(8, 8),
        panel(Stacked, "Simulator requests by action", "reqps")
            .about("Simulator requests per second, by action.")
            .query(
                "sum by (action) \
                     (rate(minitwit_simulator_requests_total{%J}[$__rate_interval]))",
                "{{action}}",
            )
            .requests("Requests", "surface:api")
            .size(8, 8),
        panel(Bars, "Simulator errors by action and outcome", "short")
            .about(
                "Failed simulator requests in the preceding 5 minutes. Each counts as an \
                     error on the course's status page.",
            )
            .query(
                r#"sum by (action, outcome)
                       (increase(minitwit_simulator_requests_total{%J,outcome!="ok"}[5m])) > 0
                       or on () label_replace(sum(increase(
                       minitwit_simulator_requests_total{%J}[5m])) * 0, "action", "none", "", "")"#,
                "{{action}} {{outcome}}",
            )
            .logs("Failed calls", "surface:api status>=400")
            .size(8, 8),
    ]
}

/// How the simulator fares now.
fn calls_now() -> Vec<Panel> {
    vec![
        panel(Stat, "Simulator error ratio, 1 h", "percentunit")
            .about("Share of simulator requests that failed, last hour.")
            .query(
                r#"sum(increase(minitwit_simulator_requests_total{%J,outcome!="ok"}[1h]))
                       / clamp_min(sum(increase(minitwit_simulator_requests_total{%J}[1h])),
                       1)"#,
                "errors",
            )
            .thresholds(&[(0.01, "yellow"), (0.05, "red")])
            .while_up()
            .logs("Failed calls", "surface:api status>=400")
            .decimals(2)
            .size(12, 4),
        panel(Stat, "Since last simulator call", "s")
            .about(
                "Time since the last simulator request. Registrations missed now make later \
                     requests fail.",
            )
            .query(
                "time() - (max(minitwit_simulator_last_request_timestamp_seconds{%J}) > \
                     0)",
                "since",
            )
            .thresholds(&[(120.0, "yellow"), (600.0, "red")])
            .while_up()
            .without_value("no calls yet")
            .logs("Latest calls", "surface:api")
            .size(12, 4),
    ]
}
