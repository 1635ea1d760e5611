//! How a job runs: in a span, counted, timed, never twice at once, and once among the replicas.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use logsearch::error_chain;
use tokio::sync::Mutex;
use tracing::Instrument;

use super::schedule::Schedule;
use crate::clock::{Clock, micros};
use crate::db::Lease;
use crate::metrics;
use crate::request_profile::RequestProfile;
use crate::state::AppState;
use crate::supervise::Tasks;

/// Who runs a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Runs in every process, because it sets gauges of the process.
    Instance,
    /// One of the replicas: it changes what they share.
    Cluster,
}

/// Outcome of a run that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Succeeded, with a message.
    Done(String),
    /// Skipped, with the reason.
    Skipped(String),
}

/// A job's work.
pub type Work = Pin<Box<dyn Future<Output = anyhow::Result<Outcome>> + Send>>;

/// One row of the table.
#[derive(Clone, Copy)]
pub struct Job {
    /// The name in metrics, logs and the panel.
    pub name: &'static str,
    /// When it ticks.
    pub schedule: Schedule,
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

/// Result of the last run in this process.
#[derive(Clone, Debug, Default)]
pub struct LastRun {
    /// When, in microseconds; `None` before the first.
    pub ended_at: Option<i64>,
    /// `success`, `skipped` or `failure`.
    pub outcome: &'static str,
    /// What it said.
    pub said: String,
    /// When a run failed last, in microseconds.
    pub failed_at: Option<i64>,
}

/// What came of asking for a run besides the ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByHand {
    /// The run has started.
    Started,
    /// A run has not ended, here or on another replica.
    Busy,
}

/// Whoever runs a job of the cluster holds it for so long, and renews that while it runs: when the
/// process dies, others wait no longer.
const LEASE: Duration = Duration::from_mins(2);
/// How often the lease is renewed.
const RENEW: Duration = Duration::from_secs(30);
/// The longest sentence that is kept of a run, in characters.
const SAID: usize = 500;

/// Runs one job.
#[derive(Clone)]
pub struct Runner {
    job: Job,
    context: Context,
    running: Arc<Mutex<()>>,
    /// Number of the last scheduled run; 0 before the first.
    last_tick: Arc<AtomicI64>,
    last: Arc<parking_lot::Mutex<LastRun>>,
    tasks: Tasks,
}

impl Runner {
    /// Creates a runner and initializes the job's metrics.
    pub fn new(job: Job, context: Context) -> Self {
        metrics::job_exists(job.name, job.schedule.interval(), context.state.clock.now());
        let (running, last_tick, last) = (Arc::default(), Arc::default(), Arc::default());
        Self { job, context, running, last_tick, last, tasks: Tasks::default() }
    }

    /// What is run.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The time of day that it goes by.
    pub fn clock(&self) -> &Clock {
        &self.context.state.clock
    }

    /// Forgets when it ran last: what a step of the clock skipped was never due.
    pub fn forget_tick(&self) {
        self.last_tick.store(0, Ordering::Relaxed);
    }

    /// Whether a run of this process has not ended.
    pub fn is_running(&self) -> bool {
        self.running.try_lock().is_err()
    }

    /// Returns the result of the last run in this process.
    pub fn last(&self) -> LastRun {
        self.last.lock().clone()
    }

    /// Runs the job at its tick; does nothing when the last run has not ended.
    pub async fn tick(&self) {
        self.guarded().instrument(self.span()).await;
    }

    fn span(&self) -> tracing::Span {
        tracing::info_span!("job", job.name = self.job.name)
    }

    /// Starts a run besides the ticks and does not wait for its end.
    pub async fn run_by_hand(&self) -> crate::db::Result<ByHand> {
        let Ok(alone) = Arc::clone(&self.running).try_lock_owned() else {
            return Ok(ByHand::Busy);
        };
        let (db, tick) = (&self.context.state.db, self.current_tick());
        let is_ours = self.job.scope == Scope::Instance
            || db.take_job(self.job.name, tick, self.lease()).await?;
        if !is_ours {
            return Ok(ByHand::Busy);
        }
        let (this, span) = (self.clone(), self.span());
        let run = async move {
            let _alone = alone;
            this.run().await;
        };
        self.tasks.spawn("job", run.instrument(span));
        Ok(ByHand::Started)
    }

    /// Starts what is due when the process starts, and does not wait for its end: a tick of what every
    /// process does, and a missed run of what one of them does.
    pub fn spawn_first(&self) {
        let this = self.clone();
        self.tasks.spawn("job", async move {
            match this.job.scope {
                Scope::Instance => this.tick().await,
                Scope::Cluster => this.catch_up().await,
            }
        });
    }

    /// Runs the job now if its last scheduled run was missed.
    pub async fn catch_up(&self) {
        let last = self.context.state.db.last_claim(self.job.name).await;
        match last {
            Ok(Some(last)) if last < self.current_tick() => {
                tracing::info!(job.name = self.job.name, "catching up on a missed run");
                self.tick().await;
            }
            // Replicas whose clocks differ a little may be one ahead.
            Ok(Some(last)) if last > self.current_tick() + 1 => {
                tracing::warn!(
                    job.name = self.job.name,
                    "the last run lies further ahead than one period; taking that back"
                );
                self.tick().await;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(
                job.name = self.job.name,
                error.message = error.chain(),
                "could not check for a missed run"
            ),
        }
    }

    /// All replicas mean the same tick by its number.
    fn current_tick(&self) -> i64 {
        self.job.schedule.tick(self.context.state.clock.now())
    }

    fn lease(&self) -> Lease {
        let from = self.context.state.clock.now();
        Lease { from, until: from + micros(LEASE) }
    }

    async fn guarded(&self) {
        self.count_missed();
        let Ok(_alone) = self.running.try_lock() else {
            tracing::warn!(job.outcome = "missed", "previous run still in progress, skipping");
            return metrics::job_missed(self.job.name, 1);
        };
        let (db, tick) = (&self.context.state.db, self.current_tick());
        if self.job.scope == Scope::Cluster {
            match db.claim_job(self.job.name, tick, self.lease()).await {
                Ok(true) => {}
                Ok(false) => {
                    let elsewhere = Outcome::Skipped("another replica is running it".to_owned());
                    return drop(self.record(
                        &Ok(elsewhere),
                        Duration::ZERO,
                        &RequestProfile::default(),
                    ));
                }
                Err(error) => {
                    return drop(self.record(
                        &Err(error.into()),
                        Duration::ZERO,
                        &RequestProfile::default(),
                    ));
                }
            }
        }
        self.run().await;
    }

    /// Counts scheduled runs that never happened because the process was stopped or the machine
    /// slept.
    fn count_missed(&self) {
        let now = self.current_tick();
        let last = self.last_tick.swap(now, Ordering::Relaxed);
        let missed = u64::try_from(now - last - 1).unwrap_or(0);
        if last > 0 && missed > 0 {
            tracing::warn!(job.outcome = "missed", job.missed = missed, "missed scheduled runs");
            metrics::job_missed(self.job.name, missed);
        }
    }

    /// Runs the job once; a cluster job holds its lease until the end.
    async fn run(&self) {
        let started = Instant::now();
        // In a task of its own a panic ends the run and not the scheduler.
        let (this, profile) = (self.clone(), Arc::<RequestProfile>::default());
        let work = Arc::clone(&profile).scope(async move { this.work().await });
        let run = self.tasks.spawn("job", work.in_current_span());
        let result = run.await.map_err(anyhow::Error::from).flatten();
        let (outcome, said) = self.record(&result, started.elapsed(), &profile);
        let now = self.context.state.clock.now();
        self.note(now, outcome, &said);
        if self.job.scope == Scope::Cluster {
            let db = &self.context.state.db;
            if let Err(error) = db.finish_job(self.job.name, now, outcome, &said).await {
                tracing::warn!(
                    error.message = error.chain(),
                    "could not record the end of a job run"
                );
            }
        }
    }

    async fn work(&self) -> anyhow::Result<Outcome> {
        #[cfg(feature = "chaos")]
        crate::chaos::job(self.job.name).await?;
        let mut work = (self.job.work)(self.context.clone());
        if self.job.scope == Scope::Instance {
            return work.await;
        }
        loop {
            match tokio::time::timeout(RENEW, &mut work).await {
                Ok(result) => return result,
                Err(_still_running) => {
                    let until = self.lease().until;
                    self.context.state.db.renew_job(self.job.name, until).await?;
                }
            }
        }
    }

    fn note(&self, now: i64, outcome: &'static str, said: &str) {
        let mut last = self.last.lock();
        let failed_at = if outcome == "failure" { Some(now) } else { last.failed_at };
        *last = LastRun { ended_at: Some(now), outcome, said: said.to_owned(), failed_at };
    }

    /// Logs and counts the outcome of a run; returns the outcome and its message.
    fn record(
        &self,
        result: &anyhow::Result<Outcome>,
        duration: Duration,
        profile: &RequestProfile,
    ) -> (&'static str, String) {
        let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let database = profile.totals();
        if result.is_err() || profile.is_notable(duration) {
            profile.log();
        }
        let (outcome, said) = match result {
            Ok(Outcome::Done(what)) => {
                tracing::info!(
                    duration_us,
                    job.outcome = "success",
                    db.count = database.statements,
                    db.duration_us = database.micros,
                    db.repeats = database.repeats,
                    "{what}"
                );
                ("success", what.clone())
            }
            Ok(Outcome::Skipped(why)) => {
                tracing::debug!(duration_us, job.outcome = "skipped", "{why}");
                ("skipped", why.clone())
            }
            Err(error) => {
                let chain = error_chain(error.as_ref());
                tracing::error!(
                    duration_us,
                    job.outcome = "failure",
                    db.count = database.statements,
                    db.duration_us = database.micros,
                    db.repeats = database.repeats,
                    error.message = chain,
                    "job failed"
                );
                ("failure", chain)
            }
        };
        metrics::job_ran(self.job.name, outcome, duration, self.context.state.clock.now());
        (outcome, said.chars().take(SAID).collect())
    }
}
