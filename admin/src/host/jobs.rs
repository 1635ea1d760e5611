//! The scheduled jobs of the host, for the page System.

use async_trait::async_trait;

use super::HostError;

/// A scheduled job.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// As the host names it.
    pub name: String,
    /// When it runs, for people: `every 15 s`.
    pub schedule: String,
    /// Where it runs, for people: `each process`; empty when there is only one place.
    pub place: String,
    /// A run has not ended.
    pub is_running: bool,
    /// When the last run ended, in microseconds since the Unix epoch.
    pub last: Option<i64>,
    /// How the last run ended: `success`, `failure`, `skipped`; empty before the first.
    pub outcome: String,
    /// What the last run said.
    pub said: String,
    /// When a run failed last, in microseconds since the Unix epoch.
    pub failed: Option<i64>,
    /// When it runs next, in microseconds since the Unix epoch.
    pub next: Option<i64>,
}

/// What came of asking for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// It runs now.
    Started,
    /// The last run has not ended.
    Busy,
    /// There is no such job.
    Unknown,
}

/// The scheduled jobs of the host.
#[async_trait]
pub trait Jobs: Send + Sync + 'static {
    /// Every job, in the order to show them.
    async fn list(&self) -> Result<Vec<Job>, HostError>;

    /// Starts a run now, without waiting for its end. Never a second one beside a running one.
    async fn run(&self, name: &str) -> Result<Run, HostError>;
}
