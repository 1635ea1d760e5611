//! What one operator may have under way at once, so that nobody takes all of what all share: the store
//! answers in the order of asking.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is limited, each apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Turn {
    /// Pages, and what pages ask for: some run, others wait for them.
    Page,
    /// Downloads, which go on for long.
    Export,
    /// Live tails, which stay open.
    Tail,
}

impl Turn {
    /// How many run at once.
    fn at_once(self) -> usize {
        match self {
            Self::Page => 4,
            Self::Export => 2,
            Self::Tail => 16,
        }
    }

    /// How many more may wait.
    fn waiting(self) -> usize {
        match self {
            Self::Page => 60,
            Self::Export | Self::Tail => 0,
        }
    }
}

/// Longest wait for a turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// The permits of every operator who has something under way.
#[derive(Debug, Default)]
pub struct Turns(Mutex<HashMap<(Turn, String), Arc<Permits>>>);

#[derive(Debug)]
struct Permits {
    running: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// A turn, over when this is dropped.
#[derive(Debug)]
pub struct Permit {
    _running: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
}

impl Turns {
    /// Waits for a turn of this operator; `None` when too many wait already, or for too long.
    pub async fn take(&self, turn: Turn, operator: &str) -> Option<Permit> {
        let permits = self.of(turn, operator);
        let place = Arc::clone(&permits.places).try_acquire_owned().ok()?;
        let running = Arc::clone(&permits.running).acquire_owned();
        let running = tokio::time::timeout(PATIENCE, running).await.ok()?.ok()?;
        Some(Permit { _running: running, _place: place })
    }

    fn of(&self, turn: Turn, operator: &str) -> Arc<Permits> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Who has nothing under way needs none.
        all.retain(|(turn, _), permits| {
            let all_places = turn.at_once() + turn.waiting();
            Arc::strong_count(permits) > 1 || permits.places.available_permits() < all_places
        });
        let permits = all.entry((turn, operator.to_owned())).or_insert_with(|| {
            let semaphore = |permits| Arc::new(Semaphore::new(permits));
            let (running, places) =
                (semaphore(turn.at_once()), semaphore(turn.at_once() + turn.waiting()));
            Arc::new(Permits { running, places })
        });
        Arc::clone(permits)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_operator_waits_for_itself_and_not_for_another() {
        let turns = Turns::default();
        let mut running = Vec::new();
        for _ in 0..Turn::Page.at_once() {
            running.push(turns.take(Turn::Page, "a").await.unwrap());
        }
        let mut waiting = Box::pin(turns.take(Turn::Page, "a"));
        assert!(waiting.as_mut().now_or_never().is_none(), "a fifth page runs");
        assert!(turns.take(Turn::Page, "b").now_or_never().flatten().is_some());
        assert!(turns.take(Turn::Export, "a").now_or_never().flatten().is_some());
        drop(running.pop());
        assert!(waiting.as_mut().now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn who_asks_for_too_much_is_told_at_once() {
        let turns = Turns::default();
        let mut tails = Vec::new();
        for _ in 0..Turn::Tail.at_once() {
            tails.push(turns.take(Turn::Tail, "a").now_or_never().flatten().unwrap());
        }
        assert!(turns.take(Turn::Tail, "a").now_or_never().unwrap().is_none());
        drop(tails);
        assert!(turns.take(Turn::Tail, "a").now_or_never().flatten().is_some());
        assert_eq!(turns.0.lock().unwrap().len(), 1, "who has nothing under way is forgotten");
    }
}
