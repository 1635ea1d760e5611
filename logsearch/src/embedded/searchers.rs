//! The threads that search: as many as may search at once, for as long as the store lives. On threads of
//! a runtime, which come and go by the dozen, what each search needed would stay with all of them: the
//! allocator keeps freed memory by thread.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use parking_lot::Mutex;
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end when this is dropped, after what they are at.
pub struct Searchers(Sender<Job>);

impl Searchers {
    /// So many threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(count: usize) -> io::Result<Self> {
        let (sender, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..count {
            let receiver = Arc::clone(&receiver);
            let thread = std::thread::Builder::new().name("log-search".to_owned());
            thread.spawn(move || work(&receiver))?;
        }
        Ok(Self(sender))
    }

    /// What `search` finds, on one of the threads; `None` when it panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        search: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        // Nobody receives when the caller has gone.
        let job = move || drop(answer.send(search()));
        self.0.send(Box::new(job)).ok()?;
        answered.await.ok()
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().recv();
        let Ok(job) = job else { return };
        // The panic hook has told of it, and the next search is another one.
        drop(catch_unwind(AssertUnwindSafe(job)));
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
