//! The scheduled jobs: one table, and one wrapper that spans, counts, guards and claims every run.

mod parity;
mod run;
mod tables;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use tokio_cron_scheduler::JobScheduler;

use crate::config::Config;
use crate::state::AppState;

pub use run::{Context, Job, Outcome, Runner, Scope, Work};

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

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
        interval: Duration::from_mins(10),
        scope: Scope::Cluster,
        work: |context| Box::pin(tables::expired_sessions(context)),
    },
    Job {
        name: "site_api_parity",
        cron: "30 * * * * *",
        interval: MINUTE,
        scope: Scope::Instance,
        work: |context| Box::pin(parity::site_api_parity(context)),
    },
    Job {
        name: "sqlite_optimize",
        cron: "0 40 2 * * *",
        interval: DAY,
        scope: Scope::Cluster,
        work: |context| Box::pin(upkeep::sqlite_optimize(context)),
    },
    // Behind the optimization, whose checkpoint would wait for it.
    Job {
        name: "backup",
        cron: "0 10 3 * * *",
        interval: DAY,
        scope: Scope::Cluster,
        work: |context| Box::pin(upkeep::backup(context)),
    },
];

/// The running scheduler.
pub struct Jobs {
    scheduler: JobScheduler,
}

impl Jobs {
    /// Schedules every job, runs those that only read once at the start, and makes up for what came
    /// while no process ran. `lists` answers `/public` of the site and `/msgs` of the API.
    pub async fn start(state: &AppState, config: &Config, lists: Router) -> anyhow::Result<Self> {
        let context = Context { state: state.clone(), config: Arc::new(config.clone()), lists };
        Self::schedule(JOBS, &context).await
    }

    /// The same for any table.
    pub async fn schedule(jobs: &[Job], context: &Context) -> anyhow::Result<Self> {
        let scheduler = JobScheduler::new().await.context("could not start the scheduler")?;
        for job in jobs {
            let runner = Runner::new(*job, context.clone());
            let tick = tokio_cron_scheduler::Job::new_async(job.cron, {
                let runner = runner.clone();
                move |_, _| {
                    let runner = runner.clone();
                    Box::pin(async move { runner.tick().await })
                }
            });
            let tick = tick.with_context(|| format!("could not schedule {}", job.name))?;
            scheduler.add(tick).await?;
            tokio::spawn(async move {
                match runner.scope() {
                    Scope::Instance => runner.tick().await,
                    Scope::Cluster => runner.catch_up().await,
                }
            });
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
