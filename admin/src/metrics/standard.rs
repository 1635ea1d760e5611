//! The charts of any web service that names its metrics like OpenTelemetry, the Prometheus client
//! libraries and tokio's metrics do, and those of the log index. What a service does not have is not
//! shown.

use logsearch::metrics::Unit;
use logsearch::metrics::own::Names;

use super::chart::{Chart, Set};
use crate::history::select;

/// Standard charts, shown first in their sets.
pub fn charts() -> Vec<Chart> {
    let duration = select("db_client_operation_duration_seconds");
    let statements = select("db_client_operation_duration_seconds_count");
    vec![
        Chart::new(Set::Requests, "in-flight", "In flight")
            .gauge("", select("http_server_active_requests").by("surface")),
        Chart::new(Set::Database, "statements", "Statements")
            .rate("statements", statements)
            .logs("sql:*"),
        Chart::new(Set::Database, "statement-time", "Statement duration")
            .percentiles(&duration)
            .logs("sql:*"),
        Chart::new(Set::Process, "cpu", "CPU")
            .rate("this process", select("process_cpu_seconds_total"))
            .limit("available", select("system_cpus"))
            .on_now("cpu"),
        Chart::new(Set::Process, "memory", "Memory")
            .gauge("resident", select("process_resident_memory_bytes"))
            .on_now("rss"),
        Chart::new(Set::Process, "files", "Open files").gauge("open", select("process_open_fds")),
        Chart::new(Set::Process, "threads", "Threads").gauge("threads", select("process_threads")),
        Chart::new(Set::Process, "workers", "Busy Tokio workers")
            .rate("busy", select("tokio_worker_busy_seconds_total"))
            .limit("workers", select("tokio_workers")),
        Chart::new(Set::Process, "loop-lag", "Event loop lag")
            .percentiles(&select("tokio_event_loop_lag_seconds")),
        Chart::new(Set::Process, "tasks", "Tokio tasks")
            .gauge("alive", select("tokio_alive_tasks"))
            .gauge("queued", select("tokio_global_queue_depth")),
    ]
}

/// Charts of a log pipeline with these metric names.
pub fn log_charts(names: &Names) -> Vec<Chart> {
    vec![
        Chart::new(Set::Logs, "events", "Records by level")
            .rate("", select(names.events).by("level")),
        Chart::new(Set::Logs, "dropped", "Records dropped")
            .bad_rate("dropped", select(names.events_dropped))
            .on_now("records dropped"),
        Chart::new(Set::Logs, "log-queue", "Writer queue")
            .gauge("waiting", select(names.queue_depth))
            .limit("maximum", select(names.queue_capacity))
            .unit(Unit::Bytes),
        Chart::new(Set::Logs, "index-lag", "Search lag")
            .gauge("lag", select(names.ingest_lag))
            .on_now("search lag"),
        Chart::new(Set::Logs, "index-size", "Index on disk")
            .gauge("used", select(names.index_bytes))
            .limit("maximum", select(names.index_max_bytes)),
        Chart::new(Set::Logs, "commit-time", "Commit duration")
            .percentiles(&select(names.commit_duration)),
        Chart::new(Set::Logs, "search-time", "Search duration")
            .percentiles(&select(names.search_duration)),
    ]
}
