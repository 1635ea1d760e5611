//! How the runtime does: its threads and tasks, sampled at a scrape, and how late its timers fire, which
//! is measured all the time.

use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeMetrics};

use crate::metrics;

/// The timer whose delay is measured.
const PERIOD: Duration = Duration::from_millis(100);

/// Measures how late a timer fires, for as long as it is polled.
pub async fn watch_lag() {
    loop {
        let started = Instant::now();
        tokio::time::sleep(PERIOD).await;
        metrics::event_loop_lag(started.elapsed().saturating_sub(PERIOD));
    }
}

/// Sets the gauges of the runtime it is called in.
pub fn publish() {
    let runtime = Handle::current().metrics();
    metrics::sampled(&metrics::TOKIO_WORKERS, runtime.num_workers() as u64);
    metrics::sampled(&metrics::TOKIO_ALIVE_TASKS, runtime.num_alive_tasks() as u64);
    metrics::sampled(&metrics::TOKIO_GLOBAL_QUEUE_DEPTH, runtime.global_queue_depth() as u64);
}

/// Seconds that all workers together were busy since the start.
pub fn busy_seconds() -> f64 {
    let runtime: RuntimeMetrics = Handle::current().metrics();
    (0..runtime.num_workers())
        .map(|worker| runtime.worker_total_busy_duration(worker).as_secs_f64())
        .sum()
}
