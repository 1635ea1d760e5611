//! The scheduled jobs for the panel: what this process runs, and what all replicas know of it.

use std::time::Duration;

use admin::{HostError, Job, Run};
use async_trait::async_trait;

use crate::db::{Db, JobRun};
use crate::jobs::{ByHand, Jobs, Runner, Scope};
use crate::state::AppState;

/// Implements [`admin::Jobs`] for the jobs of this process and its replicas.
pub struct PanelJobs {
    db: Db,
    clock: crate::clock::Clock,
    jobs: Jobs,
}

impl PanelJobs {
    /// Creates the panel's view of this process's jobs.
    pub fn new(state: &AppState, jobs: Jobs) -> Self {
        Self { db: state.db.clone(), clock: state.clock.clone(), jobs }
    }

    async fn job(&self, runner: &Runner, runs: &[JobRun]) -> Job {
        let job = runner.job();
        let mut shown = Job {
            name: job.name.to_owned(),
            schedule: schedule(job.schedule.interval()),
            next: self.jobs.next_tick(job.name).await,
            ..Job::default()
        };
        if job.scope == Scope::Cluster {
            "on one replica".clone_into(&mut shown.place);
            if let Some(run) = runs.iter().find(|run| run.name == job.name) {
                shown.is_running = run.lease_until > self.clock.now();
                (shown.last, shown.failed) = (run.ended_at, run.failed_at);
                shown.outcome = run.outcome.clone().unwrap_or_default();
                shown.said = run.said.clone().unwrap_or_default();
            }
            return shown;
        }
        let last = runner.last();
        "in each process".clone_into(&mut shown.place);
        shown.is_running = runner.is_running();
        (shown.last, shown.failed) = (last.ended_at, last.failed_at);
        last.outcome.clone_into(&mut shown.outcome);
        shown.said = last.said;
        shown
    }
}

#[async_trait]
impl admin::Jobs for PanelJobs {
    async fn list(&self) -> Result<Vec<Job>, HostError> {
        let runs = self.db.job_runs().await?;
        let mut list = Vec::new();
        for runner in self.jobs.runners() {
            list.push(self.job(runner, &runs).await);
        }
        Ok(list)
    }

    async fn run(&self, name: &str) -> Result<Run, HostError> {
        let Some(runner) = self.jobs.runners().find(|runner| runner.job().name == name) else {
            return Ok(Run::Unknown);
        };
        match runner.run_by_hand().await? {
            ByHand::Started => Ok(Run::Started),
            ByHand::Busy => Ok(Run::Busy),
        }
    }
}

/// `every 15 s`, `every 10 min`, `every day`.
fn schedule(interval: Duration) -> String {
    match interval.as_secs() {
        86_400 => "every day".to_owned(),
        3_600 => "every hour".to_owned(),
        60 => "every minute".to_owned(),
        seconds if seconds.is_multiple_of(3_600) => format!("every {} h", seconds / 3_600),
        seconds if seconds.is_multiple_of(60) => format!("every {} min", seconds / 60),
        seconds => format!("every {seconds} s"),
    }
}
