//! Statements in progress: a request that ends while one runs has spent that time with it.

use std::sync::Arc;
use std::time::Instant;

use super::{CURRENT, RequestProfile, StatementRuns, micros};

/// How a statement ended that was dropped, with the request that nobody waited for.
pub const CANCELLED: &str = "cancelled";

/// A statement that has begun, as the profile keeps it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    id: u64,
    run: StatementRuns,
    pub(super) began: Instant,
}

impl Begun {
    /// What it would be if it ended now.
    pub(super) fn as_run(&self) -> StatementRuns {
        StatementRuns { micros: micros(self.began.elapsed()), ..self.run }
    }

    /// The name of the statement.
    pub(super) fn name(&self) -> &'static str {
        self.run.name
    }
}

/// A statement of the current request that has begun. Dropped without an end it counts as cancelled, with
/// the time that it took until then. Outside of a request it is kept nowhere.
#[must_use = "the statement ends when this is dropped"]
#[derive(Debug)]
pub struct RunningStatement {
    profile: Option<Arc<RequestProfile>>,
    id: u64,
}

impl RunningStatement {
    /// Begins a statement: `run` says which, its figures are not known yet.
    pub fn begin(run: StatementRuns) -> Self {
        let profile = CURRENT.try_with(Arc::clone).ok();
        let id = profile.as_ref().map_or(0, |profile| {
            let mut statements = profile.statements.lock();
            let id = statements.running.iter().map(|begun| begun.id + 1).max().unwrap_or(0);
            statements.running.push(Begun { id, run, began: Instant::now() });
            id
        });
        Self { profile, id }
    }

    /// Ends it with its figures.
    pub fn end(mut self, run: StatementRuns) {
        if let Some(profile) = self.profile.take() {
            profile.end_statement(self.id, |_| run);
        }
    }
}

impl Drop for RunningStatement {
    fn drop(&mut self) {
        if let Some(profile) = self.profile.take() {
            let cancelled = |run| StatementRuns { error_type: CANCELLED, ..run };
            profile.end_statement(self.id, cancelled);
        }
    }
}

impl RequestProfile {
    fn end_statement(&self, id: u64, end: impl FnOnce(StatementRuns) -> StatementRuns) {
        let mut statements = self.statements.lock();
        let Some(at) = statements.running.iter().position(|begun| begun.id == id) else { return };
        let begun = statements.running.remove(at);
        statements.add(end(begun.as_run()), self.offset(begun.began));
    }
}
