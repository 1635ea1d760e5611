//! How long a request may wait for the database in all: statements one after the other do not add their
//! waits up, whichever of them the database hangs in. A database that answers others meanwhile does not hang but
//! has much to do, and is waited for four times as long.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

tokio::task_local! {
    static CURRENT: WaitBudget;
}

/// The time that one request may still spend waiting for the database. Clones share it, so that a task which
/// goes on without its request has no budget of its own.
#[derive(Clone, Debug)]
pub struct WaitBudget(Arc<Mutex<Left>>);

#[derive(Debug)]
struct Left {
    time: Duration,
    /// How much more there is while the database answers others.
    more: Duration,
    /// Statements that run now, and since when at least one does.
    running: u32,
    since: Instant,
}

impl WaitBudget {
    /// A budget of that much.
    pub fn new(time: Duration) -> Self {
        Self(Arc::new(Mutex::new(Left { time, more: 3 * time, running: 0, since: Instant::now() })))
    }

    /// The budget of the current request; `None` outside of one, where nothing limits the wait.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Runs the future with this budget as the current one.
    pub async fn scope<T>(self, future: impl Future<Output = T>) -> T {
        CURRENT.scope(self, future).await
    }

    /// What is left, with statements that run at the same time counted once.
    fn left(&self) -> Duration {
        let left = self.0.lock();
        let running = if left.running > 0 { left.since.elapsed() } else { Duration::ZERO };
        left.time.saturating_sub(running)
    }

    /// Takes a slice of what there is more; nothing when that is used up.
    fn take_more(&self) -> Option<Duration> {
        let mut left = self.0.lock();
        let slice = SLICE.min(left.more);
        left.more -= slice;
        (!slice.is_zero()).then_some(slice)
    }

    fn begin(&self) -> Spending<'_> {
        let mut left = self.0.lock();
        if left.running == 0 {
            left.since = Instant::now();
        }
        left.running += 1;
        Spending(self)
    }
}

/// A statement that runs; it ends when this is dropped.
struct Spending<'a>(&'a WaitBudget);

impl Drop for Spending<'_> {
    fn drop(&mut self) {
        let mut left = self.0.0.lock();
        left.running -= 1;
        if left.running == 0 {
            left.time = left.time.saturating_sub(left.since.elapsed());
        }
    }
}

/// Between two questions whether the database answers others.
const SLICE: Duration = Duration::from_millis(200);
/// An answer to others this recent says that it works: a disk that is busy takes a while for each write.
const RECENT: Duration = Duration::from_millis(500);

/// Runs a statement for as long as the current request may still wait. `answers` says whether the database did what
/// others asked of it since a moment.
pub(super) async fn within_budget<T>(
    statement: impl Future<Output = sqlx::Result<T>>,
    answers: impl Fn(Instant) -> bool,
) -> sqlx::Result<T> {
    let Some(budget) = WaitBudget::current() else { return statement.await };
    let mut left = budget.left();
    let _spending = budget.begin();
    let mut statement = pin!(statement);
    loop {
        if let Ok(result) = tokio::time::timeout(left, &mut statement).await {
            return result;
        }
        let recently = Instant::now().checked_sub(RECENT);
        match budget.take_more() {
            Some(more) if recently.is_some_and(&answers) => left = more,
            _ => break,
        }
    }
    let text = "the database did not respond within the time that a request may wait";
    Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(400);

    async fn takes(time: Duration) -> sqlx::Result<()> {
        tokio::time::sleep(time).await;
        Ok(())
    }

    #[tokio::test]
    async fn waits_of_one_request_end_together() {
        let began = Instant::now();
        let waits = async {
            within_budget(takes(STEP), |_| false).await.unwrap();
            assert!(within_budget(takes(10 * STEP), |_| false).await.is_err());
            assert!(within_budget(takes(10 * STEP), |_| false).await.is_err(), "nothing is left");
        };
        WaitBudget::new(2 * STEP).scope(waits).await;
        assert!(began.elapsed() < 4 * STEP, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn statements_at_once_are_one_wait() {
        let budget = WaitBudget::new(3 * STEP);
        let waits = async {
            let both = tokio::join!(
                within_budget(takes(STEP), |_| false),
                within_budget(takes(STEP), |_| false)
            );
            assert!(both.0.is_ok() && both.1.is_ok());
        };
        budget.clone().scope(waits).await;
        assert!(budget.left() > STEP, "{:?}", budget.left());
        within_budget(takes(Duration::ZERO), |_| false).await.unwrap();
    }

    #[tokio::test]
    async fn a_database_that_answers_others_is_waited_for_longer() {
        let began = Instant::now();
        let waits = async {
            within_budget(takes(3 * STEP), |_| true).await.unwrap();
            assert!(within_budget(takes(10 * STEP), |_| true).await.is_err());
        };
        WaitBudget::new(STEP).scope(waits).await;
        assert!(began.elapsed() < 6 * STEP, "{:?}", began.elapsed());
    }
}
