//! Percentiles of many numbers in little memory: exact for few, then counts in buckets that are 1.6 %
//! wide, so that a percentile is within 0.8 %.

use crate::percentile;

/// Number of values up to which the sketch is exact.
const EXACT: usize = 64;
/// Bits of the fraction that tell buckets apart.
const FRACTION_BITS: u32 = 6;
const SHIFT: u32 = f64::MANTISSA_DIGITS - 1 - FRACTION_BITS;

/// A percentile sketch: exact for up to 64 values, then within 0.8 %.
#[derive(Clone, Debug)]
pub struct Sketch {
    count: u64,
    least: f64,
    greatest: f64,
    exact: Vec<f64>,
    /// Key of the first bucket.
    base: i64,
    buckets: Vec<u32>,
}

impl Default for Sketch {
    fn default() -> Self {
        Self {
            count: 0,
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
            exact: Vec::new(),
            base: 0,
            buckets: Vec::new(),
        }
    }
}

/// Buckets in the order of their numbers.
fn key_of(number: f64) -> i64 {
    if number == 0.0 {
        return 0;
    }
    let magnitude = i64::try_from(number.abs().to_bits() >> SHIFT).unwrap_or(i64::MAX - 1) + 1;
    if number < 0.0 { -magnitude } else { magnitude }
}

/// The middle of a bucket.
fn number_of(key: i64) -> f64 {
    if key == 0 {
        return 0.0;
    }
    let low = f64::from_bits((key.unsigned_abs() - 1) << SHIFT);
    let high = f64::from_bits(key.unsigned_abs() << SHIFT);
    let middle = if high.is_finite() { low + (high - low) / 2.0 } else { low };
    if key < 0 { -middle } else { middle }
}

impl Sketch {
    /// Adds a number.
    pub fn add(&mut self, number: f64) {
        self.count += 1;
        self.least = self.least.min(number);
        self.greatest = self.greatest.max(number);
        if self.buckets.is_empty() {
            if self.exact.len() < EXACT {
                self.exact.push(number);
                return;
            }
            self.spill();
        }
        self.put(key_of(number), 1);
    }

    fn spill(&mut self) {
        for number in std::mem::take(&mut self.exact) {
            self.put(key_of(number), 1);
        }
    }

    fn put(&mut self, key: i64, count: u32) {
        if self.buckets.is_empty() {
            self.base = key;
        }
        if key < self.base {
            let missing = usize::try_from(self.base - key).unwrap_or(0);
            self.buckets.splice(0..0, std::iter::repeat_n(0, missing));
            self.base = key;
        }
        let at = usize::try_from(key - self.base).unwrap_or(0);
        if at >= self.buckets.len() {
            self.buckets.resize(at + 1, 0);
        }
        self.buckets[at] = self.buckets[at].saturating_add(count);
    }

    /// Merges another sketch.
    pub fn merge(&mut self, other: &Self) {
        if other.buckets.is_empty() {
            other.exact.iter().for_each(|number| self.add(*number));
            return;
        }
        self.spill();
        self.count += other.count;
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
        for (key, count) in (other.base..).zip(&other.buckets).filter(|(_, count)| **count > 0) {
            self.put(key, *count);
        }
    }

    /// Number of added values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The smallest number that so many percent of them do not exceed; `None` when there is none.
    pub fn percentile(&self, percent: f64) -> Option<f64> {
        if self.buckets.is_empty() {
            let mut sorted = self.exact.clone();
            sorted.sort_by(f64::total_cmp);
            return percentile::of_sorted(&sorted, percent);
        }
        let rank = percentile::nearest_rank(percent, self.count);
        let mut seen = 0;
        let mut keys = (self.base..).zip(&self.buckets);
        let found = keys.find(|(_, count)| {
            seen += u64::from(**count);
            seen >= rank
        });
        found.map(|(key, _)| number_of(key).clamp(self.least, self.greatest))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn percentiles_are_within_two_percent(
            numbers in prop::collection::vec(prop_oneof![-1e6..1e9_f64, 0.0..10.0_f64, Just(0.0)], 1..400),
            split in 0_usize..400,
            percent in 0.0..100.0_f64,
        ) {
            let (mut left, mut right) = (Sketch::default(), Sketch::default());
            let split = split.min(numbers.len());
            numbers[..split].iter().for_each(|number| left.add(*number));
            numbers[split..].iter().for_each(|number| right.add(*number));
            left.merge(&right);
            let mut sorted = numbers.clone();
            sorted.sort_by(f64::total_cmp);
            let mut few = Sketch { exact: sorted.clone(), ..left.clone() };
            few.buckets.clear();
            let exact = few.percentile(percent).unwrap();
            let found = left.percentile(percent).unwrap();
            prop_assert_eq!(left.count(), numbers.len() as u64);
            prop_assert!((found - exact).abs() <= exact.abs() * 0.02, "{} {}", found, exact);
        }
    }
}
