//! The tasks of the service. One that is to run as long as the service and ends before it was asked to
//! stops the service: a process without its listener would stay up and do nothing. A task for one
//! connection, request or run that panics costs that one alone.
//!
//! Threads and tasks inside libraries (the database pool, the scheduler, the log index) are theirs.

use std::any::Any;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics;

/// A task that ended without being asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task {task} {how}")]
pub struct EndedEarly {
    /// Its name.
    pub task: &'static str,
    /// `panicked` or `returned`.
    pub how: &'static str,
}

/// Watches the tasks of its groups.
pub struct Supervisor {
    ended: mpsc::Sender<EndedEarly>,
    first: mpsc::Receiver<EndedEarly>,
}

impl Default for Supervisor {
    fn default() -> Self {
        // The first is the one that counts.
        let (ended, first) = mpsc::channel(1);
        Self { ended, first }
    }
}

impl Supervisor {
    /// A group of tasks, empty so far.
    pub fn group(&self) -> Group {
        Group {
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            ended: self.ended.clone(),
        }
    }

    /// Waits for the first task of any group that ends without being asked to.
    pub async fn ended_early(&mut self) -> EndedEarly {
        match self.first.recv().await {
            Some(ended) => ended,
            // Not while `self.ended` exists.
            None => std::future::pending().await,
        }
    }
}

/// Tasks that run as long as the service, and are asked to stop together.
pub struct Group {
    stop: CancellationToken,
    tasks: TaskTracker,
    ended: mpsc::Sender<EndedEarly>,
}

impl Group {
    /// Spawns a task that is to run until the token it is given is cancelled.
    pub fn spawn<F>(&self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, ended) = (self.stop.clone(), self.ended.clone());
        let task = AssertUnwindSafe(task(stop.clone())).catch_unwind();
        self.tasks.spawn(async move {
            let how = match task.await {
                Ok(()) if stop.is_cancelled() => return,
                Ok(()) => "returned",
                Err(_) => {
                    metrics::panic_caught();
                    "panicked"
                }
            };
            let _others_ended_first = ended.try_send(EndedEarly { task: name, how });
        });
    }

    /// Spawns a task without an end, which is dropped when the group stops.
    pub fn spawn_endless<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.spawn(name, |stop| async move {
            stop.run_until_cancelled(task).await;
        });
    }

    /// Asks all tasks to stop, and waits until they have.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Tasks for one connection, request or run each. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tasks(TaskTracker);

impl Tasks {
    /// Spawns a task. A panic in it is counted and logged with the name, and comes out of the handle.
    pub fn spawn<T, F>(&self, name: &'static str, task: F) -> JoinHandle<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let task = AssertUnwindSafe(task).catch_unwind();
        self.0.spawn(async move { task.await.unwrap_or_else(|panic| panicked(name, panic)) })
    }

    /// Waits for those that run, at most so long; whether all have ended.
    pub async fn finish(&self, within: Duration) -> bool {
        self.0.close();
        tokio::time::timeout(within, self.0.wait()).await.is_ok()
    }
}

/// The panic hook has logged what and where; here is whose it was.
fn panicked(task: &str, panic: Box<dyn Any + Send>) -> ! {
    metrics::panic_caught();
    tracing::error!(error.message = format!("the task {task} panicked"), "task failed");
    resume_unwind(panic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn early(task: &'static str, how: &'static str) -> EndedEarly {
        EndedEarly { task, how }
    }

    #[tokio::test]
    async fn a_task_that_panics_or_returns_is_named() {
        for how in ["panicked", "returned"] {
            let mut supervisor = Supervisor::default();
            let (group, other) = (supervisor.group(), supervisor.group());
            other.spawn_endless("steady", std::future::pending());
            group.spawn("listener", async move |_| assert_eq!(how, "returned"));
            assert_eq!(supervisor.ended_early().await, early("listener", how));
            tokio::join!(group.stop(), other.stop());
        }
    }

    #[tokio::test]
    async fn the_first_of_several_is_the_one_that_counts() {
        let mut supervisor = Supervisor::default();
        let group = supervisor.group();
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        group.spawn("second", async move |_| drop(gone.await));
        group.spawn("first", async move |_| drop(go));
        assert_eq!(supervisor.ended_early().await.task, "first");
        group.stop().await;
    }

    #[tokio::test]
    async fn tasks_that_end_when_they_are_asked_to_are_no_fault() {
        let mut supervisor = Supervisor::default();
        let group = supervisor.group();
        group.spawn("polite", async |stop: CancellationToken| stop.cancelled().await);
        group.spawn_endless("endless", std::future::pending());
        group.stop().await;
        assert_eq!(supervisor.ended_early().now_or_never(), None);
    }

    #[tokio::test]
    async fn a_short_task_that_panics_ends_alone() {
        let tasks = Tasks::default();
        let failed = tasks.spawn("connection", async { panic!("a defect made for this test") });
        let other = tasks.spawn("connection", async { 7 });
        assert!(failed.await.unwrap_err().is_panic());
        assert_eq!(other.await.unwrap(), 7);
        assert!(tasks.finish(Duration::ZERO).await);
    }

    #[tokio::test]
    async fn what_runs_too_long_is_not_waited_for() {
        let tasks = Tasks::default();
        let _runs = tasks.spawn("request", std::future::pending::<()>());
        assert!(!tasks.finish(Duration::from_millis(10)).await);
    }
}
