//! The page that lists every metric, `.github/docs/metrics.md`.

use std::fmt::Write;

use logsearch::metrics::{Kind, Metric};

use crate::files::GeneratedFile;

/// Every metric of the service.
pub fn metrics() -> impl Iterator<Item = &'static Metric> {
    minitwit::metrics::all()
}

/// The values of labels that have a fixed set of them, by the metrics that carry them. A service has
/// all of them from its start.
pub const VALUES: [(&str, &str, &[&str]); 19] = [
    ("http_server_active_requests", "surface", &["web", "api", "ops"]),
    ("minitwit_http_requests_total", "outcome", &["ok", "failed", "abandoned"]),
    ("minitwit_http_slow_requests_total", "surface", &["web", "api", "ops"]),
    (
        "minitwit_http_rejected_total",
        "reason",
        &[
            "bad_auth",
            "bad_request",
            "body_too_large",
            "csrf",
            "overloaded",
            "rate_limited",
            "timeout",
        ],
    ),
    ("db_pool_connections", "pool", &["read", "write"]),
    ("db_pool_connections", "state", &["idle", "used"]),
    ("minitwit_db_file_bytes", "file", &["main", "wal"]),
    (
        "minitwit_database_write_fault",
        "reason",
        &[
            "cannot_open",
            "connection_lost",
            "connection_refused",
            "damaged",
            "disk_full",
            "file_lost",
            "io_error",
            "locked",
            "other",
            "read_only",
            "restarting",
            "slow",
            "timeout",
            "too_many_connections",
        ],
    ),
    (
        "minitwit_job_runs_total",
        "job_name",
        &[
            "backup",
            "backup_status",
            "business_totals",
            "certificate",
            "expired_sessions",
            "site_api_parity",
            "sqlite_optimize",
        ],
    ),
    ("minitwit_job_runs_total", "outcome", &["success", "failure", "skipped", "missed"]),
    ("minitwit_inserts_total", "model", &["user", "message", "follower", "session"]),
    ("minitwit_active_users", "window", &["5m", "1h", "24h"]),
    ("minitwit_logins_total", "outcome", &["success", "bad_password", "unknown_user", "throttled"]),
    (
        "minitwit_simulator_requests_total",
        "action",
        &["register", "tweet", "follow", "unfollow", "read"],
    ),
    (
        "minitwit_simulator_requests_total",
        "outcome",
        &["ok", "client_error", "unauthorized", "not_found", "server_error", "abandoned"],
    ),
    ("minitwit_log_events_total", "level", &["ERROR", "WARN", "INFO", "DEBUG", "TRACE"]),
    (
        "minitwit_log_events_dropped_total",
        "reason",
        &["queue_full", "too_large", "nested", "index_error", "shutdown"],
    ),
    ("minitwit_log_sink_dropped_total", "sink", &["stderr", "file"]),
    ("minitwit_log_search_duration_seconds", "outcome", &["ok", "timeout", "error"]),
];

/// The page as a file.
pub fn file() -> GeneratedFile {
    GeneratedFile::new(".github/docs/metrics.md", page())
}

// Writing to a string cannot fail, here and below.
fn page() -> String {
    let mut page = "# Metrics\n\
        What `/metrics` of the ops listener exposes. Generated from the catalogue in the code:\n\
        `cargo run -p provisioning -- write` writes this page, and a test fails when it is old.\n\n\
        Totals of the database are the same from every replica: take `max`. Counters are each replica's own:\n\
        take `sum` of their `rate`.\n\n\
        Counters stand at zero from the start, because `increase` misses the first event of a series that was\n\
        not there before: requests by outcome are there for every route. So do the histograms of what users do:\n\
        the success of each route of site and API, and the statements on users, messages and followers. Other\n\
        statuses and statements appear when they first happen: with their buckets, all of them would be four\n\
        times as many series. A fresh service exposes about 1,500, and none more than 6,000: further label sets are measured\n\
        as `<overflow>`. Requests that no route takes, by their address or by their method, are measured as\n\
        `<unmatched>`.\n\n\
        A scrape takes 1.0 ms of a processor when fresh and 5.4 ms with 5,700 series; to measure a request takes\n\
        0.11 µs, a statement 0.15 µs (`cargo bench -p minitwit --bench metrics`).\n\n\
        | name | type | labels | meaning |\n|---|---|---|---|\n"
        .to_owned();
    list(&mut page, metrics());
    page.push_str(
        "\nThese labels have the same values in every service, but that PostgreSQL has no file `wal`. Routes,\n\
        statuses, statements and kinds of error are as many as there are, up to `<overflow>`; no label holds\n\
        the name of a user, an address or a message.\n\n\
        | label | of | values |\n|---|---|---|\n",
    );
    for (metric, label, values) in VALUES {
        let _ = writeln!(page, "| `{label}` | `{metric}` | {} |", values.join(", "));
    }
    page.push_str(
        "\nTwo names are those that dashboards of the course ask for: `minitwit_cpu_load_percent` and\n\
        `minitwit_http_responses_total`.\n",
    );
    page
}

fn list<'a>(page: &mut String, metrics: impl IntoIterator<Item = &'a Metric>) {
    for Metric { name, kind, help, labels, .. } in metrics {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let _ = writeln!(page, "| `{name}` | {kind} | {} | {help} |", labels.join(" "));
    }
}
