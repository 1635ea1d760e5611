//! What one request or run of a job spent its time with: statements, and stages such as the handler or
//! the password. The HTTP layer and the job wrapper open a profile around the work, the executor and
//! [`stage`] add to it, and nothing in between has to carry it.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use admin::N_PLUS_ONE_REPEATS;
use parking_lot::Mutex;

mod departure;
mod running;

pub use running::RunningStatement;

tokio::task_local! {
    static CURRENT: Arc<RequestProfile>;
}

/// Slower than this, a request or a run of a job is kept with its statements, and a statement is a warning
/// of its own. A client that leaves after that long without an answer gave up a service that was late.
pub const SLOW: Duration = Duration::from_millis(250);
/// Different statements of one request that are told apart; no handler has a tenth of them.
const DISTINCT: usize = 64;
/// Stages of one request that are kept.
const STAGES: usize = 16;

/// The running sums of one request.
#[derive(Debug)]
pub struct RequestProfile {
    started: Instant,
    statements: Mutex<Statements>,
    stages: Mutex<Vec<Stage>>,
    departure: Mutex<Option<departure::Departure>>,
}

/// The statements of one request, under one lock: whoever reads figures gets those of one moment.
#[derive(Clone, Debug, Default)]
struct Statements {
    count: u64,
    micros: u64,
    runs: Vec<StatementRuns>,
    running: Vec<running::Begun>,
}

/// A part of a request that is no statement. Statements and other stages may be parts of it.
#[derive(Clone, Copy, Debug)]
struct Stage {
    name: &'static str,
    /// Offset from the start of the request, in microseconds.
    offset: u64,
    micros: u64,
}

/// A stage that has begun; it ends when this is dropped.
#[must_use = "the stage ends when this is dropped"]
#[derive(Debug)]
pub struct RunningStage {
    profile: Option<Arc<RequestProfile>>,
    name: &'static str,
    began: Instant,
}

/// Begins a stage of the current request; outside of one it is not kept.
pub fn stage(name: &'static str) -> RunningStage {
    RunningStage { profile: RequestProfile::current(), name, began: Instant::now() }
}

impl Drop for RunningStage {
    fn drop(&mut self) {
        let Some(profile) = &self.profile else { return };
        let offset = micros(self.began.saturating_duration_since(profile.started));
        let stage = Stage { name: self.name, offset, micros: micros(self.began.elapsed()) };
        let mut stages = profile.stages.lock();
        if stages.len() < STAGES {
            stages.push(stage);
        }
    }
}

/// What one statement did in a request.
#[derive(Clone, Copy, Debug)]
pub struct StatementRuns {
    /// The name in metrics.
    pub name: &'static str,
    /// SQL text without values.
    pub sql: &'static str,
    /// Where in the source it stands.
    pub source: &'static Location<'static>,
    /// Number of runs.
    pub times: u64,
    /// Total duration of all runs, in microseconds.
    pub micros: u64,
    /// Rows read or changed by all runs.
    pub rows: u64,
    /// When the first run began, in microseconds from the start of the request.
    pub offset: u64,
    /// How the last run that failed did; empty when none did.
    pub error_type: &'static str,
}

/// A profile at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProfileTotals {
    /// Statements run.
    pub statements: u64,
    /// Microseconds spent waiting for connections and statements.
    pub micros: u64,
    /// How often the statement ran that ran most often.
    pub repeats: u64,
}

impl Default for RequestProfile {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            statements: Mutex::default(),
            stages: Mutex::default(),
            departure: Mutex::default(),
        }
    }
}

impl RequestProfile {
    /// Runs the future with this profile as the current one.
    pub async fn scope<T>(self: Arc<Self>, future: impl Future<Output = T>) -> T {
        CURRENT.scope(self, future).await
    }

    /// The profile of the running request, for work it hands to another task.
    pub fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Starts a stage of this request, which ends when the guard is dropped.
    pub fn stage(self: &Arc<Self>, name: &'static str) -> RunningStage {
        RunningStage { profile: Some(Arc::clone(self)), name, began: Instant::now() }
    }

    /// The sums so far, statements that still run included.
    pub fn totals(&self) -> ProfileTotals {
        let statements = self.statements.lock();
        if statements.running.is_empty() {
            return statements.totals();
        }
        drop(statements);
        self.statements_now().totals()
    }

    /// Every statement so far, in the order of their first runs; those that still run follow, or count as
    /// one run more.
    pub fn runs(&self) -> Vec<StatementRuns> {
        self.statements_now().runs
    }

    /// The statements at this moment, with what still runs taken as if it ended now.
    fn statements_now(&self) -> Statements {
        let mut now = self.statements.lock().clone();
        for begun in std::mem::take(&mut now.running) {
            now.add(begun.as_run(), self.offset(begun.began));
        }
        now
    }

    /// Microseconds from the start of the request.
    fn offset(&self, at: Instant) -> u64 {
        micros(at.saturating_duration_since(self.started))
    }

    /// Whether what ran is worth a look although it did not fail: it took long, or repeats itself.
    pub fn is_notable(&self, duration: Duration) -> bool {
        duration >= SLOW || self.totals().repeats >= N_PLUS_ONE_REPEATS
    }

    /// One record for each stage and each different statement, however often it ran.
    pub fn log(&self) {
        for stage in self.stages.lock().iter() {
            tracing::info!(
                span.name = stage.name,
                offset_us = stage.offset,
                duration_us = stage.micros,
                "stage {}",
                stage.name
            );
        }
        self.runs().iter().for_each(StatementRuns::log);
    }
}

impl Statements {
    fn totals(&self) -> ProfileTotals {
        ProfileTotals {
            statements: self.count,
            micros: self.micros,
            repeats: self.runs.iter().map(|run| run.times).max().unwrap_or(0),
        }
    }

    fn add(&mut self, run: StatementRuns, offset: u64) {
        self.count += 1;
        self.micros += run.micros;
        if let Some(known) = self.runs.iter_mut().find(|known| known.name == run.name) {
            known.times += 1;
            known.micros += run.micros;
            known.rows += run.rows;
            if !run.error_type.is_empty() {
                known.error_type = run.error_type;
            }
        } else if self.runs.len() < DISTINCT {
            self.runs.push(StatementRuns { offset, ..run });
        }
    }
}

impl StatementRuns {
    /// Whether the last run that failed did so for a reason that is the database's: a name that is taken
    /// is an answer, and a run that nobody waited for says nothing of the database.
    fn has_failed(&self) -> bool {
        !matches!(self.error_type, "" | "taken" | running::CANCELLED)
    }

    fn log(&self) {
        tracing::info!(
            db.operation.name = self.name,
            db.query.text = self.sql,
            db.query.source = %self.source,
            db.runs = self.times,
            db.rows = self.rows,
            offset_us = self.offset,
            error.type = (!self.error_type.is_empty()).then_some(self.error_type),
            duration_us = self.micros,
            "statement profile"
        );
    }
}

/// A duration in whole microseconds.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn repeated_statements_are_folded_in_spawned_tasks_too() {
        let run = |name, micros, error_type| StatementRuns {
            name,
            sql: "SELECT 1",
            source: Location::caller(),
            times: 1,
            micros,
            rows: 2,
            offset: 0,
            error_type,
        };
        let profile = Arc::new(RequestProfile::default());
        let add = |run| RunningStatement::begin(run).end(run);
        let work = async {
            add(run("a", 5, ""));
            let spawned = RequestProfile::current().unwrap();
            let more = spawned.scope(async move { add(run("a", 7, "timeout")) });
            tokio::spawn(more).await.unwrap();
            add(run("b", 1, ""));
        };
        Arc::clone(&profile).scope(work).await;
        add(run("outside", 1, ""));
        let figures = ProfileTotals { statements: 3, micros: 13, repeats: 2 };
        assert_eq!(profile.totals(), figures);
        let runs = profile.runs();
        let facts: Vec<_> =
            runs.iter().map(|run| (run.name, run.times, run.rows, run.error_type)).collect();
        assert_eq!(facts, [("a", 2, 4, "timeout"), ("b", 1, 2, "")]);
    }

    #[tokio::test]
    async fn stages_lie_in_each_other_and_have_a_bound() {
        let profile = Arc::new(RequestProfile::default());
        let work = async {
            let outer = stage("outer");
            drop(stage("inner"));
            drop(outer);
            (0..STAGES).for_each(|_| drop(stage("more")));
        };
        Arc::clone(&profile).scope(work).await;
        drop(stage("outside"));
        let stages = profile.stages.lock();
        assert_eq!(stages.len(), STAGES);
        let [inner, outer] = [stages[0], stages[1]];
        assert_eq!((inner.name, outer.name), ("inner", "outer"));
        assert!(outer.offset <= inner.offset);
        assert!(inner.offset + inner.micros <= outer.offset + outer.micros + 1, "{stages:?}");
    }
}
