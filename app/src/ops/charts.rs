//! What the panel draws of this service's own metrics, beside the charts of any web service.

use admin::metrics::{Chart, Metrics, Set, select};

use crate::metrics as names;

/// What the listeners for people and the simulator are called in labels.
const SURFACES: &[&str] = &["web", "api"];

/// The chart of the disk below the data directory.
pub const DISK: &str = "disk";

/// The metrics of a process of this name, with the charts of MiniTwit.
pub fn metrics(name: String) -> Metrics {
    Metrics::new(names::all()).of(name).charts(charts()).log_pipeline(&names::log::PIPELINE)
}

fn charts() -> Vec<Chart> {
    [requests(), database(), process(), business()].concat()
}

fn requests() -> Vec<Chart> {
    let duration = select(names::HTTP_REQUEST_DURATION.name).only("surface", SURFACES);
    let sum = select("minitwit_http_request_db_queries_sum").by("surface");
    let count = select("minitwit_http_request_db_queries_count").by("surface");
    vec![
        Chart::new(Set::Requests, "duration", "Request duration, site and API")
            .percentiles(&duration)
            .logs("status:* -fields.surface:ops"),
        Chart::new(Set::Requests, "responses", "Responses by surface")
            .rate("", select(names::HTTP_RESPONSES.name).by("surface"))
            .logs("status:*"),
        Chart::new(Set::Requests, "refused", "Rejected requests")
            .rate("", select(names::HTTP_REJECTED.name).by("reason"))
            .logs("error_type:*"),
        Chart::new(Set::Requests, "statements-per-request", "Statements per request")
            .per_each("", sum, count)
            .logs("db.count:>0"),
        Chart::new(Set::Requests, "panics", "Panics")
            .bad_rate("caught", select(names::PANICS.name)),
    ]
}

fn database() -> Vec<Chart> {
    vec![
        Chart::new(Set::Database, "pool", "Connections in use")
            .gauge("", select(names::DB_POOL_CONNECTIONS.name).only("state", &["used"]).by("pool"))
            .limit("maximum", select(names::DB_POOL_CONNECTIONS_MAX.name).by("pool"))
            .on_now("pool"),
        Chart::new(Set::Database, "pool-queue", "Waiting for a connection")
            .gauge("", select(names::DB_POOL_PENDING.name).by("pool"))
            .on_now("queue"),
        Chart::new(Set::Database, "pool-wait", "Connection wait time")
            .percentiles(&select(names::DB_POOL_WAIT.name)),
        Chart::new(Set::Database, "pool-timeouts", "Connection timeouts")
            .bad_rate("timeouts", select(names::DB_POOL_TIMEOUTS.name)),
        Chart::new(Set::Database, "db-file", "Database files")
            .gauge("", select(names::DB_FILE_BYTES.name).by("file")),
    ]
}

fn process() -> Vec<Chart> {
    vec![
        Chart::new(Set::Process, "machine-cpu", "Machine CPU")
            .gauge("busy", select(names::SYSTEM_CPU_UTILIZATION.name)),
        Chart::new(Set::Process, DISK, "Data directory disk")
            .gauge("free", select(names::DATA_DISK_FREE.name))
            .limit("size", select(names::DATA_DISK_SIZE.name))
            .on_now("disk free"),
        Chart::new(Set::Process, "jobs", "Job runs by outcome")
            .rate("", select(names::JOB_RUNS.name).by("outcome"))
            .logs("job:*"),
    ]
}

fn business() -> Vec<Chart> {
    let inserts = || select(names::INSERTS.name);
    vec![
        Chart::new(Set::Business, "users", "Users")
            .total("users", select(names::USERS.name))
            .on_now("users"),
        Chart::new(Set::Business, "messages", "Messages")
            .total("messages", select(names::MESSAGES.name))
            .on_now("messages"),
        Chart::new(Set::Business, "follows", "Follows")
            .total("follows", select(names::FOLLOWERS.name))
            .on_now("follows"),
        Chart::new(Set::Business, "inserts", "Inserted rows").rate("", inserts().by("model")),
        Chart::new(Set::Business, "active", "Active users")
            .gauge("", select(names::ACTIVE_USERS.name).by("window")),
        Chart::new(Set::Business, "logins", "Sign-ins")
            .rate("", select(names::LOGINS.name).by("outcome"))
            .logs("route:/login"),
        Chart::new(Set::Business, "simulator", "Simulator requests")
            .rate("", select(names::SIMULATOR_REQUESTS.name).by("action"))
            .logs("fields.surface:api"),
        Chart::new(Set::Business, "simulator-outcomes", "Simulator outcomes")
            .rate("", select(names::SIMULATOR_REQUESTS.name).by("outcome"))
            .logs("fields.surface:api status:>=400"),
    ]
}

#[cfg(test)]
mod tests {
    use logsearch::metrics::Kind;

    use super::*;

    /// A chart of a metric that nobody exposes would stay empty without a word.
    #[test]
    fn every_chart_reads_metrics_of_the_catalogue() {
        let known = |series: &str| {
            names::all().any(|metric| {
                let parts = ["_count", "_sum"].iter().any(|part| {
                    series.strip_suffix(part) == Some(metric.name)
                        && matches!(metric.kind, Kind::Histogram(_))
                });
                series == metric.name || parts
            })
        };
        let metrics = metrics(String::new());
        let series: Vec<_> = metrics.all_charts().iter().flat_map(Chart::series).collect();
        assert!(series.len() > 40, "{}", series.len());
        let unknown: Vec<_> = series.into_iter().filter(|series| !known(series)).collect();
        assert_eq!(unknown, [""; 0]);
    }
}
