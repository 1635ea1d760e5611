//! What the host knows of a rule: its words, the times that it fired, and the one that its page is about.

use super::response::{MAX_NOTE, RunbookView};
use super::{lasts, telling_labels};
use crate::context::links::Links;
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::context::window::{Bound, Window};
use crate::data::timeline::or_notice;
use crate::format::{self, SECOND};
use crate::host::{Alert, Alerts, Rule};

/// How long before the alert its window starts, in microseconds.
const BEFORE: i64 = 15 * 60 * SECOND;
/// Firings of a rule listed.
const TIMES: usize = 50;

/// Where a note goes, for who may acknowledge.
pub struct AcknowledgeForm {
    pub action: String,
    pub id: i64,
    pub max_note: usize,
}

/// State of the selected firing.
pub struct AlertState {
    pub fires: bool,
    pub text: String,
    pub started: String,
    pub last_received: String,
}

/// A row of the firing history.
pub struct TimeRow {
    pub url: String,
    pub when: String,
    pub lasts: String,
    pub fires: bool,
    pub labels: Vec<(String, String)>,
    pub is_here: bool,
}

/// A rule, its firings and the selected one.
pub struct Known {
    pub name: String,
    pub rule: Option<Rule>,
    pub times: Vec<Alert>,
    pub chosen: Option<Alert>,
    /// The alert that says that the rule cannot be evaluated.
    pub failure: Option<Alert>,
    pub runbook: RunbookView,
    pub can_acknowledge: bool,
    pub notices: Vec<String>,
}

impl Known {
    /// The rule of this name, its alerts, and the one with this number or else the newest.
    pub async fn find(panel: &Panel, name: String, at: Option<&str>) -> Self {
        let mut known = Self::nothing(name);
        if let Some(host) = panel.host.alerts() {
            let all =
                or_notice(host.of_rule(&known.name, TIMES).await, "alerts", &mut known.notices);
            let failed;
            (failed, known.times) = all.into_iter().partition(Alert::is_evaluation_failure);
            known.note_failure(failed, panel.now());
            known.runbook = RunbookView::new(host, &known.name, &panel.links);
            known.can_acknowledge = host.can_acknowledge();
            known.chosen = known.asked_or_newest(host, at.and_then(|at| at.parse().ok())).await;
            known.rule = host.rules().into_iter().find(|rule| rule.name == known.name);
        }
        known.say_what_is_missing(panel.host.alerts().is_some());
        known
    }

    fn nothing(name: String) -> Self {
        Self {
            name,
            rule: None,
            times: Vec::new(),
            chosen: None,
            failure: None,
            runbook: RunbookView::default(),
            can_acknowledge: false,
            notices: Vec::new(),
        }
    }

    /// A rule that cannot be evaluated does not fire, and does not not fire.
    fn note_failure(&mut self, failed: Vec<Alert>, now: i64) {
        self.failure = failed.into_iter().find(|alert| alert.ended.is_none());
        if let Some(failure) = &self.failure {
            self.notices.push(format!(
                "Alerting is blind: this rule could not be evaluated since {} ({}). Whether it fires is \
                 unknown.",
                format::ago(failure.started, now),
                failure.label("alertname")
            ));
        }
    }

    /// The firing with this id, or else the newest.
    async fn asked_or_newest(&mut self, host: &dyn Alerts, asked: Option<i64>) -> Option<Alert> {
        let listed = self.times.iter().find(|alert| Some(alert.id) == asked);
        if let (None, Some(id)) = (listed, asked) {
            let found = or_notice(host.find(id).await, "alert", &mut self.notices);
            let found = found.filter(|alert| alert.rule == self.name);
            if found.is_some() {
                return found;
            }
            if self.notices.is_empty() {
                let text = "This alert has been deleted after its retention period.";
                self.notices.push(text.to_owned());
            }
        }
        // What fires is of more interest than what began later and ended.
        let newest =
            || self.times.iter().find(|alert| alert.ended.is_none()).or(self.times.first());
        listed.or_else(newest).cloned()
    }

    fn say_what_is_missing(&mut self, is_kept: bool) {
        if self.chosen.is_some() || !self.notices.is_empty() {
            return;
        }
        let text = match (&self.rule, is_kept) {
            (Some(_), _) => "No firing of this rule is recorded. Showing the last hour.",
            (None, true) => {
                "Unknown rule: it is not configured here, and no notification for it was received. \
                 Showing the last hour."
            }
            (None, false) => {
                "This service does not pass its alerts to the panel. Showing the last hour."
            }
        };
        self.notices.push(text.to_owned());
    }

    /// The window: from 15 minutes before the firing to its end, unless the URL has one.
    pub fn window(&self, params: &Params, now: i64) -> Window {
        if params.get("from").is_some() || params.get("to").is_some() {
            return params.window(now);
        }
        let Some(alert) = &self.chosen else { return params.window(now) };
        let from = Bound::At(alert.started.saturating_sub(BEFORE));
        let to = alert.ended.map_or(Bound::Ago(0), Bound::At);
        Window { from, to, now, is_misread: false, is_implied: false }
    }

    /// Path of this page without its window; keeps the selected firing.
    pub fn path(&self, at: Option<&str>) -> String {
        let chosen = self.chosen.as_ref().filter(|_| at.is_some());
        Links::alert_path(&self.name, chosen.map(|alert| alert.id))
    }

    /// An annotation of the notification, or of the rule as fallback.
    pub fn text(&self, annotation: &str, of_rule: impl Fn(&Rule) -> &String) -> String {
        let told = self.chosen.as_ref().map_or("", |alert| alert.annotation(annotation));
        if !told.is_empty() {
            return told.to_owned();
        }
        self.rule.as_ref().map(of_rule).cloned().unwrap_or_default()
    }

    /// What happened, in the words of the notification or of the rule.
    pub fn title(&self) -> String {
        let title = self.chosen.as_ref().map_or("", |alert| alert.annotation("title"));
        if title.is_empty() { self.text("summary", |rule| &rule.summary) } else { title.to_owned() }
    }

    /// The form that acknowledges the selected alert, for who may.
    pub fn acknowledge_form(&self, links: &Links) -> Option<AcknowledgeForm> {
        let alert = self.chosen.as_ref().filter(|_| self.can_acknowledge)?;
        let action = links.path(&format!("{}/acknowledge", Links::alert_path(&self.name, None)));
        Some(AcknowledgeForm { action, id: alert.id, max_note: MAX_NOTE })
    }

    /// Severity of the selected alert, or of the rule.
    pub fn severity(&self) -> String {
        let told = self.chosen.as_ref().map_or("", |alert| alert.label("severity"));
        let known = self.rule.as_ref().map_or("", |rule| rule.severity.as_str());
        if told.is_empty() { known } else { told }.to_owned()
    }

    /// External links, web URLs only, as notifications are untrusted; and the runbook if it is not
    /// a URL.
    pub fn places(&self) -> (Vec<(String, String)>, String) {
        let links =
            self.chosen.iter().flat_map(|alert| &alert.links).filter(|(_, url)| is_web(url));
        let mut links: Vec<_> = links.map(|(name, url)| (name.clone(), url.clone())).collect();
        // The host's own word first: a notification may name an address that is none from here.
        let own = self.rule.as_ref().map_or("", |rule| rule.runbook.as_str());
        let told = self.chosen.as_ref().map_or("", |alert| alert.annotation("runbook_url"));
        let runbook = if own.is_empty() { told } else { own };
        let is_path = !own.is_empty() && own.starts_with('/') && !own.starts_with("//");
        if !is_path && !is_web(runbook) {
            return (links, runbook.to_owned());
        }
        links.push(("runbook".to_owned(), runbook.to_owned()));
        (links, String::new())
    }

    /// The firing history.
    pub fn time_rows(&self, now: i64, links: &Links) -> Vec<TimeRow> {
        let here = self.chosen.as_ref().map(|alert| alert.id);
        let row = |alert: &Alert| TimeRow {
            url: links.alert(&alert.rule, Some(alert.id)),
            when: format!("{} {}", format::day(alert.started), format::time(alert.started)),
            lasts: lasts(alert, now),
            fires: alert.ended.is_none(),
            labels: telling_labels(alert),
            is_here: Some(alert.id) == here,
        };
        self.times.iter().map(row).collect()
    }
}

/// Whether a URL is http or https, and not a script.
fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// State of an alert now.
pub fn state(alert: &Alert, now: i64) -> AlertState {
    let ago = |at: i64| format::ago(at, now);
    let text = match alert.ended {
        None => format!("firing for {}", format::about(alert.duration(now))),
        Some(ended) if alert.from_end && ended == alert.started => {
            format!("resolved {}, start not received", ago(ended))
        }
        Some(ended) => {
            format!("resolved {} after {}", ago(ended), format::about(alert.duration(now)))
        }
    };
    AlertState {
        fires: alert.ended.is_none(),
        text,
        started: format!("{} {}", format::day(alert.started), format::time(alert.started)),
        last_received: ago(alert.last_received),
    }
}
