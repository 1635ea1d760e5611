//! What happened besides what a chart counts: alerts as bands, deployments as lines. Drawn into the
//! charts of the server, listed as text below them, and as JSON for charts that scripts draw.

use logsearch::store::TimeRange;
use serde::Serialize;

use crate::context::links::Links;
use crate::data::timeline::Happened;
use crate::format;
use crate::host::{Alert, Deploy};

/// Alerts that only prove that alerting works have this severity.
const HEARTBEAT: &str = "none";

/// Alerts named at first glance.
const NAMED: usize = 6;

/// The marks of a window. Serialized, times are microseconds since the Unix epoch.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Marks {
    /// Alerts, the newest start first, cut to the window.
    pub bands: Vec<Band>,
    /// Deployments, the newest first.
    pub lines: Vec<Line>,
    /// What is missing.
    #[serde(skip)]
    pub notices: Vec<String>,
}

/// A span of time.
#[derive(Clone, Debug, Serialize)]
pub struct Band {
    /// Its first microsecond inside the window.
    pub from: i64,
    /// The first behind it.
    pub to: i64,
    /// Whether it has not ended.
    pub firing: bool,
    /// `HighErrorRate`.
    pub label: String,
    /// `12:34 – 12:40`, `since 12:34`.
    pub when: String,
    /// The page about it.
    pub url: String,
}

/// A point in time.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// When.
    pub at: i64,
    /// `1.4.2 (1a2b3c)`.
    pub label: String,
    /// `12:31`.
    pub when: String,
    /// What somebody said about it.
    pub note: String,
}

impl Marks {
    /// The marks of what happened in a range.
    pub fn new(happened: &Happened, range: TimeRange, now: i64, links: &Links) -> Self {
        let span = range.to.saturating_sub(range.from);
        let alerts = happened.alerts.iter().filter(|alert| alert.label("severity") != HEARTBEAT);
        Self {
            bands: alerts.map(|alert| band(alert, range, now, span, links)).collect(),
            lines: happened.deploys.iter().map(|deploy| line(deploy, span)).collect(),
            notices: happened.notices.clone(),
        }
    }

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

fn band(alert: &Alert, range: TimeRange, now: i64, span: i64, links: &Links) -> Band {
    let since = format::tick(alert.started, span);
    Band {
        from: alert.started.max(range.from),
        to: alert.ended.unwrap_or(now).min(range.to),
        firing: alert.ended.is_none(),
        label: alert.rule.clone(),
        when: match alert.ended {
            Some(ended) => format!("{since} – {}", format::tick(ended, span)),
            None => format!("since {since}"),
        },
        url: links.alert(&alert.rule, Some(alert.id)),
    }
}

fn line(deploy: &Deploy, span: i64) -> Line {
    Line {
        at: deploy.at,
        label: version(deploy),
        when: format::tick(deploy.at, span),
        note: deploy.note.clone(),
    }
}

/// `1.4.2 (1a2b3c)`.
pub fn version(deploy: &Deploy) -> String {
    match (deploy.version.as_str(), deploy.revision.as_str()) {
        (version, "") => version.to_owned(),
        ("", revision) => revision.to_owned(),
        (version, revision) => format!("{version} ({revision})"),
    }
}
