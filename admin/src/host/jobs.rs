//! The scheduled jobs of the host, for the page System.

/// A scheduled job.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// As the host names it.
    pub name: String,
    /// When it runs, for people: `every 15 s`.
    pub schedule: String,
    /// When the last run ended, in microseconds since the Unix epoch.
    pub last: Option<i64>,
    /// How the last run ended: `success`, `failure`, `skipped`; empty before the first.
    pub outcome: String,
    /// What the last run said.
    pub said: String,
    /// When it runs next, in microseconds since the Unix epoch.
    pub next: Option<i64>,
}

/// The scheduled jobs of the host.
pub trait Jobs: Send + Sync + 'static {
    /// Every job.
    fn list(&self) -> Vec<Job>;

    /// Starts a run now, without waiting for its end; `false` when there is no such job.
    fn run(&self, name: &str) -> bool;
}
