//! The time of day. Everything that stores or compares wall-clock times asks a [`Clock`], so that
//! tests move time instead of waiting for it. Durations are measured with `Instant`, not here.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

/// The system's clock plus a shift, 0 outside tests. Clones share the shift, and when the clock was last set.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    shift: Arc<AtomicI64>,
    set_at: Arc<Mutex<Option<Instant>>>,
}

impl Clock {
    /// The current time in microseconds since the Unix epoch.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        micros(since_epoch) + self.shift.load(Ordering::Relaxed)
    }

    /// Advances this clock and its clones.
    pub fn advance(&self, by: Duration) {
        self.shift.fetch_add(micros(by), Ordering::Relaxed);
    }

    /// Turns this clock and its clones back.
    pub fn turn_back(&self, by: Duration) {
        self.shift.fetch_sub(micros(by), Ordering::Relaxed);
    }

    /// Notes that somebody set the clock of the machine.
    pub fn note_step(&self) {
        *self.set_at.lock() = Some(Instant::now());
    }

    /// How long ago the clock of the machine was set; `None` if it never was while this process ran.
    pub fn since_step(&self) -> Option<Duration> {
        self.set_at.lock().map(|at| at.elapsed())
    }
}

/// Tells when a clock was set, by comparing it with one that nobody can set.
#[derive(Debug)]
pub struct StepWatch {
    clock: Clock,
    seen: (i64, Instant),
}

/// The clock of a machine drifts and is corrected by less than this between two looks.
const TOLERANCE: i64 = 2_000_000;

impl StepWatch {
    /// Begins now.
    pub fn new(clock: Clock) -> Self {
        let seen = (clock.now(), Instant::now());
        Self { clock, seen }
    }

    /// By how many microseconds the clock was set forward, or back when negative, since the last look; `None`
    /// when it was not. A machine that slept looks as if its clock had been set forward.
    pub fn look(&mut self) -> Option<i64> {
        let (before, began) = self.seen;
        self.seen = (self.clock.now(), Instant::now());
        let passed = micros(self.seen.1.saturating_duration_since(began));
        let step = self.seen.0.saturating_sub(before).saturating_sub(passed);
        (step.saturating_abs() > TOLERANCE).then_some(step)
    }
}

/// A duration in microseconds, at most `i64::MAX`.
pub fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_in_both_directions_are_told_once() {
        let clock = Clock::default();
        let mut watch = StepWatch::new(clock.clone());
        assert_eq!(watch.look(), None);
        let hour = Duration::from_hours(1);
        for by in [hour, 24 * hour, 30 * 24 * hour, 20 * 365 * 24 * hour] {
            let off = |step: Option<i64>, wanted: i64| (step.unwrap() - wanted).abs() < TOLERANCE;
            clock.advance(by);
            assert!(off(watch.look(), micros(by)));
            assert_eq!(watch.look(), None);
            clock.turn_back(by);
            assert!(off(watch.look(), -micros(by)));
            assert_eq!(watch.look(), None);
        }
    }
}
