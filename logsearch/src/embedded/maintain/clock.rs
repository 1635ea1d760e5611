//! Wall-clock time for retention, distrusted after a jump: a clock that is suddenly a year ahead must
//! not delete everything that was kept.

use std::time::{Duration, Instant};

/// A jump of more than this needs confirmation.
const JUMP: i64 = 60 * 60 * 1_000_000;
/// A clock that runs on evenly for this long after a jump is believed.
const CONFIRMATION: Duration = Duration::from_mins(10);

/// Decides whether the wall clock can be believed.
#[derive(Debug)]
pub struct Clock {
    /// Last reading of both clocks.
    last: (i64, Instant),
    /// When the wall clock was last set by more than [`JUMP`].
    jumped: Option<Instant>,
}

impl Clock {
    /// A clock, given the newest timestamp that is stored: after a long pause the time is as doubtful
    /// as after a jump.
    pub fn new(newest: Option<i64>, wall: i64, monotonic: Instant) -> Self {
        let far = newest.is_some_and(|newest| newest.abs_diff(wall) > JUMP.unsigned_abs());
        Self { last: (wall, monotonic), jumped: far.then_some(monotonic) }
    }

    /// The wall-clock time, or an estimate if the clock jumped.
    pub fn trusted(&mut self, wall: i64, monotonic: Instant) -> Option<i64> {
        let passed = monotonic.saturating_duration_since(self.last.1);
        let passed = i64::try_from(passed.as_micros()).unwrap_or(i64::MAX);
        let expected = self.last.0.saturating_add(passed);
        if expected.abs_diff(wall) > JUMP.unsigned_abs() {
            self.jumped = Some(monotonic);
        }
        self.last = (wall, monotonic);
        if self.jumped.is_some_and(|at| monotonic.duration_since(at) >= CONFIRMATION) {
            self.jumped = None;
        }
        self.jumped.is_none().then_some(wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    #[test]
    fn a_clock_that_jumped_is_believed_after_ten_even_minutes() {
        let start = Instant::now();
        let at = |minutes: u64| start + Duration::from_mins(minutes);
        let mut clock = Clock::new(Some(1_000 * MINUTE), 1_000 * MINUTE, start);
        assert_eq!(clock.trusted(1_005 * MINUTE, at(5)), Some(1_005 * MINUTE));
        assert_eq!(clock.trusted(900_000 * MINUTE, at(6)), None);
        assert_eq!(clock.trusted(900_009 * MINUTE, at(15)), None);
        assert_eq!(clock.trusted(900_010 * MINUTE, at(16)), Some(900_010 * MINUTE));
        // Back again: doubtful again.
        assert_eq!(clock.trusted(1_017 * MINUTE, at(17)), None);
    }

    #[test]
    fn after_a_long_pause_the_time_is_doubtful() {
        let start = Instant::now();
        let mut clock = Clock::new(Some(0), 100_000 * MINUTE, start);
        assert_eq!(clock.trusted(100_000 * MINUTE, start), None);
        assert_eq!(Clock::new(None, 5, start).trusted(5, start), Some(5));
    }
}
