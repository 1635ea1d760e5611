//! The threads that search: as many as may search at once, for as long as the store lives. On threads of
//! a runtime, which come and go by the dozen, what each search needed would stay with all of them: the
//! allocator keeps freed memory by thread.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end when this is dropped, after what they are at.
pub struct Searchers(Arc<Queue>);

/// What waits for a thread. A job wakes one of them alone: waking one that finds nothing costs as much as
/// many a search takes.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    is_closed: bool,
}

impl Searchers {
    /// So many threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(count: usize) -> io::Result<Self> {
        let searchers = Self(Arc::default());
        for _ in 0..count {
            let queue = Arc::clone(&searchers.0);
            let thread = std::thread::Builder::new().name("log-search".to_owned());
            thread.spawn(move || queue.work())?;
        }
        Ok(searchers)
    }

    /// What `search` finds, on one of the threads; `None` when it panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        search: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        // Nobody receives when the caller has gone.
        let job = move || drop(answer.send(search()));
        self.0.waiting.lock().jobs.push_back(Box::new(job));
        self.0.wake.notify_one();
        answered.await.ok()
    }
}

impl Drop for Searchers {
    fn drop(&mut self) {
        self.0.waiting.lock().is_closed = true;
        self.0.wake.notify_all();
    }
}

impl Queue {
    fn work(&self) {
        while let Some(job) = self.next() {
            // The panic hook has told of it, and the next search is another one.
            drop(catch_unwind(AssertUnwindSafe(job)));
        }
    }

    /// `None` when it was closed and nothing waits.
    fn next(&self) -> Option<Job> {
        let mut waiting = self.waiting.lock();
        loop {
            match waiting.jobs.pop_front() {
                None if waiting.is_closed => return None,
                None => self.wake.wait(&mut waiting),
                job => return job,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_search_that_panics_takes_no_thread_with_it() {
        let searchers = Searchers::start(1).unwrap();
        let name = || std::thread::current().name().map(str::to_owned);
        assert_eq!(searchers.run(name).await.unwrap().as_deref(), Some("log-search"));
        assert!(searchers.run(|| assert!(std::hint::black_box(false))).await.is_none());
        assert_eq!(searchers.run(|| 7).await, Some(7));
    }
}
