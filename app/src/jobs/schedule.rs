//! When a job ticks: a period and a time within it. The cron expression of the scheduler, the interval of
//! metrics and alerts, and the numbers of ticks that replicas share all follow from these two.

use std::time::Duration;

use crate::clock::micros;

/// A tick in each period, at the same time of it, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    period: Duration,
    offset: Duration,
}

impl Schedule {
    /// Ticks at the start of each period.
    ///
    /// # Panics
    /// For a period that cron cannot say: whole seconds that divide a minute, minutes that divide an
    /// hour, hours that divide a day.
    pub const fn every(period: Duration) -> Self {
        let seconds = period.as_secs();
        let unit = match seconds {
            ..60 => 60,
            60..3_600 => 3_600,
            _ => 86_400,
        };
        let step = unit / if unit == 86_400 { 24 } else { 60 };
        assert!(period.subsec_nanos() == 0 && seconds > 0);
        assert!(seconds.is_multiple_of(step) && unit % seconds == 0);
        Self { period, offset: Duration::ZERO }
    }

    /// Ticks so long after the start of each period.
    ///
    /// # Panics
    /// For a time that is not within the period.
    #[must_use]
    pub const fn at(self, offset: Duration) -> Self {
        assert!(offset.as_secs() < self.period.as_secs());
        Self { offset, ..self }
    }

    /// The time from one tick to the next.
    pub const fn interval(self) -> Duration {
        self.period
    }

    /// The expression of the scheduler: second, minute, hour, and every day.
    pub fn cron(self) -> String {
        let (period, offset) = (self.period.as_secs(), self.offset.as_secs());
        // From the first tick of the larger unit on; a period of the whole unit leaves one.
        let field = |unit: u64, count: u64| {
            let (first, step) = (offset / unit % count, period / unit);
            match step {
                0 => first.to_string(),
                step if step < count => format!("{first}/{step}"),
                _ => first.to_string(),
            }
        };
        let any_above =
            |unit: u64, field: String| if period <= unit { "*".to_owned() } else { field };
        let second = field(1, 60);
        let minute = any_above(60, field(60, 60));
        let hour = any_above(3_600, field(3_600, 24));
        format!("{second} {minute} {hour} * * *")
    }

    /// The number of the last tick at this time, in microseconds since the Unix epoch.
    pub fn tick(self, now: i64) -> i64 {
        (now - micros(self.offset)).div_euclid(micros(self.period))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn a_schedule_reads_as_cron() {
        let seconds = Duration::from_secs;
        for (schedule, cron) in [
            (Schedule::every(seconds(1)), "0/1 * * * * *"),
            (Schedule::every(seconds(15)), "0/15 * * * * *"),
            (Schedule::every(seconds(60)), "0 * * * * *"),
            (Schedule::every(seconds(60)).at(seconds(30)), "30 * * * * *"),
            (Schedule::every(seconds(600)), "0 0/10 * * * *"),
            (Schedule::every(seconds(600)).at(seconds(75)), "15 1/10 * * * *"),
            (Schedule::every(seconds(3_600)).at(seconds(75)), "15 1 * * * *"),
            (Schedule::every(seconds(6 * 3_600)), "0 0 0/6 * * *"),
            (Schedule::every(DAY).at(seconds(9_600)), "0 40 2 * * *"),
        ] {
            assert_eq!(schedule.cron(), cron);
        }
    }

    #[test]
    fn a_tick_has_one_number_from_its_time_to_the_next() {
        let nightly = Schedule::every(DAY).at(Duration::from_hours(3));
        let hour = |hour: u64| micros(Duration::from_hours(hour));
        assert_eq!(nightly.tick(hour(24 + 3) - 1), 0);
        assert_eq!(nightly.tick(hour(24 + 3)), 1);
        assert_eq!(nightly.tick(hour(48 + 3) - 1), 1);
    }
}
