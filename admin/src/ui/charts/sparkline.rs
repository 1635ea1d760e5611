//! Sparklines: tiny trends over a window.

use askama::Template;
use askama::filters::Safe;

/// Width and height of the drawing in its own units.
const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 20.0;
/// Bars of counts over time.
const BARS: usize = 30;

/// Data of the chart's template.
#[derive(Template)]
#[template(
    source = "<svg class=\"spark\" viewBox=\"0 0 120 20\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{{ label }}\">{% for (x, y, height) in bars %}<rect x=\"{{ x }}\" y=\"{{ y }}\" width=\"3\" height=\"{{ height }}\"/>{% endfor %}</svg>",
    ext = "html"
)]
pub struct Sparkline {
    bars: Vec<(String, String, String)>,
    label: String,
}

impl Sparkline {
    /// The rendered SVG, already escaped by its own template.
    pub fn svg(&self) -> Safe<&Self> {
        Safe(self)
    }

    /// How many of these times fall into each part of a window.
    pub fn of_times(times: &[i64], from: i64, to: i64) -> Self {
        let mut counts = [0_u32; BARS];
        let length = i128::from(to) - i128::from(from);
        for time in times {
            let at =
                ((i128::from(*time) - i128::from(from)) * BARS as i128).div_euclid(length.max(1));
            if let Some(count) = usize::try_from(at).ok().and_then(|at| counts.get_mut(at)) {
                *count += 1;
            }
        }
        Self::of_values(&counts.map(f64::from))
    }

    /// A bar per count, the largest as high as the drawing.
    #[expect(clippy::cast_precision_loss, reason = "a drawing is twenty units high")]
    pub fn of_counts(counts: &[u64]) -> Self {
        let values: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
        Self::of_values(&values)
    }

    /// A bar per value, the largest as high as the drawing.
    #[expect(clippy::cast_precision_loss, reason = "a drawing has a few bars")]
    pub fn of_values(values: &[f64]) -> Self {
        let max = values.iter().copied().fold(0.0, f64::max);
        let step = WIDTH / values.len().max(1) as f64;
        let bars = values.iter().enumerate().filter(|(_, value)| **value > 0.0);
        let bar = |(at, value): (usize, &f64)| {
            let height = (value / max * HEIGHT).max(1.5);
            let texts = (at as f64 * step, HEIGHT - height, height);
            (format!("{:.1}", texts.0), format!("{:.1}", texts.1), format!("{:.1}", texts.2))
        };
        Self { bars: bars.map(bar).collect(), label: format!("peak {max:.0} per bar") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Left edge and height of each bar.
    fn bars(spark: &Sparkline) -> Vec<(&str, &str)> {
        spark.bars.iter().map(|(x, _, height)| (&**x, &**height)).collect()
    }

    #[test]
    fn the_largest_is_as_high_as_the_drawing_and_nothing_has_no_bar() {
        let spark = Sparkline::of_counts(&[0, 5, 10, 0]);
        assert_eq!(bars(&spark), [("30.0", "10.0"), ("60.0", "20.0")]);
        assert_eq!(spark.label, "peak 10 per bar");
        assert!(bars(&Sparkline::of_counts(&[])).is_empty());
        assert!(bars(&Sparkline::of_counts(&[0, 0])).is_empty());
    }

    #[test]
    fn one_among_a_million_is_seen_and_stands_on_the_ground() {
        let spark = Sparkline::of_counts(&[1, 1_000_000]);
        let (_, y, height) = &spark.bars[0];
        assert_eq!((&**y, &**height), ("18.5", "1.5"));
    }

    #[test]
    fn times_fall_into_the_part_of_the_window_they_are_in() {
        let spark = Sparkline::of_times(&[0, 1, 1_499, 2_999], 0, 3_000);
        assert_eq!(bars(&spark), [("0.0", "20.0"), ("56.0", "10.0"), ("116.0", "10.0")]);
        // What is outside of it is not counted, and no window is too odd.
        assert!(bars(&Sparkline::of_times(&[-1, 3_000, i64::MAX], 0, 3_000)).is_empty());
        assert!(bars(&Sparkline::of_times(&[5], 5, 5)).len() <= 1);
        assert!(bars(&Sparkline::of_times(&[0], i64::MIN, i64::MAX)).len() == 1);
    }
}
