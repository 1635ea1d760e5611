//! Latencies of any number of requests in a little memory: buckets that are 1/32 of their size wide.

use std::time::Duration;

/// Steps between two powers of two.
const STEPS: u64 = 32;
const STEP_BITS: u32 = STEPS.ilog2();
/// Number of buckets, enough for all of `u64`.
const BUCKETS: usize = 64 * 32;

/// Latency histogram with buckets of microseconds.
#[derive(Clone, Debug)]
pub struct Latencies {
    buckets: Box<[u64]>,
    count: u64,
    max: Duration,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS].into(), count: 0, max: Duration::ZERO }
    }
}

impl Latencies {
    /// Records a latency.
    pub fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(micros)] += 1;
        self.count += 1;
        self.max = self.max.max(latency);
    }

    /// Adds all latencies of another histogram.
    pub fn merge(&mut self, other: &Self) {
        for (sum, count) in self.buckets.iter_mut().zip(&other.buckets) {
            *sum += count;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// Number of recorded latencies.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// Of a hundred, so many were at most this long; up to 3 % too long. Zero when there are none.
    pub fn percentile(&self, percent: u64) -> Duration {
        let rank = (self.count * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_micros(upper_bound(index)).min(self.max);
            }
        }
        self.max
    }
}

fn bucket(micros: u64) -> usize {
    let power = micros.max(1).ilog2();
    let index = match power.checked_sub(STEP_BITS) {
        None => micros,
        Some(shift) => (u64::from(shift) + 1) * STEPS + (micros >> shift) - STEPS,
    };
    usize::try_from(index).unwrap_or(BUCKETS - 1).min(BUCKETS - 1)
}

fn upper_bound(index: usize) -> u64 {
    let index = index as u64;
    if index < STEPS {
        return index;
    }
    let shift = index / STEPS - 1;
    ((STEPS + index % STEPS) << shift) + ((1 << shift) - 1)
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
            assert!((exact..=exact * 103 / 100).contains(&found), "p{percent} {found}");
        }
        assert_eq!(latencies.percentile(100), Duration::from_millis(100));
        assert_eq!(latencies.max(), Duration::from_millis(100));
    }

    #[test]
    fn every_latency_has_its_bucket() {
        for micros in (0..64).map(|power| 1_u64 << power).flat_map(|p| [p - 1, p, p + p / 3]) {
            let index = bucket(micros);
            assert!(upper_bound(index) >= micros, "{micros}");
            assert!(index == 0 || upper_bound(index - 1) < micros, "{micros}");
        }
        assert_eq!(Latencies::default().percentile(99), Duration::ZERO);
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
