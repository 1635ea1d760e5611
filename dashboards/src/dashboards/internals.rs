//! The rows behind what users notice: process and machine, database, log pipeline, runtime, jobs, and
//! the metrics themselves. They ask for their data when somebody opens them.

use super::build::Kind::{BarGauge, Bars, Gauge, Lines, Stacked, Stat, Trend};
use super::build::{Panel, Row, closed_row, panel};

/// From the machine up to the metrics.
pub fn rows() -> Vec<Row> {
    vec![machine(), database(), log_pipeline(), runtime(), jobs(), metrics()]
}

fn machine() -> Row {
    let panels = [processor(), memory(), disk()];
    closed_row("Process and machine", panels.into_iter().flatten().collect())
}

/// Load of the processor.
fn processor() -> Vec<Panel> {
    vec![
        panel(Gauge, "CPU load percent", "percent")
            .about("CPU utilization of the machine.")
            .query("100 * avg(system_cpu_utilization_ratio{%J})", "machine")
            .thresholds(&[(70.0, "yellow"), (90.0, "red")])
            .while_up()
            .max(100.0)
            .decimals(0)
            .size(5, 8),
        panel(Lines, "CPU load percent over time", "percent")
            .about(
                "CPU utilization of the machine and of this process. A gap means that \
                     something else uses the CPU.",
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
            .about("CPU time since the process started, and in the preceding 24 hours.")
            .query("sum by (instance) (process_cpu_seconds_total{%J})", "since start {{instance}}")
            .query(
                "sum by (instance) (increase(process_cpu_seconds_total{%J}[24h]))",
                "24 h {{instance}}",
            )
            .size(8, 8),
    ]
}

/// Memory, files and threads of the process.
fn memory() -> Vec<Panel> {
    vec![
        panel(Lines, "Process virtual memory", "bytes")
            .about("Address space the process has reserved; most of it is never touched.")
            .query("sum by (instance) (process_virtual_memory_bytes{%J})", "{{instance}}")
            .size(8, 8),
        panel(Lines, "Process resident memory", "bytes")
            .about("Memory the process uses, and the limit at which it is killed.")
            .query("sum by (instance) (process_resident_memory_bytes{%J})", "{{instance}}")
            .query("max(minitwit_memory_limit_bytes{%J})", "limit")
            .dashed("limit", "red")
            .size(8, 8),
        panel(Lines, "Open files and threads", "short")
            .about("Open file descriptors (one per connection) and OS threads.")
            .query("sum by (instance) (process_open_fds{%J})", "files {{instance}}")
            .query("sum by (instance) (process_threads{%J})", "threads {{instance}}")
            .query("min(process_max_fds{%J})", "file limit")
            .dashed("file limit", "red")
            .right_axis("file limit", "short", "file limit")
            .size(8, 8),
    ]
}

/// The data disk, and starts of the process.
fn disk() -> Vec<Panel> {
    vec![
        panel(Lines, "Data disk free", "bytes")
            .about(
                "Free disk space for database, logs and backups, and the forecast for 24 \
                     hours from the last hour, at most the whole disk.",
            )
            .query("min by (instance) (minitwit_data_disk_free_bytes{%J})", "free {{instance}}")
            .query(
                "clamp(min(predict_linear(minitwit_data_disk_free_bytes{%J}[1h], 86400)), 0, \
                     scalar(min(minitwit_data_disk_size_bytes{%J})))",
                "in 24 h",
            )
            .dashed("in 24 h", "orange")
            .size(11, 8),
        panel(Gauge, "Data disk used", "percentunit")
            .about("Usage of the file system with the data directory.")
            .query(
                "max(1 - minitwit_data_disk_free_bytes{%J} / \
                     minitwit_data_disk_size_bytes{%J})",
                "used",
            )
            .thresholds(&[(0.8, "yellow"), (0.9, "red")])
            .while_up()
            .max(1.0)
            .size(5, 8),
        panel(Bars, "Restarts", "short")
            .about("Starts in the preceding 15 minutes. More than two point to a crash loop.")
            .query("sum(changes(process_start_time_seconds{%J}[15m]))", "restarts")
            .color("restarts", "blue")
            .logs("Starts and stops", "target:minitwit::server")
            .size(8, 8),
    ]
}

fn database() -> Row {
    let panels = [pool(), statements()];
    closed_row("Database", panels.into_iter().flatten().collect())
}

/// Connections of the pool.
fn pool() -> Vec<Panel> {
    vec![
        panel(Lines, "Pool connections", "short")
            .about(
                "Used and idle connections, the limit, and tasks waiting for a connection. \
                     Waiting at the limit means requests queue.",
            )
            .query("sum by (pool, state) (db_pool_connections{%J})", "{{pool}} {{state}}")
            .query("sum by (pool) (db_pool_connections_max{%J})", "{{pool}} limit")
            .query("sum by (pool) (db_pool_pending_requests{%J})", "{{pool}} waiting")
            .dashed(".* limit", "red")
            .color(".* waiting", "orange"),
        panel(Lines, "Wait for a connection, p95", "s")
            .about(
                "Time to get a connection; on the right axis, timeouts in the preceding 5 \
                     minutes.",
            )
            .query(
                "histogram_quantile(0.95, sum by (le, pool) \
                     (rate(db_pool_wait_seconds_bucket{%J}[$__rate_interval])))",
                "{{pool}}",
            )
            .query("sum by (pool) (increase(db_pool_timeouts_total{%J}[5m]))", "{{pool}} timeouts")
            .right_axis(".* timeouts", "short", "timeouts")
            .color(".* timeouts", "red")
            .logs("Database errors", "target:minitwit::db* level>=warn"),
    ]
}

/// Statements, and the files they write.
fn statements() -> Vec<Panel> {
    let operation = r#"db_operation:"${__field.labels.db_query_summary:percentencode}""#;
    vec![
        panel(Lines, "Query time p95 by query", "s")
            .about("The ten statements with the highest p95.")
            .query(
                "topk(10, histogram_quantile(0.95, sum by (le, db_query_summary) \
                     (rate(db_client_operation_duration_seconds_bucket{%J}[$__rate_interval]))) \
                     >= 0)",
                "{{db_query_summary}}",
            )
            .sql("This statement", operation),
        panel(Stacked, "Database load (seconds per second)", "s")
            .about(
                "Time spent per second in each statement, which is the number of connections \
                     it keeps busy. Optimize the largest first.",
            )
            .query(
                "topk(10, sum by (db_query_summary) \
                     (rate(db_client_operation_duration_seconds_sum{%J}[$__rate_interval])))",
                "{{db_query_summary}}",
            )
            .sql("This statement", operation),
        panel(Stacked, "Queries per second", "ops")
            .about("Statements per second, by statement.")
            .query(
                "sum by (db_query_summary) \
                     (rate(db_client_operation_duration_seconds_count{%J}[$__rate_interval]))",
                "{{db_query_summary}}",
            )
            .sql("This statement", operation),
        panel(Lines, "Database file size", "bytes")
            .about("Size of the database and, on SQLite, of its log, which a long read makes grow.")
            .query("max by (file) (minitwit_db_file_bytes{%J})", "{{file}}"),
        panel(Lines, "Database readable and writable", "short")
            .size(24, 6)
            .about("1 while the database answers and takes writes, else 0; the reason at 1.")
            .query("min(minitwit_database_readable{%J})", "readable")
            .query("min(minitwit_database_writable{%J})", "writable")
            .query("max by (reason) (minitwit_database_write_fault{%J}) > 0", "{{reason}}"),
    ]
}

fn log_pipeline() -> Row {
    let panels = [ingest(), index()];
    closed_row("Log pipeline", panels.into_iter().flatten().collect())
}

/// The way of records into the index.
fn ingest() -> Vec<Panel> {
    vec![
        panel(Stacked, "Log events by level", "ops")
            .about("Log records per second, by level.")
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
                "Log records dropped before they were searchable, in the preceding 5 \
                     minutes, by reason, and before a stream or a file took them.",
            )
            .query(
                "sum by (reason) (increase(minitwit_log_events_dropped_total{%J}[5m]))",
                "{{reason}}",
            )
            .query("sum by (sink) (increase(minitwit_log_sink_dropped_total{%J}[5m]))", "{{sink}}")
            .logs("Log pipeline messages", "target:logsearch*"),
        panel(Lines, "Ingest lag", "s")
            .about(
                "Age of the oldest record that is not searchable yet, and the commit \
                     duration of the index.",
            )
            .query("max by (instance) (minitwit_log_ingest_lag_seconds{%J})", "lag {{instance}}")
            .query(
                "histogram_quantile(0.95, sum by (le) \
                     (rate(minitwit_log_commit_duration_seconds_bucket{%J}[$__rate_interval])))",
                "commit p95",
            ),
        panel(Lines, "Log queue fill", "percentunit")
            .about(
                "Fill level of the queue in front of the log writer. When full, records are \
                     dropped instead of blocking requests.",
            )
            .query(
                "max by (instance) (minitwit_log_queue_depth{%J} / \
                     minitwit_log_queue_capacity{%J})",
                "{{instance}}",
            )
            .max(1.0),
    ]
}

/// The index, and searches in it.
fn index() -> Vec<Panel> {
    vec![
        panel(Lines, "Log index size", "bytes")
            .about(
                "Size of log and index on disk, and their limit. At the limit, the oldest \
                     records are deleted.",
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
            .right_axis("segments", "short", "segments"),
        panel(Lines, "Log search p95", "s")
            .about("Duration of log searches, by outcome; 0 without searches.")
            .query(
                "histogram_quantile(0.95, sum by (le, outcome) \
                     (rate(minitwit_log_search_duration_seconds_bucket{%J}[$__rate_interval]))) \
                     >= 0 or sum by (outcome) \
                     (rate(minitwit_log_search_duration_seconds_count{%J}[$__rate_interval])) \
                     * 0",
                "{{outcome}}",
            ),
        panel(Stat, "Oldest log", "s")
            .about("Age of the oldest searchable record.")
            .query("time() - (min(minitwit_log_index_oldest_timestamp_seconds{%J}) > 0)", "oldest")
            .without_value("none")
            .size(6, 8),
        panel(Stat, "Notices", "short")
            .about("Problems of the log store, such as quarantined partitions.")
            .query("sum(minitwit_log_notices{%J})", "notices")
            .thresholds(&[(1.0, "yellow")])
            .while_up()
            .logs("Log pipeline messages", "target:logsearch*")
            .size(6, 8),
    ]
}

fn runtime() -> Row {
    closed_row(
        "Runtime",
        vec![
            panel(Lines, "Worker busy share", "percentunit")
                .about(
                    "Utilization of the Tokio worker threads. Near 100 %, requests wait for a \
                     worker.",
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
                .about("Tokio tasks: connections, requests, jobs. Steady growth is a leak.")
                .query("sum by (instance) (tokio_alive_tasks{%J})", "{{instance}}")
                .size(6, 8),
            panel(Lines, "Run queue depth", "short")
                .about("Tasks that are ready and waiting for a worker.")
                .query("sum by (instance) (tokio_global_queue_depth{%J})", "{{instance}}")
                .size(6, 8),
            panel(Lines, "Event loop lag p99", "s")
                .about(
                    "Delay of a 100 ms timer. More than a few milliseconds means that something \
                     blocks a worker.",
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
    closed_row("Cron jobs", job_runs().into_iter().chain(job_results()).collect())
}

/// How often jobs run, for how long, and which are late.
fn job_runs() -> Vec<Panel> {
    let runs = r#"job:"${__field.labels.job_name}""#;
    vec![
        panel(Bars, "Job runs by outcome", "short")
            .about(
                "Runs in the preceding hour. Skipped: another replica ran the job. \
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
            .size(9, 8),
        panel(Lines, "Job duration, mean", "s")
            .about("Mean duration of runs in the preceding hour.")
            .query(
                "sum by (job_name) (rate(minitwit_job_duration_seconds_sum{%J}[1h])) / \
                     (sum by (job_name) (rate(minitwit_job_duration_seconds_count{%J}[1h])) > 0)",
                "{{job_name}}",
            )
            .logs("Runs of this job", runs)
            .size(7, 8),
        panel(BarGauge, "Overdue factor (age of last success / period)", "short")
            .about(
                "Time since the last success of each job, in periods. Above 3, the job hangs \
                     or the scheduler is down.",
            )
            .query(
                "max by (job_name) ((time() - \
                     minitwit_job_last_success_timestamp_seconds{%J}) / \
                     minitwit_job_interval_seconds{%J})",
                "{{job_name}}",
            )
            .thresholds(&[(1.5, "yellow"), (3.0, "red")])
            .while_up()
            .logs("Runs of this job", runs)
            .decimals(1)
            .max(4.0)
            .size(8, 8),
    ]
}

/// What jobs leave behind or look at.
fn job_results() -> Vec<Panel> {
    vec![
        panel(Stat, "Age of the newest backup", "s")
            .about(
                "Time since the newest backup, or since the first deployment while there is none. \
                     A backup is made each day.",
            )
            .query("time() - max(minitwit_backup_last_timestamp_seconds{%J})", "age")
            .thresholds(&[(86_400.0, "yellow"), (90_000.0, "red")])
            .while_up()
            .size(8, 4),
        panel(Stat, "Size of the newest backup", "bytes")
            .about("Bytes of the newest backup: far less than before is a reason to look at it.")
            .query("max(minitwit_backup_last_size_bytes{%J})", "size")
            .size(8, 4),
        panel(Stat, "Certificate expires in", "s")
            .about("Time until the certificate expires that visitors get.")
            .query("min(minitwit_certificate_expiry_timestamp_seconds{%J}) - time()", "left")
            .floor(&[(1_209_600.0, "yellow"), (2_592_000.0, "green")])
            .while_up()
            .size(8, 4),
        panel(Lines, "Site and API parity", "percentunit")
            .about(
                "Share of the latest messages that site and API show identically and in the \
                     same order.",
            )
            .query("min by (instance) (minitwit_site_api_parity_ratio{%J})", "{{instance}}")
            .thresholds(&[(1.0, "green")])
            .max(1.0)
            .logs("Differences", "job:site_api_parity")
            .size(24, 6),
    ]
}

fn metrics() -> Row {
    closed_row(
        "Metrics",
        vec![
            panel(Trend, "Series scraped", "short")
                .about("Samples per scrape, all replicas. Limited to 6,000 per replica.")
                .query("sum(scrape_samples_scraped{%J})", "samples")
                .thresholds(&[(6000.0, "yellow")])
                .while_up()
                .size(8, 4),
            panel(Trend, "Scrape duration", "s")
                .about("Duration of the slowest scrape.")
                .query("max(scrape_duration_seconds{%J})", "scrape")
                .thresholds(&[(1.0, "yellow"), (5.0, "red")])
                .while_up()
                .size(8, 4),
            panel(Stat, "Label overflow, 24 h", "short")
                .about(
                    "Observations recorded under `<overflow>` in the last 24 hours because of \
                     too many label sets.",
                )
                .query("sum(increase(minitwit_metrics_label_overflow_total{%J}[24h]))", "overflow")
                .thresholds(&[(1.0, "red")])
                .while_up()
                .logs("Affected metric", "message:\"label sets\"")
                .decimals(0)
                .size(8, 4),
        ],
    )
}
