//! What happened besides what a chart counts: alerts as bands, deployments as lines. Drawn into the
//! charts of the server, listed as text below them, and as JSON for charts that scripts draw.

use serde::Serialize;

/// Alerts named at first glance.
const NAMED: usize = 6;

/// The marks of a window. Serialized, times are microseconds since the Unix epoch.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Marks {
    /// Alerts, the newest start first, cut to the window.
    pub bands: Vec<Band>,
    /// Deployments, the newest first.
    pub lines: Vec<Line>,
    /// Notices about missing events.
    #[serde(skip)]
    pub notices: Vec<String>,
}

/// An alert as a band on the chart.
#[derive(Clone, Debug, Serialize)]
pub struct Band {
    /// Start inside the window, in microseconds since the Unix epoch.
    pub from: i64,
    /// End, exclusive, in microseconds since the Unix epoch.
    pub to: i64,
    /// Whether the alert is still firing.
    pub firing: bool,
    /// `HighErrorRate`.
    pub label: String,
    /// `12:34 – 12:40`, `since 12:34`.
    pub when: String,
    /// URL of the alert's page.
    pub url: String,
}

/// A deployment as a line on the chart.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Time of the deployment, in microseconds since the Unix epoch.
    pub at: i64,
    /// `1.4.2 (1a2b3c)`.
    pub label: String,
    /// `12:31`.
    pub when: String,
    /// Note of the deployment.
    pub note: String,
    /// URL of the comparison of before and after.
    #[serde(skip)]
    pub compare: String,
}

impl Marks {
    /// The bands as they are drawn: those that overlap or touch as one, or many alerts at a time would
    /// cover what the chart is about. First and last microsecond, and which alerts it stands for.
    pub fn spans(&self) -> Vec<(i64, i64, String)> {
        let mut bands: Vec<&Band> = self.bands.iter().collect();
        bands.sort_by_key(|band| band.from);
        let mut spans: Vec<(i64, i64, String)> = Vec::new();
        for band in bands {
            let title = format!("alert {}, {}", band.label, band.when);
            match spans.last_mut() {
                Some((_, to, titles)) if *to >= band.from => {
                    *to = band.to.max(*to);
                    titles.push_str("; ");
                    titles.push_str(&title);
                }
                _ => spans.push((band.from, band.to, title)),
            }
        }
        spans
    }

    /// The bands that are named at first glance, and those behind them.
    pub fn named(&self) -> (&[Band], &[Band]) {
        self.bands.split_at(self.bands.len().min(NAMED))
    }

    /// Whether there is nothing to mark.
    pub fn is_empty(&self) -> bool {
        self.bands.is_empty() && self.lines.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn band(label: &str, from: i64, to: i64) -> Band {
        let (label, when) = (label.to_owned(), format!("{from} – {to}"));
        Band { from, to, firing: false, label, when, url: String::new() }
    }

    fn marks(bands: &[(&str, i64, i64)]) -> Marks {
        let bands = bands.iter().map(|(label, from, to)| band(label, *from, *to)).collect();
        Marks { bands, ..Marks::default() }
    }

    /// The spans without their titles.
    fn spans(bands: &[(&str, i64, i64)]) -> Vec<(i64, i64)> {
        marks(bands).spans().into_iter().map(|(from, to, _)| (from, to)).collect()
    }

    #[test]
    fn bands_that_overlap_or_touch_are_drawn_as_one() {
        assert_eq!(spans(&[("a", 10, 20), ("b", 0, 10)]), [(0, 20)]);
        assert_eq!(spans(&[("a", 0, 100), ("b", 10, 20), ("c", 90, 95)]), [(0, 100)]);
        assert_eq!(spans(&[("a", 0, 10), ("b", 11, 20)]), [(0, 10), (11, 20)]);
        assert_eq!(spans(&[]), []);
    }

    #[test]
    fn a_span_names_every_alert_it_stands_for_in_the_order_they_began() {
        let spans = marks(&[("late", 5, 9), ("early", 0, 6)]).spans();
        assert_eq!(spans[0].2, "alert early, 0 – 6; alert late, 5 – 9");
    }

    #[test]
    fn a_few_are_named_at_first_glance_and_none_is_lost() {
        let many: Vec<_> = (0..9).map(|at| ("x", at * 10, at * 10 + 5)).collect();
        let marks = marks(&many);
        let (named, others) = marks.named();
        assert_eq!((named.len(), others.len()), (NAMED, 9 - NAMED));
        assert!(!marks.is_empty() && Marks::default().is_empty());
    }
}
