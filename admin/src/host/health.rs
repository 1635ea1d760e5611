//! The host's own health, as it knows it without asking anybody.

use std::time::Duration;

/// A part of the host that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// What fails: `Database writes`.
    pub what: String,
    /// Why: `disk is full`.
    pub why: String,
    /// For how long.
    pub lasts: Duration,
}

/// Source of what fails now. Pages call it while they are made, so it answers from memory.
pub trait Health: Send + Sync + 'static {
    /// What fails now, the most important first; empty while all is well.
    fn outages(&self) -> Vec<Outage>;

    /// The current value of a chart that Now shows as a figure, by the chart's id; `None` shows its latest
    /// sample.
    fn current(&self, _chart: &str) -> Option<f64> {
        None
    }
}
