//! The metric catalogue of the service and one function per fact, so that no call site spells a name.
//! Label values come from closed sets. Exposition and scraping are not here (`telemetry`).

mod label_sets;
pub mod log;
mod observed;

use std::time::{Duration, Instant};

use logsearch::metrics::{Metric, describe};
use metrics::{counter, gauge, histogram};

pub use observed::{
    ABANDONED, ANY_ROUTE, Answer, OTHER_METHOD, Outcome, Request, RequestMetrics, StatementMetrics,
    UNMATCHED,
};

logsearch::catalogue! {
    /// Time from the first byte of a request to the last byte of its response.
    HTTP_REQUEST_DURATION: Histogram("http_server_request_duration_seconds", Seconds,
        [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0],
        "surface", "http_request_method", "http_route", "http_response_status_code");
    /// Requests by outcome: ok, failed (5xx), or abandoned (the client left a late or failing service).
    HTTP_REQUESTS: Counter("minitwit_http_requests_total", Count,
        "surface", "http_route", "outcome");
    /// Requests that took longer than the objective of 500 ms.
    HTTP_SLOW_REQUESTS: Counter("minitwit_http_slow_requests_total", Count, "surface");
    /// Requests being handled now.
    HTTP_ACTIVE_REQUESTS: Gauge("http_server_active_requests", Count, "surface");
    /// Requests rejected before a handler ran.
    HTTP_REJECTED: Counter("minitwit_http_rejected_total", Count, "reason");
    /// SQL statements per request.
    HTTP_DB_QUERIES: Histogram("minitwit_http_request_db_queries", Count,
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 20.0, 50.0, 100.0], "surface");
    /// Responses by status, under the name the course's dashboards use.
    HTTP_RESPONSES: Counter("minitwit_http_responses_total", Count, "surface", "status");
    /// Panics caught.
    PANICS: Counter("minitwit_panics_total", Count);
    /// Duration of SQL statements, including waiting for a connection and fetching rows.
    DB_OPERATION_DURATION: Histogram("db_client_operation_duration_seconds", Seconds,
        [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0],
        "db_system_name", "db_query_summary", "error_type");
    /// Connections of a pool, by state.
    DB_POOL_CONNECTIONS: Gauge("db_pool_connections", Count, "pool", "state");
    /// Maximum number of connections of a pool.
    DB_POOL_CONNECTIONS_MAX: Gauge("db_pool_connections_max", Count, "pool");
    /// Tasks waiting for a connection.
    DB_POOL_PENDING: Gauge("db_pool_pending_requests", Count, "pool");
    /// Time to get a connection.
    DB_POOL_WAIT: Histogram("db_pool_wait_seconds", Seconds,
        [0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0], "pool");
    /// Timeouts while waiting for a connection.
    DB_POOL_TIMEOUTS: Counter("db_pool_timeouts_total", Count, "pool");
    /// Size of the database and, on SQLite, of its write-ahead log.
    DB_FILE_BYTES: Gauge("minitwit_db_file_bytes", Bytes, "file");
    /// Whether the database can be read: 1 or 0.
    DATABASE_READABLE: Gauge("minitwit_database_readable", Count);
    /// Whether the database takes writes: 1 or 0.
    DATABASE_WRITABLE: Gauge("minitwit_database_writable", Count);
    /// Whether database writes fail for this reason: 1 or 0.
    DATABASE_WRITE_FAULT: Gauge("minitwit_database_write_fault", Count, "reason");
    /// Runs of scheduled jobs.
    JOB_RUNS: Counter("minitwit_job_runs_total", Count, "job_name", "outcome");
    /// Duration of job runs.
    JOB_DURATION: Histogram("minitwit_job_duration_seconds", Seconds,
        [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0], "job_name");
    /// Time of the last success of a job; the process start time if there was none.
    JOB_LAST_SUCCESS: Gauge("minitwit_job_last_success_timestamp_seconds", Seconds, "job_name");
    /// Interval between runs of a job.
    JOB_INTERVAL: Gauge("minitwit_job_interval_seconds", Seconds, "job_name");
    /// Time of the newest backup; the time of the first deployment if there is none.
    BACKUP_LAST: Gauge("minitwit_backup_last_timestamp_seconds", Seconds);
    /// Size of the newest backup; 0 if there is none.
    BACKUP_BYTES: Gauge("minitwit_backup_last_size_bytes", Bytes);
    /// End of the certificate that visitors get.
    CERTIFICATE_EXPIRY: Gauge("minitwit_certificate_expiry_timestamp_seconds", Seconds);
    /// Registered users in the database.
    USERS: Gauge("minitwit_users", Count);
    /// Messages in the database.
    MESSAGES: Gauge("minitwit_messages", Count);
    /// Follow relations in the database.
    FOLLOWERS: Gauge("minitwit_followers", Count);
    /// Rows inserted by this process.
    INSERTS: Counter("minitwit_inserts_total", Count, "model", "surface");
    /// Rows deleted by this process.
    DELETES: Counter("minitwit_deletes_total", Count, "model", "surface");
    /// Distinct users with an authenticated action in the window.
    ACTIVE_USERS: Gauge("minitwit_active_users", Count, "window");
    /// Sign-in attempts, by outcome.
    LOGINS: Counter("minitwit_logins_total", Count, "outcome");
    /// Last value of `latest` accepted by the simulator API.
    SIMULATOR_LATEST: Gauge("minitwit_simulator_latest", None);
    /// Simulator API requests, by action and outcome.
    SIMULATOR_REQUESTS: Counter("minitwit_simulator_requests_total", Count, "action", "outcome");
    /// Time of the last simulator API request; 0 if there was none.
    SIMULATOR_LAST_REQUEST: Gauge("minitwit_simulator_last_request_timestamp_seconds", Seconds);
    /// Share of the latest messages that site and API show identically and in the same order.
    SITE_API_PARITY: Gauge("minitwit_site_api_parity_ratio", Ratio);
    /// User and system CPU time of the process.
    PROCESS_CPU: Counter("process_cpu_seconds_total", Seconds);
    /// Virtual memory of the process.
    PROCESS_VIRTUAL_MEMORY: Gauge("process_virtual_memory_bytes", Bytes);
    /// Resident memory of the process.
    PROCESS_RESIDENT_MEMORY: Gauge("process_resident_memory_bytes", Bytes);
    /// Open file descriptors.
    PROCESS_OPEN_FDS: Gauge("process_open_fds", Count);
    /// Maximum number of open file descriptors of the process.
    PROCESS_MAX_FDS: Gauge("process_max_fds", Count);
    /// Threads of the process.
    PROCESS_THREADS: Gauge("process_threads", Count);
    /// Start time of the process, as Unix time.
    PROCESS_START_TIME: Gauge("process_start_time_seconds", Seconds);
    /// CPU utilization of the machine since the last scrape.
    SYSTEM_CPU_UTILIZATION: Gauge("system_cpu_utilization_ratio", Ratio);
    /// CPUs available to this process.
    SYSTEM_CPUS: Gauge("system_cpus", Count);
    /// Busy percent of all processors, under the name the course's dashboards use.
    CPU_LOAD_PERCENT: Gauge("minitwit_cpu_load_percent", None);
    /// Memory limit of the cgroup, or the memory of the machine.
    MEMORY_LIMIT: Gauge("minitwit_memory_limit_bytes", Bytes);
    /// Size of the file system that holds the data directory.
    DATA_DISK_SIZE: Gauge("minitwit_data_disk_size_bytes", Bytes);
    /// Free bytes, for unprivileged users, on the file system that holds the data directory.
    DATA_DISK_FREE: Gauge("minitwit_data_disk_free_bytes", Bytes);
    /// Worker threads of the Tokio runtime.
    TOKIO_WORKERS: Gauge("tokio_workers", Count);
    /// Tokio tasks that have not finished.
    TOKIO_ALIVE_TASKS: Gauge("tokio_alive_tasks", Count);
    /// Tasks that are ready and waiting for a worker.
    TOKIO_GLOBAL_QUEUE_DEPTH: Gauge("tokio_global_queue_depth", Count);
    /// Busy time of all workers.
    TOKIO_WORKER_BUSY: Counter("tokio_worker_busy_seconds_total", Seconds);
    /// Delay of a 100 ms timer.
    TOKIO_EVENT_LOOP_LAG: Histogram("tokio_event_loop_lag_seconds", Seconds,
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0]);
    /// Observations recorded under `<overflow>` because a metric has too many label sets.
    LABEL_OVERFLOW: Counter("minitwit_metrics_label_overflow_total", Count);
    /// Always 1; labels describe the running build.
    BUILD_INFO: Gauge("minitwit_build_info", None, "version", "revision", "rustc", "database");
}

/// Every metric this process exposes.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    CATALOGUE.iter().chain(log::CATALOGUE)
}

/// A surface of the service: site, API or ops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Surface {
    /// The site.
    Web,
    /// The simulator API.
    Api,
    /// Health, metrics, admin.
    Ops,
}

impl Surface {
    const ALL: [Self; 3] = [Self::Web, Self::Api, Self::Ops];

    /// The name in metrics and logs.
    pub fn label(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Api => "api",
            Self::Ops => "ops",
        }
    }
}

/// Reasons for rejecting a request before its handler.
const REJECTIONS: [&str; 7] =
    ["bad_auth", "bad_request", "body_too_large", "csrf", "overloaded", "rate_limited", "timeout"];
/// Outcomes of a sign-in.
const LOGIN_OUTCOMES: [&str; 4] = ["bad_password", "success", "throttled", "unknown_user"];
/// Models that can be inserted or deleted.
const MODELS: [&str; 4] = ["follower", "message", "session", "user"];
/// Actions of the simulator.
const ACTIONS: [&str; 5] = ["follow", "read", "register", "tweet", "unfollow"];
/// Outcomes of a simulator request.
const SIMULATOR_OUTCOMES: [&str; 6] =
    [ABANDONED, "client_error", "not_found", "ok", "server_error", "unauthorized"];

/// Describes every metric and sets what is known at the start to zero: `increase()` misses the first
/// event of a series that did not exist before it.
pub fn start(database: &'static str, pools: &[&'static str], latest: Option<i64>) {
    describe(CATALOGUE);
    describe(log::CATALOGUE);
    for surface in Surface::ALL.map(Surface::label) {
        for model in MODELS {
            counter!(INSERTS.name, "model" => model, "surface" => surface).absolute(0);
            counter!(DELETES.name, "model" => model, "surface" => surface).absolute(0);
        }
    }
    for reason in REJECTIONS {
        counter!(HTTP_REJECTED.name, "reason" => reason).absolute(0);
    }
    for outcome in LOGIN_OUTCOMES {
        counter!(LOGINS.name, "outcome" => outcome).absolute(0);
    }
    for action in ACTIONS {
        for outcome in SIMULATOR_OUTCOMES {
            counter!(SIMULATOR_REQUESTS.name, "action" => action, "outcome" => outcome).absolute(0);
        }
    }
    for pool in pools {
        counter!(DB_POOL_TIMEOUTS.name, "pool" => *pool).absolute(0);
        gauge!(DB_POOL_PENDING.name, "pool" => *pool).set(0);
        drop(histogram!(DB_POOL_WAIT.name, "pool" => *pool));
    }
    database_state(true, true);
    drop(histogram!(TOKIO_EVENT_LOOP_LAG.name));
    counter!(LABEL_OVERFLOW.name).absolute(0);
    counter!(PANICS.name).absolute(0);
    gauge!(SIMULATOR_LAST_REQUEST.name).set(0);
    simulator_latest(latest.unwrap_or(-1));
    gauge!(BUILD_INFO.name, "version" => env!("CARGO_PKG_VERSION"), "revision" => crate::build::REVISION,
        "rustc" => crate::build::RUSTC, "database" => database)
    .set(1);
}

/// Counts a request rejected before its handler; `reason` is one of a closed set.
pub fn request_rejected(reason: &'static str) {
    debug_assert!(REJECTIONS.contains(&reason), "{reason} is no known reason");
    counter!(HTTP_REJECTED.name, "reason" => reason).increment(1);
}

/// Counts a caught panic.
pub fn panic_caught() {
    counter!(PANICS.name).increment(1);
}

/// Publishes whether the database can be read and takes writes.
pub fn database_state(is_readable: bool, is_writable: bool) {
    gauge!(DATABASE_READABLE.name).set(f64::from(u8::from(is_readable)));
    gauge!(DATABASE_WRITABLE.name).set(f64::from(u8::from(is_writable)));
}

/// Publishes whether database writes fail for this reason, which is one of a closed set.
pub fn database_write_fault(reason: &'static str, is_so: bool) {
    gauge!(DATABASE_WRITE_FAULT.name, "reason" => reason).set(f64::from(u8::from(is_so)));
}

/// Publishes the state of a connection pool.
pub fn pool_connections(pool: &'static str, used: usize, idle: usize, max: u32) {
    #[expect(clippy::cast_precision_loss, reason = "a pool is far below 2^52")]
    let set = |state: &'static str, count: usize| {
        gauge!(DB_POOL_CONNECTIONS.name, "pool" => pool, "state" => state).set(count as f64);
    };
    set("used", used);
    set("idle", idle);
    gauge!(DB_POOL_CONNECTIONS_MAX.name, "pool" => pool).set(max);
}

/// A task waiting for a connection. Dropped without `end`, because the request was given up, it counts as a
/// timeout when it waited for long.
pub struct PoolWait {
    pool: &'static str,
    started: Instant,
    has_ended: bool,
}

/// Who gives up after this long did not get a connection in time.
const LONG_WAIT: Duration = Duration::from_millis(800);

impl PoolWait {
    /// Starts waiting.
    pub fn start(pool: &'static str) -> Self {
        gauge!(DB_POOL_PENDING.name, "pool" => pool).increment(1);
        Self { pool, started: Instant::now(), has_ended: false }
    }

    /// Ends the wait, with a connection or a timeout.
    pub fn end(mut self, timed_out: bool) {
        self.has_ended = true;
        histogram!(DB_POOL_WAIT.name, "pool" => self.pool).record(self.started.elapsed());
        if timed_out {
            counter!(DB_POOL_TIMEOUTS.name, "pool" => self.pool).increment(1);
        }
    }
}

impl Drop for PoolWait {
    fn drop(&mut self) {
        gauge!(DB_POOL_PENDING.name, "pool" => self.pool).decrement(1);
        if !self.has_ended && self.started.elapsed() >= LONG_WAIT {
            counter!(DB_POOL_TIMEOUTS.name, "pool" => self.pool).increment(1);
        }
    }
}

/// A kind of stored row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// A follow relation.
    Follower,
    /// A message.
    Message,
    /// A session, created by a sign-in.
    Session,
    /// A user.
    User,
}

impl Model {
    fn label(self) -> &'static str {
        match self {
            Self::Follower => "follower",
            Self::Message => "message",
            Self::Session => "session",
            Self::User => "user",
        }
    }
}

/// Counts an inserted row.
pub fn inserted(model: Model, surface: Surface) {
    counter!(INSERTS.name, "model" => model.label(), "surface" => surface.label()).increment(1);
}

/// Counts deleted rows.
pub fn deleted(model: Model, surface: Surface, rows: u64) {
    counter!(DELETES.name, "model" => model.label(), "surface" => surface.label()).increment(rows);
}

/// Counts a sign-in attempt; `outcome` is one of a closed set.
pub fn login(outcome: &'static str) {
    debug_assert!(LOGIN_OUTCOMES.contains(&outcome), "{outcome} is no known outcome");
    counter!(LOGINS.name, "outcome" => outcome).increment(1);
}

/// The outcome of a simulator request that was answered with this status.
pub fn simulator_outcome(status: u16) -> &'static str {
    match status {
        200..=399 => "ok",
        401 | 403 => "unauthorized",
        404 => "not_found",
        400..=499 => "client_error",
        _ => "server_error",
    }
}

/// Counts a simulator request; `now` in microseconds since the Unix epoch.
pub fn simulator_called(action: &'static str, outcome: &'static str, now: i64) {
    debug_assert!(SIMULATOR_OUTCOMES.contains(&outcome), "{outcome} is no known outcome");
    counter!(SIMULATOR_REQUESTS.name, "action" => action, "outcome" => outcome).increment(1);
    gauge!(SIMULATOR_LAST_REQUEST.name).set(seconds(now));
}

/// Publishes the id of the simulator's last command.
pub fn simulator_latest(value: i64) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    gauge!(SIMULATOR_LATEST.name).set(value as f64);
}

/// Publishes the interval of a job and initializes its metrics.
pub fn job_exists(job: &'static str, interval: Duration, now: i64) {
    for outcome in ["success", "failure", "skipped", "missed"] {
        counter!(JOB_RUNS.name, "job_name" => job, "outcome" => outcome).absolute(0);
    }
    drop(histogram!(JOB_DURATION.name, "job_name" => job));
    gauge!(JOB_INTERVAL.name, "job_name" => job).set(interval);
    gauge!(JOB_LAST_SUCCESS.name, "job_name" => job).set(seconds(now));
}

/// Records a job run; `outcome` is `success`, `failure` or `skipped`.
pub fn job_ran(job: &'static str, outcome: &'static str, duration: Duration, now: i64) {
    counter!(JOB_RUNS.name, "job_name" => job, "outcome" => outcome).increment(1);
    if outcome != "skipped" {
        histogram!(JOB_DURATION.name, "job_name" => job).record(duration);
    }
    // Skipped means that another replica runs it, or that there is nothing to do: not overdue.
    if outcome != "failure" {
        gauge!(JOB_LAST_SUCCESS.name, "job_name" => job).set(seconds(now));
    }
}

/// Counts missed runs of a job: the previous run was still in progress, or the process was stalled.
pub fn job_missed(job: &'static str, ticks: u64) {
    counter!(JOB_RUNS.name, "job_name" => job, "outcome" => "missed").increment(ticks);
}

/// Publishes the time in microseconds and the size of the newest backup.
#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
pub fn newest_backup(at: i64, bytes: u64) {
    gauge!(BACKUP_LAST.name).set(seconds(at));
    gauge!(BACKUP_BYTES.name).set(bytes as f64);
}

/// Publishes when the certificate of the TLS server in front ends, in microseconds.
pub fn certificate_ends(at: i64) {
    gauge!(CERTIFICATE_EXPIRY.name).set(seconds(at));
}

/// Publishes the totals of the database.
#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
pub fn totals(users: i64, messages: i64, followers: i64) {
    gauge!(USERS.name).set(users as f64);
    gauge!(MESSAGES.name).set(messages as f64);
    gauge!(FOLLOWERS.name).set(followers as f64);
}

/// Publishes the number of distinct active users in the window (`5m`, `1h` or `24h`).
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
pub fn active_users(window: &'static str, users: i64) {
    gauge!(ACTIVE_USERS.name, "window" => window).set(users as f64);
}

/// Publishes the share of the latest messages that site and API show identically.
pub fn site_api_parity(ratio: f64) {
    gauge!(SITE_API_PARITY.name).set(ratio);
}

/// Records the delay of a timer.
pub fn event_loop_lag(lag: Duration) {
    histogram!(TOKIO_EVENT_LOOP_LAG.name).record(lag);
}

/// Sets a gauge of the process, the runtime or the machine, sampled at a scrape.
#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
pub fn sampled(metric: &Metric, value: u64) {
    gauge!(metric.name).set(value as f64);
}

/// Publishes the size in bytes of the database (`main`) or of SQLite's write-ahead log (`wal`).
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
pub fn db_file_bytes(file: &'static str, bytes: u64) {
    gauge!(DB_FILE_BYTES.name, "file" => file).set(bytes as f64);
}

/// Publishes the CPU utilization of the machine, 0 to 1.
pub fn cpu_utilization(ratio: f64) {
    gauge!(SYSTEM_CPU_UTILIZATION.name).set(ratio);
    gauge!(CPU_LOAD_PERCENT.name).set(ratio * 100.0);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; a time fits to the microsecond"
)]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}
