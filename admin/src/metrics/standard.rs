//! The charts of any web service that names its metrics like OpenTelemetry, the Prometheus client
//! libraries and tokio's metrics do, and those of the log index. What a service does not have is not
//! shown.

use logsearch::metrics::Unit;
use logsearch::metrics::own::Names;

use super::chart::{Chart, Set};
use crate::history::pick;

/// Shown first in their sets.
pub fn charts() -> Vec<Chart> {
    let duration = pick("db_client_operation_duration_seconds");
    let statements = pick("db_client_operation_duration_seconds_count");
    vec![
        Chart::new(Set::Requests, "in-flight", "In flight")
            .gauge("", pick("http_server_active_requests").by("surface")),
        Chart::new(Set::Database, "statements", "Statements")
            .rate("statements", statements)
            .logs("sql:*"),
        Chart::new(Set::Database, "statement-time", "Statement duration")
            .percentiles(&duration)
            .logs("sql:*"),
        Chart::new(Set::Process, "cpu", "CPU")
            .rate("this process", pick("process_cpu_seconds_total"))
            .limit("available", pick("system_cpus"))
            .on_now("cpu"),
        Chart::new(Set::Process, "memory", "Memory")
            .gauge("resident", pick("process_resident_memory_bytes"))
            .on_now("rss"),
        Chart::new(Set::Process, "files", "Open files").gauge("open", pick("process_open_fds")),
        Chart::new(Set::Process, "threads", "Threads").gauge("threads", pick("process_threads")),
        Chart::new(Set::Process, "workers", "Busy Tokio workers")
            .rate("busy", pick("tokio_worker_busy_seconds_total"))
            .limit("workers", pick("tokio_workers")),
        Chart::new(Set::Process, "loop-lag", "Event loop lag")
            .percentiles(&pick("tokio_event_loop_lag_seconds")),
        Chart::new(Set::Process, "tasks", "Tokio tasks")
            .gauge("alive", pick("tokio_alive_tasks"))
            .gauge("queued", pick("tokio_global_queue_depth")),
    ]
}

/// The charts of a log pipeline under its names.
pub fn log_charts(names: &Names) -> Vec<Chart> {
    vec![
        Chart::new(Set::Logs, "events", "Records by level")
            .rate("", pick(names.events).by("level")),
        Chart::new(Set::Logs, "dropped", "Records dropped")
            .bad_rate("dropped", pick(names.events_dropped))
            .on_now("records dropped"),
        Chart::new(Set::Logs, "log-queue", "Writer queue")
            .gauge("waiting", pick(names.queue_depth))
            .limit("maximum", pick(names.queue_capacity))
            .unit(Unit::Bytes),
        Chart::new(Set::Logs, "index-lag", "Search lag")
            .gauge("lag", pick(names.ingest_lag))
            .on_now("search lag"),
        Chart::new(Set::Logs, "index-size", "Index on disk")
            .gauge("used", pick(names.index_bytes))
            .limit("maximum", pick(names.index_max_bytes)),
        Chart::new(Set::Logs, "commit-time", "Commit duration")
            .percentiles(&pick(names.commit_duration)),
        Chart::new(Set::Logs, "search-time", "Search duration")
            .percentiles(&pick(names.search_duration)),
    ]
}
