//! Wall-clock time for retention, distrusted after a jump: a clock that is suddenly a year ahead must
//! not delete everything that was kept.

use std::time::{Duration, Instant};

/// A jump of more than this needs confirmation.
pub const JUMP: i64 = 60 * 60 * 1_000_000;
/// A clock that runs on evenly for as long as it jumped is believed, within these bounds.
const CONFIRMATION: [Duration; 2] = [Duration::from_mins(10), Duration::from_hours(24)];

/// Decides whether the wall clock can be believed.
#[derive(Debug)]
pub struct Clock {
    /// Last reading of both clocks.
    last: (i64, Instant),
    /// When the wall clock was last set by more than [`JUMP`], and how long it is distrusted.
    jumped: Option<(Instant, Duration)>,
}

impl Clock {
    /// A clock, given the newest timestamp that is stored: after a long pause the time is as doubtful
    /// as after a jump.
    pub fn new(newest: Option<i64>, wall: i64, monotonic: Instant) -> Self {
        let distance = newest.map_or(0, |newest| newest.abs_diff(wall));
        Self { last: (wall, monotonic), jumped: doubt(distance, monotonic) }
    }

    /// The wall-clock time; `None` while it is not to be believed.
    pub fn trusted(&mut self, wall: i64, monotonic: Instant) -> Option<i64> {
        let passed = monotonic.saturating_duration_since(self.last.1);
        let passed = i64::try_from(passed.as_micros()).unwrap_or(i64::MAX);
        let expected = self.last.0.saturating_add(passed);
        if let Some(jump) = doubt(expected.abs_diff(wall), monotonic) {
            // Back again is a jump as well: the longer doubt stays.
            let longest = self.jumped.map_or(jump.1, |(_, doubt)| doubt.max(jump.1));
            self.jumped = Some((monotonic, longest));
        }
        self.last = (wall, monotonic);
        let is_over = |(at, doubt): (Instant, Duration)| monotonic.duration_since(at) >= doubt;
        self.jumped = self.jumped.filter(|jump| !is_over(*jump));
        self.jumped.is_none().then_some(wall)
    }
}

/// How long a clock is distrusted from now on that jumped by so many microseconds.
fn doubt(jump: u64, now: Instant) -> Option<(Instant, Duration)> {
    let [least, most] = CONFIRMATION;
    (jump > JUMP.unsigned_abs()).then(|| (now, Duration::from_micros(jump).clamp(least, most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    #[test]
    fn a_clock_that_jumped_is_believed_after_it_ran_evenly_for_as_long() {
        let start = Instant::now();
        let at = |minutes: u64| start + Duration::from_mins(minutes);
        let mut clock = Clock::new(Some(1_000 * MINUTE), 1_000 * MINUTE, start);
        assert_eq!(clock.trusted(1_005 * MINUTE, at(5)), Some(1_005 * MINUTE));
        // Two hours ahead.
        assert_eq!(clock.trusted(1_126 * MINUTE, at(6)), None);
        assert_eq!(clock.trusted(1_244 * MINUTE, at(124)), None);
        assert_eq!(clock.trusted(1_246 * MINUTE, at(126)), Some(1_246 * MINUTE));
        // Years ahead, and back after ten minutes: a day.
        assert_eq!(clock.trusted(900_000 * MINUTE, at(127)), None);
        assert_eq!(clock.trusted(1_257 * MINUTE, at(137)), None);
        assert_eq!(clock.trusted(2_696 * MINUTE, at(1_576)), None);
        assert_eq!(clock.trusted(2_698 * MINUTE, at(1_578)), Some(2_698 * MINUTE));
    }

    #[test]
    fn after_a_long_pause_the_time_is_doubtful() {
        let start = Instant::now();
        let mut clock = Clock::new(Some(0), 100_000 * MINUTE, start);
        assert_eq!(clock.trusted(100_000 * MINUTE, start), None);
        assert_eq!(Clock::new(None, 5, start).trusted(5, start), Some(5));
    }
}
