//! How a job runs: in a span, counted, timed, never twice at once, and once among the replicas.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use tokio::sync::Mutex;
use tracing::Instrument;

use crate::metrics;
use crate::state::AppState;

/// Who runs a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every process: it sets gauges of its own.
    Instance,
    /// One of the replicas: it changes what they share.
    Cluster,
}

/// How a run ended, when it did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Did its work; a sentence of what.
    Done(String),
    /// Had nothing to do here; a sentence of why.
    Skipped(String),
}

/// A job's work.
pub type Work = Pin<Box<dyn Future<Output = anyhow::Result<Outcome>> + Send>>;

/// One row of the table.
#[derive(Clone, Copy)]
pub struct Job {
    /// As metrics, logs and the panel name it.
    pub name: &'static str,
    /// With seconds, in UTC.
    pub cron: &'static str,
    /// What the schedule comes to.
    pub interval: Duration,
    /// Who runs a tick.
    pub scope: Scope,
    /// The work.
    pub work: fn(Context) -> Work,
}

/// What a job may use.
#[derive(Clone)]
pub struct Context {
    /// The parts of the service.
    pub state: AppState,
    /// The settings of jobs and data.
    pub config: Arc<crate::config::Config>,
    /// `/public` of the site and `/msgs` of the API.
    pub lists: Router,
}

/// Runs one job.
#[derive(Clone)]
pub struct Runner {
    job: Job,
    context: Context,
    running: Arc<Mutex<()>>,
    /// Number of the last tick; 0 before the first.
    last_tick: Arc<AtomicI64>,
}

impl Runner {
    /// A runner, with the job's metrics at zero.
    pub fn new(job: Job, context: Context) -> Self {
        metrics::job_exists(job.name, job.interval, context.state.clock.now());
        Self { job, context, running: Arc::default(), last_tick: Arc::default() }
    }

    /// Who runs a tick.
    pub fn scope(&self) -> Scope {
        self.job.scope
    }

    /// Runs the job at its tick; does nothing when the last run has not ended.
    pub async fn tick(&self) {
        let span = tracing::info_span!("job", job.name = self.job.name);
        self.guarded().instrument(span).await;
    }

    /// Makes up for a tick that came while no process was there to run it.
    pub async fn catch_up(&self) {
        let last = self.context.state.db.last_claim(self.job.name).await;
        match last {
            Ok(Some(last)) if last < self.current_tick() => {
                tracing::info!(job.name = self.job.name, "making up for a missed run");
                self.tick().await;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(
                job.name = self.job.name,
                error.message = error.chain(),
                "could not see whether a run was missed"
            ),
        }
    }

    /// Ticks are numbered through from the epoch, so that all replicas mean the same one.
    fn current_tick(&self) -> i64 {
        let period = i64::try_from(self.job.interval.as_secs()).unwrap_or(i64::MAX).max(1);
        self.context.state.clock.now() / 1_000_000 / period
    }

    async fn guarded(&self) {
        self.count_missed();
        let Ok(_alone) = self.running.try_lock() else {
            tracing::warn!(
                job.outcome = "missed",
                "the last run has not ended; this one is left out"
            );
            return metrics::job_missed(self.job.name, 1);
        };
        let started = Instant::now();
        // In a task of its own a panic ends the run and not the scheduler.
        let this = self.clone();
        let run = tokio::spawn(async move { this.claimed().await }.in_current_span());
        let result = run.await.map_err(anyhow::Error::from).flatten();
        let duration = started.elapsed();
        self.record(&result, duration);
    }

    /// Ticks that never came: the process was stopped, or the machine slept.
    fn count_missed(&self) {
        let now = self.current_tick();
        let last = self.last_tick.swap(now, Ordering::Relaxed);
        let missed = u64::try_from(now - last - 1).unwrap_or(0);
        if last > 0 && missed > 0 {
            tracing::warn!(job.outcome = "missed", job.missed = missed, "ticks did not come");
            metrics::job_missed(self.job.name, missed);
        }
    }

    async fn claimed(&self) -> anyhow::Result<Outcome> {
        let db = &self.context.state.db;
        if self.job.scope == Scope::Cluster
            && !db.claim_job(self.job.name, self.current_tick()).await?
        {
            return Ok(Outcome::Skipped("another replica runs it".to_owned()));
        }
        (self.job.work)(self.context.clone()).await
    }

    fn record(&self, result: &anyhow::Result<Outcome>, duration: Duration) {
        let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        match result {
            Ok(Outcome::Done(what)) => {
                tracing::info!(duration_us, job.outcome = "success", "{what}");
                self.count("success", duration);
            }
            Ok(Outcome::Skipped(why)) => {
                tracing::debug!(duration_us, job.outcome = "skipped", "{why}");
                self.count("skipped", duration);
            }
            Err(error) => {
                let chain = format!("{error:#}");
                tracing::error!(
                    duration_us,
                    job.outcome = "failure",
                    error.message = chain,
                    "job failed"
                );
                self.count("failure", duration);
            }
        }
    }

    fn count(&self, outcome: &'static str, duration: Duration) {
        metrics::job_ran(self.job.name, outcome, duration, self.context.state.clock.now());
    }
}
