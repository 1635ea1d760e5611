//! The host's scheduled jobs, for the page System.

use async_trait::async_trait;

use super::HostError;

/// A scheduled job.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// Name of the job.
    pub name: String,
    /// Human-readable schedule, such as `every 15 s`.
    pub schedule: String,
    /// Human-readable place, such as `in each process`; empty if there is only one.
    pub place: String,
    /// Whether a run is in progress.
    pub is_running: bool,
    /// End of the last run, in microseconds since the Unix epoch.
    pub last: Option<i64>,
    /// Outcome of the last run: `success`, `failure` or `skipped`; empty before the first.
    pub outcome: String,
    /// Message of the last run.
    pub said: String,
    /// Last failure, in microseconds since the Unix epoch.
    pub failed: Option<i64>,
    /// Next run, in microseconds since the Unix epoch.
    pub next: Option<i64>,
}

/// Result of starting a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// The run has started.
    Started,
    /// A run is already in progress.
    Busy,
    /// The job does not exist.
    Unknown,
}

/// The host's scheduled jobs.
#[async_trait]
pub trait Jobs: Send + Sync + 'static {
    /// Lists all jobs in display order.
    async fn list(&self) -> Result<Vec<Job>, HostError>;

    /// Starts a run without waiting for its end, unless one is already in progress.
    async fn run(&self, name: &str) -> Result<Run, HostError>;
}
