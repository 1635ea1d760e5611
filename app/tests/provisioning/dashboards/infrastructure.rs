//! How the service, its database, its logs and its jobs do, from what users notice down to the runtime.

use super::build::Kind::{
    BarGauge, Bars, Gauge, Heatmap, Lines, Stacked, Stat, Table, Text, Timeline, Trend,
};
use super::build::{Dashboard, Panel, Row, closed_row, panel, row};

/// Requests of users: of the site and of the simulator API.
const USERS: &str = r#"%J,surface=~"web|api""#;
/// Count of requests.
const COUNT: &str = "http_server_request_duration_seconds_count";
/// Its buckets.
const BUCKET: &str = "http_server_request_duration_seconds_bucket";

/// See the module.
pub fn dashboard() -> Dashboard {
    Dashboard {
        uid: "minitwit-infrastructure",
        title: "MiniTwit / Infrastructure",
        description: "Requests, latency, processes, database, log pipeline, runtime and jobs.",
        rows: vec![
            health(),
            traffic(),
            latency(),
            service_level(),
            machine(),
            database(),
            log_pipeline(),
            runtime(),
            jobs(),
            metrics(),
        ],
    }
}

/// Share of the requests of users in a window that failed.
pub fn error_ratio(function: &str, window: &str) -> String {
    format!(
        r#"(sum({function}({COUNT}{{{USERS},http_response_status_code=~"5.."}}[{window}])) or vector(0)) / clamp_min(sum({function}({COUNT}{{{USERS}}}[{window}])), 1e-9)"#
    )
}

/// Share of the requests of users in a window that took at most half a second.
pub fn fast_ratio(window: &str) -> String {
    format!(
        r#"sum(rate({BUCKET}{{{USERS},le="0.5"}}[{window}])) / clamp_min(sum(rate({COUNT}{{{USERS}}}[{window}])), 1e-9)"#
    )
}

/// A percentile of the latency of users' requests, over a window and by these labels.
fn latency_of(quantile: &str, window: &str, by: &str) -> String {
    format!("histogram_quantile({quantile}, sum by (le{by}) (rate({BUCKET}{{{USERS}}}[{window}])))")
}

fn health() -> Row {
    row("Health", vec![
        panel(Stat, "Instances up", "short", "Replicas that answer Prometheus.")
            .query("sum(up{%J})", "up")
            .floor(&[(1.0, "green")])
            .size(3, 4),
        panel(Text, "Version", "short", "Version, revision and database of what runs. More than one during a deployment.")
            .query("max by (version, revision, database) (minitwit_build_info{%J})", "{{version}} {{revision}} {{database}}")
            .size(5, 4),
        panel(Stat, "Uptime", "s", "Since the last start of any replica.")
            .query("time() - max(process_start_time_seconds{%J})", "uptime")
            .logs("Starts and stops", "target:minitwit::server")
            .decimals(1)
            .size(3, 4),
        panel(Trend, "Requests", "reqps", "Requests a second to site and API, over 5 minutes.")
            .query(&format!("sum(rate({COUNT}{{{USERS}}}[5m]))"), "requests")
            .requests("Requests", "")
            .size(3, 4),
        panel(Trend, "Error ratio", "percentunit", "Share of the requests to site and API of the last 5 minutes that failed with 5xx. 0.5 % is the objective.")
            .query(&error_ratio("rate", "5m"), "errors")
            .thresholds(&[(0.001, "yellow"), (0.005, "red")])
            .logs("Failed requests", "status:5xx")
            .decimals(2)
            .size(3, 4),
        panel(Trend, "p95 latency", "s", "95 of 100 requests of the last 5 minutes were answered within this time.")
            .query(&latency_of("0.95", "5m", ""), "p95")
            .thresholds(&[(0.25, "yellow"), (0.5, "red")])
            .requests("Slow requests", "duration>250")
            .size(3, 4),
        panel(Stat, "Error budget left, 30 d", "percentunit", "What is left of the 0.5 % of requests that may fail in 30 days. Below 0 the objective is missed.")
            .query(&format!("1 - ({}) / 0.005", error_ratio("increase", "30d")), "left")
            .floor(&[(0.0, "orange"), (0.25, "yellow"), (0.5, "green")])
            .logs("Failed requests", "status:5xx")
            .decimals(1)
            .size(4, 4),
        panel(Timeline, "Replicas", "short", "Which replica answered Prometheus when.")
            .query("max by (instance) (up{%J})", "{{instance}}")
            .size(24, 4),
    ])
}

/// Statuses in the colors of their class.
fn by_status(panel: Panel) -> Panel {
    panel.color("2..", "green").color("3..", "blue").color("4..", "orange").color("5..", "red")
}

fn traffic() -> Row {
    let responses = |title, surface: &str, description| {
        let panel = panel(Stacked, title, "reqps", description)
            .query(&format!(r#"sum by (http_response_status_code) (rate({COUNT}{{%J,surface="{surface}"}}[$__rate_interval]))"#), "{{http_response_status_code}}")
            .requests("Requests with this status", &format!("surface:{surface} status:${{__field.labels.http_response_status_code}}"));
        by_status(panel)
    };
    row("Traffic and errors", vec![
        responses("HTTP responses: frontend (site)", "web", "Answers of the site a second, by status. 499: the client did not wait."),
        responses("HTTP responses: backend (simulator API)", "api", "Answers of the simulator API a second, by status."),
        panel(Lines, "Requests by route (top 10)", "reqps", "The ten routes with the most requests a second.")
            .query(&format!("topk(10, sum by (http_route) (rate({COUNT}{{%J}}[$__rate_interval])))"), "{{http_route}}")
            .requests("Requests of this route", r#"route:"${__field.labels.http_route:percentencode}""#),
        panel(Lines, "Error ratio by surface", "percentunit", "Share of the requests that failed with 5xx, for each surface.")
            .query(&format!(r#"sum by (surface) (rate({COUNT}{{%J,http_response_status_code=~"5.."}}[$__rate_interval])) / sum by (surface) (rate({COUNT}{{%J}}[$__rate_interval])) or sum by (surface) (rate({COUNT}{{%J}}[$__rate_interval])) * 0"#), "{{surface}}")
            .thresholds(&[(0.005, "red")])
            .logs("Errors", "level:ERROR")
            .requests("Failed requests", "surface:${__field.labels.surface} status:5xx"),
        panel(Bars, "Total HTTP requests per hour", "short", "Requests in the hour before each point, by surface.")
            .query(&format!("sum by (surface) (increase({COUNT}{{%J}}[1h]))"), "{{surface}}"),
        panel(Lines, "Total HTTP requests, trailing 24 h", "short", "Requests in the 24 hours before each point, in all and by surface.")
            .query(&format!("sum(increase({COUNT}{{%J}}[24h]))"), "all")
            .query(&format!("sum by (surface) (increase({COUNT}{{%J}}[24h]))"), "{{surface}}"),
        panel(Table, "Routes", "reqps", "Every route of the last 5 minutes: how often, how wrong, how slow. The route leads to its requests.")
            .query(&format!("sum by (http_route) (rate({COUNT}{{%J}}[5m]))"), "Requests")
            .query(&format!(r#"sum by (http_route) (rate({COUNT}{{%J,http_response_status_code=~"5.."}}[5m])) / sum by (http_route) (rate({COUNT}{{%J}}[5m])) or sum by (http_route) (rate({COUNT}{{%J}}[5m])) * 0"#), "Error ratio")
            .query(&format!("histogram_quantile(0.95, sum by (le, http_route) (rate({BUCKET}{{%J}}[5m])))"), "p95")
            .set("Error ratio", vec![("unit", "percentunit".into())])
            .set("p95", vec![("unit", "s".into())])
            .requests("Requests of this route", r#"route:"${__data.fields.Route:percentencode}""#)
            .size(14, 9),
        panel(Stacked, "Refused requests", "reqps", "Requests that were refused before their handler ran, by reason.")
            .query("sum by (reason) (rate(minitwit_http_rejected_total{%J}[$__rate_interval]))", "{{reason}}")
            .requests("Refused requests", "status:4xx")
            .size(10, 9),
    ])
}

fn latency() -> Row {
    row("Latency", vec![
        panel(Lines, "Latency percentiles (site and API)", "s", "Half, 95 and 99 of 100 requests were answered within these times.")
            .query(&latency_of("0.5", "$__rate_interval", ""), "p50")
            .query(&latency_of("0.95", "$__rate_interval", ""), "p95")
            .query(&latency_of("0.99", "$__rate_interval", ""), "p99")
            .thresholds(&[(0.5, "red")])
            .requests("Slow requests", "duration>250"),
        panel(Heatmap, "Latency heatmap (site and API)", "s", "How many requests took how long: two bands are two kinds of requests.")
            .query(&format!("sum by (le) (increase({BUCKET}{{{USERS}}}[$__rate_interval]))"), "{{le}}")
            .requests("Slow requests", "duration>250"),
        panel(Lines, "p95 by route", "s", "The ten routes whose slowest twentieth is slowest.")
            .query(&format!("topk(10, {})", latency_of("0.95", "$__rate_interval", ", http_route")), "{{http_route}}")
            .requests("Requests of this route", r#"route:"${__field.labels.http_route:percentencode}""#),
        panel(Lines, "Requests in flight", "short", "Requests that are being handled. It grows when something they wait for is slow.")
            .query("sum by (surface) (http_server_active_requests{%J})", "{{surface}}"),
        panel(Lines, "SQL statements per request", "short", "Mean number of statements a request runs. A step up is usually a query in a loop.")
            .query("sum by (surface) (rate(minitwit_http_request_db_queries_sum{%J}[$__rate_interval])) / sum by (surface) (rate(minitwit_http_request_db_queries_count{%J}[$__rate_interval]))", "{{surface}}")
            .requests("Requests with many statements", "queries>5"),
        panel(Bars, "Panics", "short", "Panics caught in the 5 minutes before each point. Each is a defect and a request lost.")
            .query("sum(increase(minitwit_panics_total{%J}[5m]))", "panics")
            .color("panics", "red")
            .logs("Panics", "target:panic"),
    ])
}

fn service_level() -> Row {
    let burn = |window| format!("({}) / 0.005", error_ratio("rate", window));
    row("Service level", vec![
        panel(Lines, "Availability burn rate", "short", "How many times faster than allowed the error budget is used up: 1 uses it up in 30 days, 14.4 in 2. Two windows above their line page.")
            .query(&burn("5m"), "5 m")
            .query(&burn("1h"), "1 h")
            .query(&burn("6h"), "6 h")
            .query(&burn("3d"), "3 d")
            .thresholds(&[(1.0, "yellow"), (6.0, "orange"), (14.4, "red")])
            .logs("Failed requests", "status:5xx"),
        panel(Lines, "Requests faster than 500 ms", "percentunit", "Share of the requests to site and API that were answered within 500 ms. 99 % is the objective.")
            .query(&fast_ratio("5m"), "5 m")
            .query(&fast_ratio("1h"), "1 h")
            .thresholds(&[(0.99, "green")])
            .free_axis()
            .max(1.0)
            .requests("Slow requests", "duration>500"),
    ])
}

fn machine() -> Row {
    closed_row("Process and machine", vec![
        panel(Gauge, "CPU load percent", "percent", "How busy all processors of the machine are.")
            .query("100 * avg(system_cpu_utilization_ratio{%J})", "machine")
            .thresholds(&[(70.0, "yellow"), (90.0, "red")])
            .max(100.0)
            .decimals(0)
            .size(5, 8),
        panel(Lines, "CPU load percent over time", "percent", "How busy the machine is, and how much of it this process takes. Far apart: something else is at work.")
            .query("100 * avg by (instance) (system_cpu_utilization_ratio{%J})", "machine {{instance}}")
            .query("100 * sum by (instance) (rate(process_cpu_seconds_total{%J}[$__rate_interval])) / sum by (instance) (system_cpus{%J})", "process {{instance}}")
            .max(100.0)
            .size(11, 8),
        panel(Lines, "Total CPU seconds", "s", "Processor time since the start, and in the 24 hours before each point.")
            .query("sum by (instance) (process_cpu_seconds_total{%J})", "since start {{instance}}")
            .query("sum by (instance) (increase(process_cpu_seconds_total{%J}[24h]))", "24 h {{instance}}")
            .size(8, 8),
        panel(Lines, "Process virtual memory", "bytes", "Address space the process has reserved; most of it is never touched.")
            .query("sum by (instance) (process_virtual_memory_bytes{%J})", "{{instance}}")
            .size(8, 8),
        panel(Lines, "Process resident memory", "bytes", "Memory the process really uses, and the limit at which it is killed.")
            .query("sum by (instance) (process_resident_memory_bytes{%J})", "{{instance}}")
            .query("max(minitwit_memory_limit_bytes{%J})", "limit")
            .dashed("limit", "red")
            .size(8, 8),
        panel(Lines, "Open files and threads", "short", "Open file descriptors, each connection is one, and threads of the operating system.")
            .query("sum by (instance) (process_open_fds{%J})", "files {{instance}}")
            .query("sum by (instance) (process_threads{%J})", "threads {{instance}}")
            .query("min(process_max_fds{%J})", "limit of files")
            .dashed("limit of files", "red")
            .right_axis("limit of files", "short")
            .size(8, 8),
        panel(Gauge, "Data disk used", "percentunit", "How full the file system with the data directory is.")
            .query("max(1 - minitwit_data_disk_free_bytes{%J} / minitwit_data_disk_size_bytes{%J})", "used")
            .thresholds(&[(0.8, "yellow"), (0.9, "red")])
            .max(1.0)
            .size(5, 8),
        panel(Lines, "Data disk free", "bytes", "Free bytes for database, logs and backups, and what is left in 24 hours if it goes on like the last hour.")
            .query("min by (instance) (minitwit_data_disk_free_bytes{%J})", "free {{instance}}")
            .query("clamp_min(min(predict_linear(minitwit_data_disk_free_bytes{%J}[1h], 86400)), 0)", "in 24 h")
            .dashed("in 24 h", "orange")
            .size(11, 8),
        panel(Bars, "Restarts", "short", "Starts in the 15 minutes before each point. More than two: it crashes or is killed again and again.")
            .query("sum(changes(process_start_time_seconds{%J}[15m]))", "restarts")
            .color("restarts", "blue")
            .logs("Starts and stops", "target:minitwit::server")
            .size(8, 8),
    ])
}

fn database() -> Row {
    let operation = r#"db_operation:"${__field.labels.db_query_summary:percentencode}""#;
    closed_row("Database", vec![
        panel(Lines, "Pool connections", "short", "Connections in use and idle, the limit, and who waits for one. Waiting at the limit: requests queue.")
            .query("sum by (pool, state) (db_pool_connections{%J})", "{{pool}} {{state}}")
            .query("sum by (pool) (db_pool_connections_max{%J})", "{{pool}} limit")
            .query("sum by (pool) (db_pool_pending_requests{%J})", "{{pool}} waiting")
            .dashed(".* limit", "red")
            .color(".* waiting", "orange"),
        panel(Lines, "Wait for a connection, p95", "s", "How long requests wait for a connection, and on the right how many gave up in the 5 minutes before each point.")
            .query("histogram_quantile(0.95, sum by (le, pool) (rate(db_pool_wait_seconds_bucket{%J}[$__rate_interval])))", "{{pool}}")
            .query("sum by (pool) (increase(db_pool_timeouts_total{%J}[5m]))", "{{pool}} timeouts")
            .right_axis(".* timeouts", "short")
            .color(".* timeouts", "red")
            .logs("Errors of the database", "target:minitwit::db* level>=warn"),
        panel(Lines, "Query time p95 by query", "s", "The ten statements whose slowest twentieth is slowest.")
            .query("topk(10, histogram_quantile(0.95, sum by (le, db_query_summary) (rate(db_client_operation_duration_seconds_bucket{%J}[$__rate_interval]))))", "{{db_query_summary}}")
            .sql("This statement", operation),
        panel(Stacked, "Database load (seconds per second)", "s", "Time spent in each statement a second: how many connections it keeps busy. The tallest is the one to make faster.")
            .query("topk(10, sum by (db_query_summary) (rate(db_client_operation_duration_seconds_sum{%J}[$__rate_interval])))", "{{db_query_summary}}")
            .sql("This statement", operation),
        panel(Stacked, "Queries per second", "ops", "Statements a second, by statement.")
            .query("sum by (db_query_summary) (rate(db_client_operation_duration_seconds_count{%J}[$__rate_interval]))", "{{db_query_summary}}")
            .sql("This statement", operation),
        panel(Lines, "Database file size", "bytes", "SQLite's file and its write-ahead log. A log that only grows is held by a long reader. PostgreSQL has its own monitoring.")
            .query("max by (file) (minitwit_db_file_bytes{%J})", "{{file}}"),
    ])
}

fn log_pipeline() -> Row {
    closed_row("Log pipeline", vec![
        panel(Stacked, "Log events by level", "ops", "Records emitted a second, by level.")
            .query("sum by (level) (rate(minitwit_log_events_total{%J}[$__rate_interval]))", "{{level}}")
            .color("ERROR", "red")
            .color("WARN", "orange")
            .color("INFO", "green")
            .color("DEBUG", "blue")
            .color("TRACE", "purple")
            .logs("Records of this level", "level:${__field.labels.level}"),
        panel(Bars, "Dropped events", "short", "Records lost before they could be found, in the 5 minutes before each point, by reason.")
            .query("sum by (reason) (increase(minitwit_log_events_dropped_total{%J}[5m]))", "{{reason}}")
            .logs("What the pipeline says", "target:logsearch*"),
        panel(Lines, "Ingest lag", "s", "Age of the oldest record that cannot be found yet, and how long it takes to bring records into the index.")
            .query("max by (instance) (minitwit_log_ingest_lag_seconds{%J})", "lag {{instance}}")
            .query("histogram_quantile(0.95, sum by (le) (rate(minitwit_log_commit_duration_seconds_bucket{%J}[$__rate_interval])))", "commit p95"),
        panel(Lines, "Log queue fill", "percentunit", "How full the buffer between the service and its log is. Full, it drops records rather than hold up a request.")
            .query("max by (instance) (minitwit_log_queue_depth{%J} / minitwit_log_queue_capacity{%J})", "{{instance}}")
            .max(1.0),
        panel(Lines, "Log index size", "bytes", "Log and index on the disk, and what they may take; the oldest records go first.")
            .query("sum by (instance) (minitwit_log_index_bytes{%J})", "{{instance}}")
            .query("max(minitwit_log_index_max_bytes{%J})", "limit")
            .dashed("limit", "red"),
        panel(Lines, "Documents and segments", "short", "Records that can be found, and on the right the pieces of the index. Many pieces make searches slow.")
            .query("sum(minitwit_log_index_docs{%J})", "records")
            .query("sum(minitwit_log_index_segments{%J})", "segments")
            .right_axis("segments", "short"),
        panel(Lines, "Log search p95", "s", "How long searches in the panel take, by how they ended.")
            .query("histogram_quantile(0.95, sum by (le, outcome) (rate(minitwit_log_search_duration_seconds_bucket{%J}[$__rate_interval])))", "{{outcome}}"),
        panel(Stat, "Oldest log", "s", "How far back records can be found.")
            .query("time() - (min(minitwit_log_index_oldest_timestamp_seconds{%J}) > 0)", "oldest")
            .size(6, 8),
        panel(Stat, "Notices", "short", "Things a person should know about the log store, such as damaged parts that were set aside.")
            .query("sum(minitwit_log_notices{%J})", "notices")
            .thresholds(&[(1.0, "yellow")])
            .logs("What the pipeline says", "target:logsearch*")
            .size(6, 8),
    ])
}

fn runtime() -> Row {
    closed_row("Runtime", vec![
        panel(Lines, "Worker busy share", "percentunit", "How busy the threads are that run all requests. Near 100 % requests wait for a thread.")
            .query("sum by (instance) (rate(tokio_worker_busy_seconds_total{%J}[$__rate_interval])) / sum by (instance) (tokio_workers{%J})", "{{instance}}")
            .max(1.0)
            .size(6, 8),
        panel(Lines, "Tasks alive", "short", "Tasks of the runtime: connections, requests, jobs. One that only grows is a leak.")
            .query("sum by (instance) (tokio_alive_tasks{%J})", "{{instance}}")
            .size(6, 8),
        panel(Lines, "Run queue depth", "short", "Tasks that are ready and wait for a thread.")
            .query("sum by (instance) (tokio_global_queue_depth{%J})", "{{instance}}")
            .size(6, 8),
        panel(Lines, "Event loop lag p99", "s", "How late a timer of 100 ms fires. Above some milliseconds something blocks a thread.")
            .query("histogram_quantile(0.99, sum by (le, instance) (rate(tokio_event_loop_lag_seconds_bucket{%J}[$__rate_interval])))", "{{instance}}")
            .size(6, 8),
    ])
}

fn jobs() -> Row {
    let runs = r#"job:"${__field.labels.job_name}""#;
    closed_row("Cron jobs", vec![
        panel(Bars, "Job runs by outcome", "short", "Runs in the hour before each point. Skipped: another replica ran it. Missed: the last run had not ended.")
            .query("sum by (job_name, outcome) (increase(minitwit_job_runs_total{%J}[1h])) > 0", "{{job_name}} {{outcome}}")
            .color(".* failure", "red")
            .color(".* missed", "orange")
            .logs("Runs of this job", runs)
            .size(10, 8),
        panel(Lines, "Job duration, mean", "s", "Mean time of a run in the hour before each point.")
            .query("sum by (job_name) (rate(minitwit_job_duration_seconds_sum{%J}[1h])) / sum by (job_name) (rate(minitwit_job_duration_seconds_count{%J}[1h]))", "{{job_name}}")
            .logs("Runs of this job", runs)
            .size(8, 8),
        panel(BarGauge, "Overdue factor (age of last success / period)", "short", "How many periods ago each job last succeeded. Above 3 it hangs or its scheduler is dead.")
            .query("max by (job_name) ((time() - minitwit_job_last_success_timestamp_seconds{%J}) / minitwit_job_interval_seconds{%J})", "{{job_name}}")
            .thresholds(&[(1.5, "yellow"), (3.0, "red")])
            .logs("Runs of this job", runs)
            .decimals(1)
            .max(4.0)
            .size(6, 8),
        panel(Lines, "Site and API alike", "percentunit", "Share of the newest messages that the site and the API show alike, in the same order.")
            .query("min by (instance) (minitwit_site_api_parity_ratio{%J})", "{{instance}}")
            .thresholds(&[(1.0, "green")])
            .max(1.0)
            .logs("What differs", "job:site_api_parity"),
    ])
}

fn metrics() -> Row {
    closed_row("Metrics themselves", vec![
        panel(Trend, "Series scraped", "short", "Samples of each scrape, over all replicas. Bounded at 6,000 for each.")
            .query("sum(scrape_samples_scraped{%J})", "samples")
            .thresholds(&[(6000.0, "yellow")])
            .size(8, 4),
        panel(Trend, "Scrape duration", "s", "How long the slowest scrape takes.")
            .query("max(scrape_duration_seconds{%J})", "scrape")
            .thresholds(&[(1.0, "yellow"), (5.0, "red")])
            .size(8, 4),
        panel(Stat, "Label overflow, 24 h", "short", "Observations that came under `<overflow>` in the last 24 hours because there were too many label sets.")
            .query("sum(increase(minitwit_metrics_label_overflow_total{%J}[24h]))", "overflow")
            .thresholds(&[(1.0, "red")])
            .logs("Which metric", "message:\"label sets\"")
            .decimals(0)
            .size(8, 4),
    ])
}
