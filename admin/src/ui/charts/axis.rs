//! An axis from zero up, with round numbers on it.

use crate::metrics::Measure;

/// Equal steps from zero to a round top.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    step: f64,
    steps: u32,
}

/// The most steps of an axis.
const STEPS: f64 = 4.0;

impl Axis {
    /// The smallest axis that holds this value.
    pub fn up_to(max: f64, measure: Measure) -> Self {
        if !max.is_finite() || max <= 0.0 {
            return Self { step: least(measure), steps: 1 };
        }
        let step = match measure {
            Measure::Bytes | Measure::BytesPerSecond => (max / STEPS).log2().ceil().exp2().max(1.0),
            // Half a thing is none.
            Measure::Count if max > 2.0 => round(max / STEPS).max(1.0),
            _ => round(max / STEPS),
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 4")]
        let steps = (max / step - 1e-9).ceil().clamp(1.0, STEPS) as u32;
        Self { step, steps }
    }

    /// The highest value.
    pub fn top(&self) -> f64 {
        self.step * f64::from(self.steps)
    }

    /// The values with a label, from the top to zero.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        let step = self.step;
        (0..=self.steps).rev().map(move |n| f64::from(n) * step)
    }

    /// The same as shares of the top.
    pub fn shares(&self) -> impl Iterator<Item = f64> {
        let top = self.top();
        self.values().map(move |value| value / top)
    }

    /// Their labels, from the top down.
    pub fn labels(&self, measure: Measure) -> Vec<String> {
        self.values().map(|value| measure.show(value)).collect()
    }
}

/// The top of an axis on which nothing happened.
fn least(measure: Measure) -> f64 {
    match measure {
        Measure::Seconds => 0.001,
        Measure::Bytes | Measure::BytesPerSecond => 1024.0,
        Measure::Share => 0.01,
        Measure::Count | Measure::PerSecond => 1.0,
    }
}

/// The smallest of 1, 2, 2.5 and 5 times a power of ten that is not less.
fn round(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let factors = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter();
    factors.map(|factor| factor * power).find(|step| *step >= least * (1.0 - 1e-9)).unwrap_or(least)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_are_round() {
        let labels = |max, measure| Axis::up_to(max, measure).labels(measure);
        assert_eq!(labels(0.0, Measure::PerSecond), ["1/s", "0/s"]);
        assert_eq!(labels(1.0, Measure::Count), ["1", "0.75", "0.5", "0.25", "0"]);
        assert_eq!(labels(7.0, Measure::Count), ["8", "6", "4", "2", "0"]);
        assert_eq!(labels(3.0, Measure::Count), ["3", "2", "1", "0"]);
        assert_eq!(labels(0.0831, Measure::Seconds), ["100 ms", "75 ms", "50 ms", "25 ms", "0 s"]);
        let bytes = labels(96.0 * 1_048_576.0, Measure::Bytes);
        assert_eq!(bytes, ["96 MiB", "64 MiB", "32 MiB", "0 B"]);
    }

    proptest! {
        #[test]
        fn every_value_fits_and_uses_its_axis(max in 1e-9..1e15_f64) {
            for measure in [Measure::Count, Measure::Seconds, Measure::Bytes, Measure::Share] {
                let axis = Axis::up_to(max, measure);
                prop_assert!(axis.top() >= max * 0.999_999, "{axis:?}");
                prop_assert!(axis.top() <= (max * 2.6).max(4.0), "{axis:?}");
                prop_assert!(axis.values().count() <= 5);
            }
        }
    }
}
