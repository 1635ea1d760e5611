//! Which of the records that are synced at once (errors, audit) are on the disk already, for those who
//! must not go on before: an answer that says something failed should not outrun the record that says why.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

/// Tracks which urgent records (errors, audit) are fsynced.
#[derive(Debug, Default)]
pub struct Urgent {
    /// Number of emitted records.
    emitted: AtomicU64,
    /// How many were handed to the log by the time it had given out these sequences, oldest first.
    handed_over: Mutex<VecDeque<(u64, u64)>>,
    done: watch::Sender<Done>,
}

#[derive(Clone, Copy, Debug)]
struct Done {
    /// So many are on the disk, or the disk does not take them.
    count: u64,
    /// Whether the last records are fsynced.
    is_safe: bool,
}

impl Default for Done {
    fn default() -> Self {
        Self { count: 0, is_safe: true }
    }
}

impl Urgent {
    /// Counts an emitted record.
    pub fn emit(&self) {
        self.emitted.fetch_add(1, Ordering::Relaxed);
    }

    /// Number of emitted records.
    pub fn emitted(&self) -> u64 {
        self.emitted.load(Ordering::Relaxed)
    }

    /// The first `count` have sequences before `next`. To be followed by [`Self::synced`] with what is
    /// synced by then.
    pub fn hand_over(&self, count: u64, next: u64) {
        let mut handed_over = self.handed_over.lock();
        let last = handed_over.back().map_or(self.done.borrow().count, |(count, _)| *count);
        if count > last {
            handed_over.push_back((count, next));
        }
    }

    /// Everything before this sequence is on the disk. While the disk fails, nobody waits for it.
    pub fn synced(&self, sequence: u64, is_failing: bool) {
        let mut handed_over = self.handed_over.lock();
        let mut done = None;
        while let Some((count, _)) =
            handed_over.front().copied().filter(|(_, next)| *next <= sequence)
        {
            handed_over.pop_front();
            done = Some(Done { count, is_safe: true });
        }
        if let (true, Some((count, _))) = (is_failing, handed_over.back().copied()) {
            handed_over.clear();
            done = Some(Done { count, is_safe: false });
        }
        if let Some(done) = done {
            self.done.send_replace(done);
        }
    }

    /// Waits until all that were emitted before are on the disk; at once when none is under way. `false`
    /// when the disk does not take them or takes longer.
    pub async fn wait(&self, timeout: Duration) -> bool {
        let wanted = self.emitted();
        let done = *self.done.borrow();
        if done.count >= wanted {
            return done.is_safe;
        }
        let mut done = self.done.subscribe();
        let reached = tokio::time::timeout(timeout, done.wait_for(|done| done.count >= wanted));
        matches!(reached.await, Ok(Ok(done)) if done.is_safe)
    }
}
