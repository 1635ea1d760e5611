//! Latencies of any number of requests in a little memory: a histogram of microseconds to two digits.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Latencies above a year are counted as a year, in microseconds.
const LONGEST: u64 = 366 * 86_400 * 1_000_000;
/// Significant digits: a percentile is up to 1 % too long.
const DIGITS: u8 = 2;

/// Latency histogram with the exact maximum beside it.
#[derive(Clone, Debug)]
pub struct Latencies {
    micros: Histogram<u64>,
    max: Duration,
}

impl Default for Latencies {
    fn default() -> Self {
        let micros = Histogram::new_with_max(LONGEST, DIGITS);
        Self { micros: micros.expect("a range and digits that are valid"), max: Duration::ZERO }
    }
}

impl Latencies {
    /// Records a latency.
    pub fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST);
        self.micros.saturating_record(micros);
        self.max = self.max.max(latency);
    }

    /// Adds all latencies of another histogram.
    pub fn merge(&mut self, other: &Self) {
        self.micros.add(&other.micros).expect("both have the same range");
        self.max = self.max.max(other.max);
    }

    /// Number of recorded latencies.
    pub fn count(&self) -> u64 {
        self.micros.len()
    }

    /// The longest latency, exactly.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The latency that this percentage of requests did not exceed, at most 1 % too high; zero without
    /// requests.
    pub fn percentile(&self, percent: u8) -> Duration {
        let micros = self.micros.value_at_percentile(percent.into());
        Duration::from_micros(micros).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_close_and_never_too_short() {
        let mut latencies = Latencies::default();
        for micros in 1..=100_000 {
            latencies.record(Duration::from_micros(micros));
        }
        for (percent, exact) in [(50, 50_000), (95, 95_000), (99, 99_000)] {
            let found = latencies.percentile(percent).as_micros();
            assert!((exact..=exact * 101 / 100).contains(&found), "p{percent} {found}");
        }
        assert_eq!(latencies.percentile(100), Duration::from_millis(100));
        assert_eq!(latencies.max(), Duration::from_millis(100));
    }

    #[test]
    fn any_latency_is_counted_and_none_has_no_percentile() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.percentile(99), Duration::ZERO);
        for latency in [Duration::ZERO, Duration::from_hours(24), Duration::MAX] {
            latencies.record(latency);
        }
        assert_eq!((latencies.count(), latencies.max()), (3, Duration::MAX));
        assert!(latencies.percentile(50) >= Duration::from_hours(24));
    }

    #[test]
    fn merged_is_as_if_recorded_together() {
        let (mut one, mut other) = (Latencies::default(), Latencies::default());
        one.record(Duration::from_millis(1));
        other.record(Duration::from_millis(9));
        one.merge(&other);
        assert_eq!((one.count(), one.max()), (2, Duration::from_millis(9)));
    }
}
