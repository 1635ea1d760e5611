//! The task that samples the metrics every ten seconds until it is stopped.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{EVERY, Metrics, SAVE_EVERY};
use crate::clock;

/// A running sampler. When dropped, it ends after its next sample.
#[must_use = "the sampler ends when it is dropped"]
pub struct Sampler {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Sampler {
    /// Samples now and then every ten seconds; `render` produces the text of the exposition. Must
    /// be called within a Tokio runtime.
    pub fn start<F>(metrics: Arc<Metrics>, render: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = String> + Send,
    {
        Self::start_with(metrics, render, clock::now)
    }

    /// Starts a sampler with a custom clock that returns microseconds since the Unix epoch.
    pub fn start_with<F>(
        metrics: Arc<Metrics>,
        render: impl Fn() -> F + Send + Sync + 'static,
        clock: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = String> + Send,
    {
        let (stop, mut stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let mut saved = clock();
            loop {
                let text = render().await;
                let now = clock();
                let is_due = now.saturating_sub(saved) >= SAVE_EVERY;
                saved = if is_due { now } else { saved };
                look(&metrics, text, now, is_due).await;
                let pause = tokio::time::sleep(until_next(clock()));
                let is_over = tokio::select! {
                    () = pause => false,
                    _ = stopped.wait_for(|stop| *stop) => true,
                };
                if is_over {
                    break;
                }
            }
            // What happened since the last look is not lost with the process.
            look(&metrics, render().await, clock(), true).await;
        });
        Self { stop, task }
    }

    /// Waits for the end of the task, which comes by a panic alone while nobody stops it. Not to be
    /// stopped afterwards.
    pub async fn ended(&mut self) {
        let _panicked = (&mut self.task).await;
    }

    /// Takes a last sample, saves the history and ends.
    pub async fn stop(self) {
        let _ended_already = self.stop.send(true);
        let _panicked = self.task.await;
    }
}

/// Reading the text takes a few milliseconds and saving longer, which no request should wait for.
async fn look(metrics: &Arc<Metrics>, text: String, now: i64, save: bool) {
    let metrics = Arc::clone(metrics);
    let looked = tokio::task::spawn_blocking(move || {
        metrics.observe(&text, now);
        if save {
            // It says in log and panel that it failed, and the next one is tried all the same.
            let _saved = metrics.save();
        }
    });
    if let Err(error) = looked.await {
        tracing::error!(error.message = %error, "a look at the metrics failed");
    }
}

/// The time to the next whole ten seconds, so that intervals of charts have as many looks each.
fn until_next(now: i64) -> Duration {
    let left = EVERY - now.rem_euclid(EVERY);
    Duration::from_micros(u64::try_from(left).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_and_the_last_look_are_kept() {
        let metrics = Arc::new(Metrics::new(&[]));
        let clock = {
            let time = std::sync::atomic::AtomicI64::new(0);
            move || time.fetch_add(3_000_000, std::sync::atomic::Ordering::Relaxed)
        };
        let render = async || "process_threads 7\nprocess_cpu_seconds_total 1.5\n".to_owned();
        let sampler = Sampler::start_with(Arc::clone(&metrics), render, clock);
        sampler.stop().await;
        let (first, last) = metrics.history().span().unwrap();
        assert!(first < last, "{first} {last}");
        assert_eq!(metrics.history().columns().len(), 2);
    }

    #[test]
    fn looks_are_at_whole_tens_of_seconds() {
        assert_eq!(until_next(12_000_000), Duration::from_secs(8));
        assert_eq!(until_next(20_000_000), Duration::from_secs(10));
        assert_eq!(until_next(-1), Duration::from_micros(1));
    }
}
