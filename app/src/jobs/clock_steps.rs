//! Steps of the clock: the scheduler keeps the time at which a job is due, so that after a clock that was ahead
//! nothing would run until that time comes. Such a due time is taken back, and a run that was missed is caught up
//! once.

use std::time::Duration;

use parking_lot::Mutex;
use tokio_cron_scheduler::Job as Tick;

use super::{Jobs, Runner, tick_of};
use crate::clock::{Clock, StepWatch, micros};

/// Pause between two looks at the clock.
const PAUSE: Duration = Duration::from_millis(500);
/// A due time may be so much further away than one period: the scheduler looks twice a second.
const SLACK: Duration = Duration::from_secs(5);

/// Watches for as long as it is polled.
pub(super) async fn watch(jobs: Jobs) {
    let Some((_, first)) = jobs.ticks.first() else { return std::future::pending().await };
    let clock = first.clock().clone();
    let mut steps = StepWatch::new(clock.clone());
    loop {
        tokio::time::sleep(PAUSE).await;
        let step = steps.look();
        if let Some(step) = step {
            clock.note_step();
            tracing::warn!(clock.step_us = step, "the clock was set; checking when jobs are due");
        }
        for (tick, runner) in jobs.ticks.iter() {
            let is_far = jobs.is_far(tick, runner).await;
            if step.is_none() && !is_far {
                continue;
            }
            if is_far {
                tracing::warn!(
                    job.name = runner.job().name,
                    "the job was due further away than one period; taking that back"
                );
            }
            runner.forget_tick();
            if let Err(error) = jobs.reschedule(tick, runner).await {
                tracing::error!(
                    job.name = runner.job().name,
                    error.message = %error,
                    "could not reschedule the job"
                );
            }
            runner.spawn_first();
        }
    }
}

impl Jobs {
    /// Whether the scheduler has the job due further away than one period. It knows the machine's clock alone.
    async fn is_far(&self, tick: &Mutex<Tick>, runner: &Runner) -> bool {
        let Some(next) = self.next_of(tick).await else { return false };
        let period = runner.job().schedule.interval();
        next.saturating_sub(Clock::default().now()) > micros(period + SLACK)
    }

    async fn reschedule(&self, tick: &Mutex<Tick>, runner: &Runner) -> anyhow::Result<()> {
        let (old, new) = (tick.lock().guid(), tick_of(runner)?);
        self.scheduler.remove(&old).await?;
        self.scheduler.add(new.clone()).await?;
        *tick.lock() = new;
        Ok(())
    }
}
