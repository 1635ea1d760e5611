//! What a chart marks besides what it counts: alerts and deployments of its window.

use logsearch::store::TimeRange;

use crate::context::links::{Links, View};
use crate::context::panel::Panel;
use crate::data::summary::Timeline;
use crate::data::timeline::WindowEvents;
use crate::format;
use crate::host::{Alert, Deploy};
use crate::ui::charts::{Band, Histogram, Line, Marks};

/// The marks of the view's window.
pub async fn of_window(panel: &Panel, view: &View) -> Marks {
    let range = view.window.range();
    marks(&WindowEvents::within(panel, range).await, range, view.window.now, &panel.links)
}

/// The histogram of a page's records with what happened meanwhile; a bar leads to the page of its interval.
pub fn histogram(
    timeline: &Timeline,
    marks: Marks,
    view: &View,
    links: &Links,
    path: &str,
) -> Histogram {
    Histogram::new(&timeline.buckets, timeline.interval, view, links, path).marked(marks)
}

fn marks(events: &WindowEvents, range: TimeRange, now: i64, links: &Links) -> Marks {
    let span = range.to.saturating_sub(range.from);
    let alerts = events.alerts.iter();
    let alerts = alerts.filter(|alert| !alert.is_heartbeat() && !alert.is_evaluation_failure());
    Marks {
        bands: alerts.map(|alert| band(alert, range, now, span, links)).collect(),
        lines: events.deploys.iter().map(|deploy| line(deploy, now, span, links)).collect(),
        notices: events.notices.clone(),
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

fn line(deploy: &Deploy, now: i64, span: i64, links: &Links) -> Line {
    Line {
        at: deploy.at,
        label: deploy.label(),
        when: format::tick(deploy.at, span),
        note: deploy.note.clone(),
        compare: links.compare_since(deploy.at, now),
    }
}
