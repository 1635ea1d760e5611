//! The inbox of alerts. It answers from memory: what alerting systems said is there at once, whatever
//! the database does. A journal beside the logs keeps what the database does not have yet; a background
//! task brings it there, and brings back what other replicas received. Evaluates no rules.

mod history;
mod journal;
mod reconcile;
mod storage;

use std::path::Path;
use std::sync::Arc;

use admin::{Acknowledgement, Alert, AlertingNotice};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::domain::Notification;

use history::{Event, History};
use journal::Journal;

pub use reconcile::{AlertApi, Missing};

/// Alerts kept in the database and in memory.
const KEEP: usize = 5_000;
/// Events that may wait for the database; further notifications are rejected.
const MAX_PENDING: usize = 20_000;
/// Bytes of a rough measure that all events together may take.
const MAX_PENDING_BYTES: usize = 64 * 1024 * 1024;
/// A notification of a start that already ended, so long after the end was received, in microseconds,
/// is no late one: senders repeat within five minutes. The alert fires again under its old start.
const FIRES_AGAIN_AFTER: i64 = 10 * 60 * 1_000_000;
/// How long the page says that a notification was incomplete, in microseconds.
const SAY_FOR: i64 = 24 * 3_600 * 1_000_000;

/// The inbox. Clones share it.
#[derive(Clone, Debug)]
pub struct AlertInbox(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    history: Mutex<History>,
    journal: Option<Journal>,
    clock: Clock,
    /// Something waits for the database.
    changed: Notify,
    status: Mutex<Status>,
}

/// What operators should know about the inbox.
#[derive(Debug, Default)]
struct Status {
    /// Why the database could not be reached, since the last time that it could.
    storage_error: Option<String>,
    /// The API of the alerting system; `None` without an address.
    api: Option<reconcile::Status>,
    /// The last notification that was not complete.
    incomplete: Option<Incomplete>,
    /// Channels by which people are notified.
    channels: Vec<String>,
}

#[derive(Debug)]
struct Incomplete {
    at: i64,
    rejected: usize,
    left_out: usize,
    receiver: String,
    reason: String,
}

/// There is no room for another event.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the alert inbox is full until the database is back")]
pub struct InboxFull;

impl AlertInbox {
    /// Opens the inbox with what its journal says. Without a journal it works from memory alone.
    pub fn open(data_dir: &Path, clock: Clock) -> Self {
        let (journal, history) = Journal::open(data_dir);
        let journal = journal.inspect_err(|error| {
            tracing::warn!(
                error.message = %error,
                "could not open the alert journal; new alerts are kept in memory only"
            );
        });
        let waiting = history.pending_count();
        if waiting > 0 {
            tracing::info!("{waiting} alert events of the journal wait for the database");
        }
        Self(Arc::new(Shared {
            history: Mutex::new(history),
            journal: journal.ok(),
            clock,
            changed: Notify::new(),
            status: Mutex::default(),
        }))
    }

    /// Names of the channels by which alerting notifies people, such as `mail`.
    pub fn set_channels(&self, channels: Vec<String>) {
        self.0.status.lock().channels = channels;
    }

    /// Takes the alerts of a notification: visible at once, and fsynced unless the disk takes longer
    /// than half a second.
    pub async fn receive(&self, notification: &Notification) -> Result<(), InboxFull> {
        self.note_incomplete(notification);
        let now = self.0.clock.now();
        let events = notification.alerts.iter().map(|alert| self.event(alert, now)).collect();
        self.add(events).await
    }

    /// Acknowledges an alert, or changes the note; `false` if there is none of this number.
    pub async fn acknowledge(&self, id: i64, by: Acknowledgement) -> Result<bool, InboxFull> {
        let Some(alert) = self.find(id) else { return Ok(false) };
        // The database has no place for U+0000, and a note is one line.
        let note = by.note.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let by = Acknowledgement { note, ..by };
        self.add(vec![Event::Acknowledged(alert.fingerprint, alert.started, by)]).await?;
        Ok(true)
    }

    fn event(&self, alert: &Alert, now: i64) -> Event {
        let history = self.0.history.lock();
        let known = history.of(&alert.fingerprint);
        let is_over = |known: &Alert| {
            known.started == alert.started
                && known.ended.is_some()
                && now.saturating_sub(known.last_received) > FIRES_AGAIN_AFTER
        };
        // Only the newest can fire again.
        if alert.ended.is_none() && known.last().is_some_and(is_over) {
            return Event::Listed(alert.clone(), now);
        }
        Event::Notified(alert.clone())
    }

    async fn add(&self, events: Vec<Event>) -> Result<(), InboxFull> {
        let appends = {
            let mut history = self.0.history.lock();
            if history.pending_count() + events.len() > MAX_PENDING
                || history.pending_bytes() > MAX_PENDING_BYTES
            {
                return Err(InboxFull);
            }
            let add = |event: Event| {
                let number = history.add(event.clone());
                self.0.journal.as_ref().map(|journal| journal.append(number, &event))
            };
            events.into_iter().filter_map(add).collect::<Vec<_>>()
        };
        self.0.changed.notify_one();
        // The thread writes in order, so the last one is on the disk after all others.
        if let Some(last) = appends.into_iter().last() {
            last.synced().await;
        }
        Ok(())
    }

    fn note_incomplete(&self, notification: &Notification) {
        let Notification { rejected, left_out, receiver, reasons, .. } = notification;
        if *rejected == 0 && *left_out == 0 {
            return;
        }
        let reason = reasons.first().cloned().unwrap_or_default();
        tracing::warn!(
            error.message = reason,
            "incomplete alert notification of receiver {receiver:?}: {rejected} alerts rejected, \
             {left_out} left out"
        );
        self.0.status.lock().incomplete = Some(Incomplete {
            at: self.0.clock.now(),
            rejected: *rejected,
            left_out: *left_out,
            receiver: receiver.clone(),
            reason,
        });
    }

    /// Notes a notification of which nothing could be used.
    pub fn note_rejected(&self, reason: &str) {
        let reasons = vec![reason.to_owned()];
        self.note_incomplete(&Notification { rejected: 1, reasons, ..Notification::default() });
    }

    /// Alerts that match, the latest start first, at most so many.
    pub fn select(&self, most: usize, wanted: impl Fn(&Alert) -> bool) -> Vec<Alert> {
        let history = self.0.history.lock();
        let mut found: Vec<&Alert> = history.alerts().filter(|alert| wanted(alert)).collect();
        found.sort_by_key(|alert| std::cmp::Reverse((alert.started, alert.id)));
        found.into_iter().take(most).cloned().collect()
    }

    /// The alert of a number.
    pub fn find(&self, id: i64) -> Option<Alert> {
        self.0.history.lock().alerts().find(|alert| alert.id == id).cloned()
    }

    /// What operators should know about alerting itself.
    pub fn notices(&self) -> Vec<AlertingNotice> {
        let waiting = self.0.history.lock().pending_count();
        let status = self.0.status.lock();
        let mut notices = vec![channels_notice(&status.channels)];
        notices.push(reconcile::notice(status.api.as_ref(), self.0.clock.now()));
        if let Some(error) = &status.storage_error {
            notices.push(problem(
                "inbox",
                format!(
                    "The database takes no alerts ({error}). {waiting} changes are kept in the journal \
                     and stored later."
                ),
            ));
        }
        if self.0.journal.as_ref().is_none_or(Journal::is_failing) {
            notices.push(problem(
                "journal",
                "The disk takes no alerts: what the database does not have is in memory only."
                    .to_owned(),
            ));
        }
        let recent = |one: &&Incomplete| self.0.clock.now().saturating_sub(one.at) < SAY_FOR;
        notices.extend(status.incomplete.as_ref().filter(recent).map(incomplete_notice));
        notices
    }
}

fn problem(subject: &'static str, text: String) -> AlertingNotice {
    AlertingNotice { subject, text, is_problem: true }
}

/// What the start-up log says, too.
pub fn channels_notice(channels: &[String]) -> AlertingNotice {
    if channels.is_empty() {
        return problem(
            "notifications",
            "Nobody is notified of alerts: no mail, Slack or Discord channel is set. Alerts are only in \
             this inbox."
                .to_owned(),
        );
    }
    let text = format!("People are notified by {}.", channels.join(", "));
    AlertingNotice { subject: "notifications", text, is_problem: false }
}

fn incomplete_notice(one: &Incomplete) -> AlertingNotice {
    let mut parts = Vec::new();
    if one.rejected > 0 {
        parts.push(format!("{} invalid and not stored ({})", one.rejected, one.reason));
    }
    if one.left_out > 0 {
        parts.push(format!("{} left out by the sender; raise max_alerts", one.left_out));
    }
    let receiver = match one.receiver.as_str() {
        "" => String::new(),
        receiver => format!(" for receiver {receiver}"),
    };
    let at = jiff::Timestamp::from_microsecond(one.at).unwrap_or_default();
    let at = at.strftime("%Y-%m-%d %H:%M UTC");
    problem("webhook", format!("Incomplete notification{receiver} at {at}: {}.", parts.join("; ")))
}
