//! Which errors somebody resolved, whether they came back, and in which releases they were seen.

use std::collections::HashMap;

use logsearch::store::TimeRange;

use super::timeline::or_notice;
use crate::context::links::View;
use crate::context::panel::Panel;
use crate::format::SECOND;
use crate::host::{Deploy, ErrorState};

/// How far before a window the release is looked up that ran when it began, in microseconds.
const BEFORE: i64 = 90 * 86_400 * SECOND;
/// Maximum number of deployments loaded.
const DEPLOYS: usize = 100;

/// Releases over time.
pub struct Releases {
    /// Deployments, newest first.
    deploys: Vec<Deploy>,
    current: String,
}

impl Releases {
    /// Loads the releases around a window.
    pub async fn around(panel: &Panel, view: &View, notices: &mut Vec<String>) -> Self {
        let from = view.window.range().from.saturating_sub(BEFORE);
        let range = TimeRange { from, to: view.window.now.saturating_add(1) };
        let deploys = match panel.host.deploys() {
            Some(host) => or_notice(host.between(range, DEPLOYS).await, "deployments", notices),
            None => Vec::new(),
        };
        Self { deploys, current: panel.service.version.clone() }
    }

    /// The release that was running at a time.
    pub fn at(&self, time: i64) -> String {
        let ran = self.deploys.iter().find(|deploy| deploy.at <= time);
        match ran {
            Some(deploy) => name(deploy),
            None if self.deploys.is_empty() => self.current.clone(),
            None => format!("before {}", self.deploys.last().map(name).unwrap_or_default()),
        }
    }

    /// Releases at the first and last time, as one name if they are equal.
    pub fn over(&self, first: i64, last: i64) -> String {
        let (first, last) = (self.at(first), self.at(last));
        if first == last { last } else { format!("{first} … {last}") }
    }
}

fn name(deploy: &Deploy) -> String {
    let revision: String = deploy.revision.chars().take(7).collect();
    match revision.as_str() {
        "" | "unknown" => deploy.version.clone(),
        revision => format!("{} ({revision})", deploy.version),
    }
}

/// All states of the host, by fingerprint.
pub async fn all(panel: &Panel, notices: &mut Vec<String>) -> HashMap<String, ErrorState> {
    let Some(host) = panel.host.error_states() else { return HashMap::new() };
    let states = or_notice(host.list().await, "error states", notices);
    states.into_iter().map(|state| (state.fingerprint.clone(), state)).collect()
}

/// The release in which a resolved error was seen again, if it was by now.
pub async fn note_return(
    panel: &Panel,
    state: &ErrorState,
    newest: i64,
    releases: &Releases,
    notices: &mut Vec<String>,
) -> Option<String> {
    if let Some((_, version)) = &state.reopened {
        return Some(version.clone());
    }
    if newest <= state.resolved_at {
        return None;
    }
    let version = releases.at(newest);
    if let Some(host) = panel.host.error_states() {
        let noted = host.seen_again(&state.fingerprint, newest, &version).await;
        or_notice(noted, "the reopened state of an error", notices);
    }
    Some(version)
}
