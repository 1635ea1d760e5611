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
