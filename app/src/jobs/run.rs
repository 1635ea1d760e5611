//! How a job runs: in a span, counted, timed, never twice at once, and once among the replicas.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
}

/// Runs one job.
#[derive(Clone)]
pub struct Runner {
    job: Job,
    context: Context,
    running: Arc<Mutex<()>>,
}

impl Runner {
    /// A runner, with the job's metrics at zero.
    pub fn new(job: Job, context: Context) -> Self {
        metrics::job_exists(job.name, job.interval, context.state.clock.now());
        Self { job, context, running: Arc::default() }
    }

    /// Runs the job at its tick; does nothing when the last run has not ended.
    pub async fn tick(&self) {
        let span = tracing::info_span!("job", job.name = self.job.name);
        self.guarded().instrument(span).await;
    }

    async fn guarded(&self) {
        let Ok(_alone) = self.running.try_lock() else {
            tracing::warn!("the last run has not ended; this one is left out");
            return self.count("skipped", Duration::ZERO);
        };
        let started = Instant::now();
        // In a task of its own a panic ends the run and not the scheduler.
        let this = self.clone();
        let run = tokio::spawn(async move { this.claimed().await }.in_current_span());
        let result = run.await.map_err(anyhow::Error::from).flatten();
        let duration = started.elapsed();
        self.record(&result, duration);
    }

    async fn claimed(&self) -> anyhow::Result<Outcome> {
        if self.job.scope == Scope::Cluster {
            let period = i64::try_from(self.job.interval.as_secs()).unwrap_or(i64::MAX).max(1);
            let tick = self.context.state.clock.now() / 1_000_000 / period;
            if !self.context.state.db.claim_job(self.job.name, tick).await? {
                return Ok(Outcome::Skipped("another replica runs it".to_owned()));
            }
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
