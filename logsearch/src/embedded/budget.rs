//! What one query may cost: a deadline, and a flag that is set when nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Shared by all parts of a running query.
#[derive(Clone, Debug)]
pub struct Budget {
    deadline: Instant,
    over: Arc<AtomicBool>,
}

impl Budget {
    /// A budget that ends after a while.
    pub fn new(time: Duration) -> Self {
        Self { deadline: Instant::now() + time, over: Arc::default() }
    }

    /// Whether to stop. Asks the clock; call it once for some hundred documents.
    pub fn is_over(&self) -> bool {
        if !self.over.load(Ordering::Relaxed) && Instant::now() >= self.deadline {
            self.over.store(true, Ordering::Relaxed);
        }
        self.over.load(Ordering::Relaxed)
    }

    /// A guard that ends the budget when it is dropped, as it is when the caller goes away.
    pub fn end_on_drop(&self) -> EndOnDrop {
        EndOnDrop(Arc::clone(&self.over))
    }
}

/// Ends the search when dropped; created by [`Budget::end_on_drop`].
#[derive(Debug)]
pub struct EndOnDrop(Arc<AtomicBool>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
