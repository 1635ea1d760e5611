//! A host that keeps in memory what operators change through the panel.

use std::sync::atomic::{AtomicBool, Ordering};

use admin::{HostError, Job, Jobs, Run};
use async_trait::async_trait;

/// What the host keeps.
pub struct Keeper {
    now: i64,
    tidying: AtomicBool,
}

impl Keeper {
    /// At this time, in microseconds.
    pub fn new(now: i64) -> Self {
        Self { now, tidying: AtomicBool::new(false) }
    }
}

#[async_trait]
impl Jobs for Keeper {
    async fn list(&self) -> Result<Vec<Job>, HostError> {
        Ok(vec![Job {
            name: "tidy".to_owned(),
            schedule: "every hour".to_owned(),
            is_running: self.tidying.load(Ordering::Relaxed),
            last: Some(self.now - 60_000_000),
            outcome: "failure".to_owned(),
            said: "</td><script>alert(1)</script>".to_owned(),
            failed: Some(self.now - 60_000_000),
            next: Some(self.now + 60_000_000),
            ..Job::default()
        }])
    }

    async fn run(&self, name: &str) -> Result<Run, HostError> {
        Ok(match (name, self.tidying.swap(name == "tidy", Ordering::Relaxed)) {
            ("tidy", false) => Run::Started,
            ("tidy", true) => Run::Busy,
            _ => Run::Unknown,
        })
    }
}
