//! The rows behind what users notice: process and machine, database, log pipeline, runtime, jobs, and
//! the metrics themselves. They ask for their data when somebody opens them.

use super::build::Kind::{BarGauge, Bars, Gauge, Lines, Stacked, Stat, Trend};
use super::build::{Row, closed_row, panel};

/// From the machine up to the metrics.
pub fn rows() -> Vec<Row> {
    vec![machine(), database(), log_pipeline(), runtime(), jobs(), metrics()]
}

fn machine() -> Row {
    closed_row(
        "Process and machine",
        vec![
            panel(Gauge, "CPU load percent", "percent")
                .about("How busy all processors of the machine are.")
                .query("100 * avg(system_cpu_utilization_ratio{%J})", "machine")
                .thresholds(&[(70.0, "yellow"), (90.0, "red")])
                .max(100.0)
                .decimals(0)
                .size(5, 8),
            panel(Lines, "CPU load percent over time", "percent")
                .about(
                    "How busy the machine is, and how much of it this process takes. Far \
                     apart: something else is at work.",
                )
                .query(
                    "100 * avg by (instance) (system_cpu_utilization_ratio{%J})",
                    "machine {{instance}}",
                )
                .query(
                    "100 * sum by (instance) \
                     (rate(process_cpu_seconds_total{%J}[$__rate_interval])) / sum by \
                     (instance) (system_cpus{%J})",
                    "process {{instance}}",
                )
                .max(100.0)
                .size(11, 8),
            panel(Lines, "Total CPU seconds", "s")
                .about("Processor time since the start, and in the 24 hours before each point.")
                .query(
                    "sum by (instance) (process_cpu_seconds_total{%J})",
                    "since start {{instance}}",
                )
                .query(
                    "sum by (instance) (increase(process_cpu_seconds_total{%J}[24h]))",
                    "24 h {{instance}}",
                )
                .size(8, 8),
            panel(Lines, "Process virtual memory", "bytes")
                .about("Address space the process has reserved; most of it is never touched.")
                .query("sum by (instance) (process_virtual_memory_bytes{%J})", "{{instance}}")
                .size(8, 8),
            panel(Lines, "Process resident memory", "bytes")
                .about("Memory the process really uses, and the limit at which it is killed.")
                .query("sum by (instance) (process_resident_memory_bytes{%J})", "{{instance}}")
                .query("max(minitwit_memory_limit_bytes{%J})", "limit")
                .dashed("limit", "red")
                .size(8, 8),
            panel(Lines, "Open files and threads", "short")
                .about(
                    "Open file descriptors, each connection is one, and threads of the \
                     operating system.",
                )
                .query("sum by (instance) (process_open_fds{%J})", "files {{instance}}")
                .query("sum by (instance) (process_threads{%J})", "threads {{instance}}")
                .query("min(process_max_fds{%J})", "limit of files")
                .dashed("limit of files", "red")
                .right_axis("limit of files", "short")
                .size(8, 8),
            panel(Lines, "Data disk free", "bytes")
                .about(
                    "Free bytes for database, logs and backups, and what is left in 24 \
                     hours if it goes on like the last hour.",
                )
                .query("min by (instance) (minitwit_data_disk_free_bytes{%J})", "free {{instance}}")
                .query(
                    "clamp_min(min(predict_linear(minitwit_data_disk_free_bytes{%J}[1h], \
                     86400)), 0)",
                    "in 24 h",
                )
                .dashed("in 24 h", "orange")
                .size(11, 8),
            panel(Gauge, "Data disk used", "percentunit")
                .about("How full the file system with the data directory is.")
                .query(
                    "max(1 - minitwit_data_disk_free_bytes{%J} / \
                     minitwit_data_disk_size_bytes{%J})",
                    "used",
                )
                .thresholds(&[(0.8, "yellow"), (0.9, "red")])
                .max(1.0)
                .size(5, 8),
            panel(Bars, "Restarts", "short")
                .about(
                    "Starts in the 15 minutes before each point. More than two: it crashes \
                     or is killed again and again.",
                )
                .query("sum(changes(process_start_time_seconds{%J}[15m]))", "restarts")
                .color("restarts", "blue")
                .logs("Starts and stops", "target:minitwit::server")
                .size(8, 8),
        ],
    )
}

fn database() -> Row {
    let operation = r#"db_operation:"${__field.labels.db_query_summary:percentencode}""#;
    closed_row(
        "Database",
        vec![
            panel(Lines, "Pool connections", "short")
                .about(
                    "Connections in use and idle, the limit, and who waits for one. Waiting \
                     at the limit: requests queue.",
                )
                .query("sum by (pool, state) (db_pool_connections{%J})", "{{pool}} {{state}}")
                .query("sum by (pool) (db_pool_connections_max{%J})", "{{pool}} limit")
                .query("sum by (pool) (db_pool_pending_requests{%J})", "{{pool}} waiting")
                .dashed(".* limit", "red")
                .color(".* waiting", "orange"),
            panel(Lines, "Wait for a connection, p95", "s")
                .about(
                    "How long requests wait for a connection, and on the right how many \
                     gave up in the 5 minutes before each point.",
                )
                .query(
                    "histogram_quantile(0.95, sum by (le, pool) \
                     (rate(db_pool_wait_seconds_bucket{%J}[$__rate_interval])))",
                    "{{pool}}",
                )
                .query(
                    "sum by (pool) (increase(db_pool_timeouts_total{%J}[5m]))",
                    "{{pool}} timeouts",
                )
                .right_axis(".* timeouts", "short")
                .color(".* timeouts", "red")
                .logs("Errors of the database", "target:minitwit::db* level>=warn"),
            panel(Lines, "Query time p95 by query", "s")
                .about("The ten statements whose slowest twentieth is slowest.")
                .query(
                    "topk(10, histogram_quantile(0.95, sum by (le, db_query_summary) \
                     (rate(db_client_operation_duration_seconds_bucket{%J}[$__rate_interval]))) \
                     >= 0)",
                    "{{db_query_summary}}",
                )
                .sql("This statement", operation),
            panel(Stacked, "Database load (seconds per second)", "s")
                .about(
                    "Time spent in each statement a second: how many connections it keeps \
                     busy. The tallest is the one to make faster.",
                )
                .query(
                    "topk(10, sum by (db_query_summary) \
                     (rate(db_client_operation_duration_seconds_sum{%J}[$__rate_interval])))",
                    "{{db_query_summary}}",
                )
                .sql("This statement", operation),
            panel(Stacked, "Queries per second", "ops")
                .about("Statements a second, by statement.")
                .query(
                    "sum by (db_query_summary) \
                     (rate(db_client_operation_duration_seconds_count{%J}[$__rate_interval]))",
                    "{{db_query_summary}}",
                )
                .sql("This statement", operation),
            panel(Lines, "Database file size", "bytes")
                .about(
                    "Size of the database and, on SQLite, of its write-ahead log, which a long \
                     reader keeps from being emptied.",
                )
                .query("max by (file) (minitwit_db_file_bytes{%J})", "{{file}}"),
        ],
    )
}

fn log_pipeline() -> Row {
    closed_row(
        "Log pipeline",
        vec![
            panel(Stacked, "Log events by level", "ops")
                .about("Records emitted a second, by level.")
                .query(
                    "sum by (level) (rate(minitwit_log_events_total{%J}[$__rate_interval]))",
                    "{{level}}",
                )
                .color("ERROR", "red")
                .color("WARN", "orange")
                .color("INFO", "green")
                .color("DEBUG", "blue")
                .color("TRACE", "purple")
                .logs("Records of this level", "level:${__field.labels.level}"),
            panel(Bars, "Dropped events", "short")
                .about(
                    "Records lost before they could be found, in the 5 minutes before each \
                     point, by reason.",
                )
                .query(
                    "sum by (reason) (increase(minitwit_log_events_dropped_total{%J}[5m]))",
                    "{{reason}}",
                )
                .logs("What the pipeline says", "target:logsearch*"),
            panel(Lines, "Ingest lag", "s")
                .about(
                    "Age of the oldest record that cannot be found yet, and how long it \
                     takes to bring records into the index.",
                )
                .query(
                    "max by (instance) (minitwit_log_ingest_lag_seconds{%J})",
                    "lag {{instance}}",
                )
                .query(
                    "histogram_quantile(0.95, sum by (le) \
                     (rate(minitwit_log_commit_duration_seconds_bucket{%J}[$__rate_interval])))",
                    "commit p95",
                ),
            panel(Lines, "Log queue fill", "percentunit")
                .about(
                    "How full the buffer between the service and its log is. Full, it drops \
                     records rather than hold up a request.",
                )
                .query(
                    "max by (instance) (minitwit_log_queue_depth{%J} / \
                     minitwit_log_queue_capacity{%J})",
                    "{{instance}}",
                )
                .max(1.0),
            panel(Lines, "Log index size", "bytes")
                .about(
                    "Log and index on the disk, and what they may take; the oldest records \
                     go first.",
                )
                .query("sum by (instance) (minitwit_log_index_bytes{%J})", "{{instance}}")
                .query("max(minitwit_log_index_max_bytes{%J})", "limit")
                .dashed("limit", "red"),
            panel(Lines, "Documents and segments", "short")
                .about(
                    "Records that can be found, and on the right the pieces of the index. \
                     Many pieces make searches slow.",
                )
                .query("sum(minitwit_log_index_docs{%J})", "records")
                .query("sum(minitwit_log_index_segments{%J})", "segments")
                .right_axis("segments", "short"),
            panel(Lines, "Log search p95", "s")
                .about(
                    "How long searches in the panel take, by how they ended; 0 while nobody \
                     searches.",
                )
                .query(
                    "histogram_quantile(0.95, sum by (le, outcome) \
                     (rate(minitwit_log_search_duration_seconds_bucket{%J}[$__rate_interval]))) \
                     >= 0 or sum by (outcome) \
                     (rate(minitwit_log_search_duration_seconds_count{%J}[$__rate_interval])) \
                     * 0",
                    "{{outcome}}",
                ),
            panel(Stat, "Oldest log", "s")
                .about("How far back records can be found.")
                .query(
                    "time() - (min(minitwit_log_index_oldest_timestamp_seconds{%J}) > 0)",
                    "oldest",
                )
                .without_value("none")
                .size(6, 8),
            panel(Stat, "Notices", "short")
                .about(
                    "Things a person should know about the log store, such as damaged parts \
                     that were set aside.",
                )
                .query("sum(minitwit_log_notices{%J})", "notices")
                .thresholds(&[(1.0, "yellow")])
                .logs("What the pipeline says", "target:logsearch*")
                .size(6, 8),
        ],
    )
}

fn runtime() -> Row {
    closed_row(
        "Runtime",
        vec![
            panel(Lines, "Worker busy share", "percentunit")
                .about(
                    "How busy the threads are that run all requests. Near 100 % requests \
                     wait for a thread.",
                )
                .query(
                    "sum by (instance) \
                     (rate(tokio_worker_busy_seconds_total{%J}[$__rate_interval])) / sum by \
                     (instance) (tokio_workers{%J})",
                    "{{instance}}",
                )
                .max(1.0)
                .size(6, 8),
            panel(Lines, "Tasks alive", "short")
                .about(
                    "Tasks of the runtime: connections, requests, jobs. One that only grows \
                     is a leak.",
                )
                .query("sum by (instance) (tokio_alive_tasks{%J})", "{{instance}}")
                .size(6, 8),
            panel(Lines, "Run queue depth", "short")
                .about("Tasks that are ready and wait for a thread.")
                .query("sum by (instance) (tokio_global_queue_depth{%J})", "{{instance}}")
                .size(6, 8),
            panel(Lines, "Event loop lag p99", "s")
                .about(
                    "How late a timer of 100 ms fires. Above some milliseconds something \
                     blocks a thread.",
                )
                .query(
                    "histogram_quantile(0.99, sum by (le, instance) \
                     (rate(tokio_event_loop_lag_seconds_bucket{%J}[$__rate_interval])))",
                    "{{instance}}",
                )
                .size(6, 8),
        ],
    )
}

fn jobs() -> Row {
    let runs = r#"job:"${__field.labels.job_name}""#;
    closed_row(
        "Cron jobs",
        vec![
            panel(Bars, "Job runs by outcome", "short")
                .about(
                    "Runs in the hour before each point. Skipped: another replica ran it. \
                     Missed: the last run had not ended.",
                )
                .query(
                    "sum by (job_name, outcome) (increase(minitwit_job_runs_total{%J}[1h])) \
                     > 0",
                    "{{job_name}} {{outcome}}",
                )
                .color(".* failure", "red")
                .color(".* missed", "orange")
                .logs("Runs of this job", runs)
                .size(10, 8),
            panel(Lines, "Job duration, mean", "s")
                .about("Mean time of a run in the hour before each point.")
                .query(
                    "sum by (job_name) (rate(minitwit_job_duration_seconds_sum{%J}[1h])) / \
                     (sum by (job_name) (rate(minitwit_job_duration_seconds_count{%J}[1h])) > 0)",
                    "{{job_name}}",
                )
                .logs("Runs of this job", runs)
                .size(8, 8),
            panel(BarGauge, "Overdue factor (age of last success / period)", "short")
                .about(
                    "How many periods ago each job last succeeded. Above 3 it hangs or its \
                     scheduler is dead.",
                )
                .query(
                    "max by (job_name) ((time() - \
                     minitwit_job_last_success_timestamp_seconds{%J}) / \
                     minitwit_job_interval_seconds{%J})",
                    "{{job_name}}",
                )
                .thresholds(&[(1.5, "yellow"), (3.0, "red")])
                .logs("Runs of this job", runs)
                .decimals(1)
                .max(4.0)
                .size(6, 8),
            panel(Lines, "Site and API alike", "percentunit")
                .about(
                    "Share of the newest messages that the site and the API show alike, in \
                     the same order.",
                )
                .query("min by (instance) (minitwit_site_api_parity_ratio{%J})", "{{instance}}")
                .thresholds(&[(1.0, "green")])
                .max(1.0)
                .logs("What differs", "job:site_api_parity"),
        ],
    )
}

fn metrics() -> Row {
    closed_row(
        "Metrics themselves",
        vec![
            panel(Trend, "Series scraped", "short")
                .about("Samples of each scrape, over all replicas. Bounded at 6,000 for each.")
                .query("sum(scrape_samples_scraped{%J})", "samples")
                .thresholds(&[(6000.0, "yellow")])
                .size(8, 4),
            panel(Trend, "Scrape duration", "s")
                .about("How long the slowest scrape takes.")
                .query("max(scrape_duration_seconds{%J})", "scrape")
                .thresholds(&[(1.0, "yellow"), (5.0, "red")])
                .size(8, 4),
            panel(Stat, "Label overflow, 24 h", "short")
                .about(
                    "Observations that came under `<overflow>` in the last 24 hours because \
                     there were too many label sets.",
                )
                .query("sum(increase(minitwit_metrics_label_overflow_total{%J}[24h]))", "overflow")
                .thresholds(&[(1.0, "red")])
                .logs("Which metric", "message:\"label sets\"")
                .decimals(0)
                .size(8, 4),
        ],
    )
}
