//! What one request spent in the database. The HTTP layer opens a tally around the handler, the
//! executor adds to it, and nothing in between has to carry it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

tokio::task_local! {
    static CURRENT: Arc<Tally>;
}

/// The running sums of one request.
#[derive(Debug, Default)]
pub struct Tally {
    statements: AtomicU64,
    micros: AtomicU64,
}

/// A tally at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TallyFigures {
    /// Statements run.
    pub statements: u64,
    /// Microseconds spent waiting for connections and statements.
    pub micros: u64,
}

impl Tally {
    /// Runs the future with this tally as the current one.
    pub async fn scope<T>(self: Arc<Self>, future: impl Future<Output = T>) -> T {
        CURRENT.scope(self, future).await
    }

    /// The tally of the running request, for work it hands to another task.
    pub fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// The sums so far.
    pub fn figures(&self) -> TallyFigures {
        TallyFigures {
            statements: self.statements.load(Ordering::Relaxed),
            micros: self.micros.load(Ordering::Relaxed),
        }
    }

    /// Adds a statement to the current tally; outside a request it goes nowhere.
    pub(super) fn add(duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let _outside_a_request = CURRENT.try_with(|tally| {
            tally.statements.fetch_add(1, Ordering::Relaxed);
            tally.micros.fetch_add(micros, Ordering::Relaxed);
        });
    }
}
