//! The scheduled jobs: one table, and one wrapper that spans, counts, guards and claims every run.

mod certificate;
mod clock_steps;
mod parity;
mod run;
mod schedule;
mod tables;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use parking_lot::Mutex;
use tokio_cron_scheduler::{Job as Tick, JobScheduler};

use crate::config::Config;
use crate::state::AppState;

pub use run::{ByHand, Context, Job, LastRun, Outcome, Runner, Scope, Work};
pub use schedule::Schedule;

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// Every job of the service.
pub const JOBS: &[Job] = &[
    Job {
        name: "business_totals",
        schedule: Schedule::every(Duration::from_secs(15)),
        scope: Scope::Instance,
        work: |context| Box::pin(tables::business_totals(context)),
    },
    Job {
        name: "expired_sessions",
        schedule: Schedule::every(Duration::from_mins(10)),
        scope: Scope::Cluster,
        work: |context| Box::pin(tables::expired_sessions(context)),
    },
    Job {
        name: "site_api_parity",
        schedule: Schedule::every(MINUTE).at(Duration::from_secs(30)),
        scope: Scope::Instance,
        work: |context| Box::pin(parity::site_api_parity(context)),
    },
    Job {
        name: "sqlite_optimize",
        schedule: Schedule::every(DAY).at(Duration::from_mins(2 * 60 + 40)),
        scope: Scope::Cluster,
        work: |context| Box::pin(upkeep::sqlite_optimize(context)),
    },
    Job {
        name: "backup_status",
        schedule: Schedule::every(MINUTE).at(Duration::from_secs(15)),
        scope: Scope::Instance,
        work: |context| Box::pin(upkeep::backup_status(context)),
    },
    Job {
        name: "certificate",
        schedule: Schedule::every(Duration::from_mins(5)).at(Duration::from_secs(45)),
        scope: Scope::Instance,
        work: |context| Box::pin(certificate::look(context)),
    },
    // Behind the optimization, whose checkpoint would wait for it.
    Job {
        name: "backup",
        schedule: Schedule::every(DAY).at(Duration::from_mins(3 * 60 + 10)),
        scope: Scope::Cluster,
        work: |context| Box::pin(upkeep::backup(context)),
    },
];

/// What the scheduler runs when a job is due.
fn tick_of(runner: &Runner) -> anyhow::Result<Tick> {
    let (job, runner) = (runner.job(), runner.clone());
    let tick = Tick::new_async(job.schedule.cron(), move |_, _| {
        let runner = runner.clone();
        Box::pin(async move { runner.tick().await })
    });
    tick.with_context(|| format!("could not schedule {}", job.name))
}

/// The scheduler with its jobs. Clones share it.
#[derive(Clone)]
pub struct Jobs {
    scheduler: JobScheduler,
    ticks: Arc<Vec<(Mutex<Tick>, Runner)>>,
}

impl Jobs {
    /// Every job of the service, not running yet. `lists` answers `/public` of the site and `/msgs` of
    /// the API.
    pub async fn new(state: &AppState, config: &Config, lists: Router) -> anyhow::Result<Self> {
        let context = Context { state: state.clone(), config: Arc::new(config.clone()), lists };
        Self::schedule(JOBS, &context).await
    }

    /// The same for any table.
    pub async fn schedule(jobs: &[Job], context: &Context) -> anyhow::Result<Self> {
        let scheduler = JobScheduler::new().await.context("could not start the scheduler")?;
        let mut ticks = Vec::new();
        for job in jobs {
            let runner = Runner::new(*job, context.clone());
            let tick = tick_of(&runner)?;
            scheduler.add(tick.clone()).await?;
            ticks.push((Mutex::new(tick), runner));
        }
        Ok(Self { scheduler, ticks: Arc::new(ticks) })
    }

    /// Starts the ticks, runs the jobs that only read once, and makes up for what came while no process
    /// ran.
    pub async fn start(&self) -> anyhow::Result<()> {
        for (_, runner) in self.ticks.iter() {
            runner.spawn_first();
        }
        self.scheduler.start().await?;
        Ok(())
    }

    /// What runs each job, in the order of the table.
    pub fn runners(&self) -> impl Iterator<Item = &Runner> {
        self.ticks.iter().map(|(_, runner)| runner)
    }

    /// When a job ticks next, in microseconds; `None` when it never does.
    pub async fn next_tick(&self, name: &str) -> Option<i64> {
        let (tick, _) = self.ticks.iter().find(|(_, runner)| runner.job().name == name)?;
        self.next_of(tick).await
    }

    async fn next_of(&self, tick: &Mutex<Tick>) -> Option<i64> {
        let guid = tick.lock().guid();
        let mut scheduler = self.scheduler.clone();
        let next = scheduler.next_tick_for_job(guid).await.ok().flatten();
        next.map(|next| next.timestamp_micros())
    }

    /// Looks after jobs whose due time a step of the clock moved, for as long as it is polled.
    pub async fn watch_clock(self) {
        clock_steps::watch(self).await;
    }

    /// No further ticks. Running jobs are not waited for: each is safe to cut off.
    pub async fn stop(mut self) {
        if let Err(error) = self.scheduler.shutdown().await {
            tracing::warn!(error.message = %error, "could not stop the scheduler");
        }
    }
}
