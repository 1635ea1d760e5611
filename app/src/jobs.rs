//! The scheduled jobs: one table, and one wrapper that spans, counts, guards and claims every run.

mod run;
mod tables;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio_cron_scheduler::JobScheduler;

use crate::config::Config;
use crate::state::AppState;

pub use run::{Context, Job, Outcome, Runner, Scope, Work};

const MINUTE: Duration = Duration::from_secs(60);

/// Every job of the service.
pub const JOBS: &[Job] = &[
    Job {
        name: "business_totals",
        cron: "*/15 * * * * *",
        interval: Duration::from_secs(15),
        scope: Scope::Instance,
        work: |context| Box::pin(tables::business_totals(context)),
    },
    Job {
        name: "expired_sessions",
        cron: "0 */10 * * * *",
        interval: Duration::from_secs(10 * MINUTE.as_secs()),
        scope: Scope::Cluster,
        work: |context| Box::pin(tables::expired_sessions(context)),
    },
];

/// The running scheduler.
pub struct Jobs {
    scheduler: JobScheduler,
}

impl Jobs {
    /// Schedules every job, and runs those that only read once at the start.
    pub async fn start(state: &AppState, config: &Config) -> anyhow::Result<Self> {
        let scheduler = JobScheduler::new().await.context("could not start the scheduler")?;
        let context = Context { state: state.clone(), config: Arc::new(config.clone()) };
        for job in JOBS {
            let runner = Runner::new(*job, context.clone());
            let scheduled = tokio_cron_scheduler::Job::new_async(job.cron, {
                let runner = runner.clone();
                move |_, _| {
                    let runner = runner.clone();
                    Box::pin(async move { runner.tick().await })
                }
            });
            let scheduled =
                scheduled.with_context(|| format!("could not schedule {}", job.name))?;
            scheduler.add(scheduled).await?;
            if job.scope == Scope::Instance {
                tokio::spawn(async move { runner.tick().await });
            }
        }
        scheduler.start().await?;
        Ok(Self { scheduler })
    }

    /// No further ticks. Running jobs are not waited for: each is safe to cut off.
    pub async fn stop(mut self) {
        if let Err(error) = self.scheduler.shutdown().await {
            tracing::warn!(error.message = %error, "the scheduler did not stop");
        }
    }
}
