//! From notifications to alerts with a start and an end. Notifications come repeated, out of order, with
//! gaps, and with a start that depends on the sender: Alertmanager resolves an alert under its start,
//! Grafana under the time of the end. So what is kept per fingerprint is a set of starts and a set of
//! ends, and the alerts follow from the sets, whatever the order in which they were received. No I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use admin::{Acknowledgement, Alert};
use serde::{Deserialize, Serialize};

use crate::domain::GRAFANA;

/// Something that was learned about an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A notification: firing, or resolved if it has an end.
    Notified(Alert),
    /// The alerting system lists it as firing at this time: ends before are taken back.
    Listed(Alert, i64),
    /// An operator acknowledged the alert of this fingerprint and start.
    Acknowledged(String, i64, Acknowledgement),
}

impl Event {
    /// The fingerprint that it is about.
    pub fn fingerprint(&self) -> &str {
        match self {
            Self::Notified(alert) | Self::Listed(alert, _) => &alert.fingerprint,
            Self::Acknowledged(fingerprint, ..) => fingerprint,
        }
    }

    /// Whether a later event makes this one redundant: the same fact, told again.
    fn is_repeated_by(&self, later: &Self) -> bool {
        match (self, later) {
            (Self::Notified(old), Self::Notified(new)) => {
                (old.started, old.ended) == (new.started, new.ended)
            }
            (Self::Listed(old, _), Self::Listed(new, _)) => old.started == new.started,
            (Self::Acknowledged(_, old, _), Self::Acknowledged(_, new, _)) => old == new,
            _ => false,
        }
    }
}

/// An event that the database does not have yet, by its number.
pub type Pending = (u64, Event);

/// What is known of all alerts: rows of the database, and events that it does not have yet.
#[derive(Debug, Default)]
pub struct History {
    rows: HashMap<String, Vec<Alert>>,
    pending: BTreeMap<String, Vec<Pending>>,
    shown: HashMap<String, Vec<Alert>>,
    last_number: u64,
}

impl History {
    /// Adds an event and returns its number. An event that repeats a pending one replaces it.
    pub fn add(&mut self, event: Event) -> u64 {
        self.last_number += 1;
        self.add_numbered(self.last_number, event);
        self.last_number
    }

    /// Adds an event that already has its number.
    pub fn add_numbered(&mut self, number: u64, event: Event) {
        self.last_number = self.last_number.max(number);
        let fingerprint = event.fingerprint().to_owned();
        let events = self.pending.entry(fingerprint.clone()).or_default();
        events.retain(|(_, old)| !old.is_repeated_by(&event));
        events.push((number, event));
        self.show(&fingerprint);
    }

    /// The rows of a fingerprint in the database, which include the events up to this number.
    pub fn stored(&mut self, fingerprint: &str, rows: Vec<Alert>, number: u64) {
        if let Some(events) = self.pending.get_mut(fingerprint) {
            events.retain(|(added, _)| *added > number);
            if events.is_empty() {
                self.pending.remove(fingerprint);
            }
        }
        self.rows.insert(fingerprint.to_owned(), rows);
        self.show(fingerprint);
    }

    /// Counts events up to this number as part of the rows, without their rows.
    pub fn settle(&mut self, number: u64) {
        self.last_number = self.last_number.max(number);
        for (fingerprint, events) in std::mem::take(&mut self.pending) {
            let (settled, left): (Vec<_>, Vec<_>) =
                events.into_iter().partition(|(added, _)| *added <= number);
            if !settled.is_empty() {
                let rows = self.rows.remove(&fingerprint).unwrap_or_default();
                self.rows.insert(fingerprint.clone(), derive(&rows, &settled));
            }
            if !left.is_empty() {
                self.pending.insert(fingerprint, left);
            }
        }
    }

    /// Replaces some rows by those of the database, or all.
    pub fn refresh(&mut self, rows: Vec<Alert>, is_all: bool) {
        if is_all {
            self.rows.clear();
            self.shown.clear();
        }
        let mut touched: Vec<String> = Vec::new();
        for row in rows {
            let known = self.rows.entry(row.fingerprint.clone()).or_default();
            known.retain(|known| known.started != row.started);
            touched.push(row.fingerprint.clone());
            known.push(row);
        }
        if is_all {
            touched.extend(self.pending.keys().cloned());
        }
        touched.sort_unstable();
        touched.dedup();
        for fingerprint in touched {
            self.show(&fingerprint);
        }
    }

    /// Fingerprints with pending events, and these, at most so many fingerprints.
    pub fn pending(&self, most: usize) -> Vec<(String, Vec<Pending>)> {
        self.pending
            .iter()
            .take(most)
            .map(|(name, events)| (name.clone(), events.clone()))
            .collect()
    }

    /// Fingerprints whose rows are not what follows from them, at most so many: two replicas wrote what
    /// each of them knew.
    pub fn untidy(&self, most: usize) -> Vec<String> {
        let spans = |alerts: &[Alert]| {
            let spans = alerts.iter().map(|alert| (alert.started, alert.ended, alert.from_end));
            spans.collect::<BTreeSet<_>>()
        };
        let is_untidy = |(fingerprint, rows): &(&String, &Vec<Alert>)| {
            rows.len() > 1
                && !self.pending.contains_key(*fingerprint)
                && spans(rows) != spans(self.of(fingerprint))
        };
        let untidy = self.rows.iter().filter(is_untidy);
        untidy.take(most).map(|(fingerprint, _)| fingerprint.clone()).collect()
    }

    /// Number of pending events.
    pub fn pending_count(&self) -> usize {
        self.pending.values().map(Vec::len).sum()
    }

    /// A rough measure of the memory that pending events take, in bytes.
    pub fn pending_bytes(&self) -> usize {
        let bytes = |event: &Event| match event {
            Event::Notified(alert) | Event::Listed(alert, _) => size(alert),
            Event::Acknowledged(_, _, by) => by.note.len(),
        };
        self.pending.values().flatten().map(|(_, event)| 200 + bytes(event)).sum()
    }

    /// Every alert, in no order.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.shown.values().flatten()
    }

    /// Alerts of a fingerprint, the oldest start first.
    pub fn of(&self, fingerprint: &str) -> &[Alert] {
        self.shown.get(fingerprint).map_or(&[], Vec::as_slice)
    }

    /// Every row, in no order.
    pub fn rows(&self) -> impl Iterator<Item = &Alert> {
        self.rows.values().flatten()
    }

    /// Every pending event, in no order.
    pub fn events(&self) -> impl Iterator<Item = &Pending> {
        self.pending.values().flatten()
    }

    /// The number of the last event.
    pub fn last_number(&self) -> u64 {
        self.last_number
    }

    /// Adds a row of the database as an earlier run knew it.
    pub fn add_row(&mut self, row: Alert) {
        self.refresh(vec![row], false);
    }

    fn show(&mut self, fingerprint: &str) {
        let rows = self.rows.get(fingerprint).map_or(&[][..], Vec::as_slice);
        let events = self.pending.get(fingerprint).map_or(&[][..], Vec::as_slice);
        let alerts = derive(rows, events);
        if alerts.is_empty() {
            self.shown.remove(fingerprint);
        } else {
            self.shown.insert(fingerprint.to_owned(), alerts);
        }
    }
}

/// The alerts of one fingerprint: its rows with further events, the oldest start first.
pub fn derive(rows: &[Alert], events: &[Pending]) -> Vec<Alert> {
    let mut facts = Facts::of_rows(rows);
    let mut ordered: Vec<&Pending> = events.iter().collect();
    ordered.sort_by_key(|(number, _)| *number);
    for (_, event) in ordered {
        facts.add(event);
    }
    facts.alerts()
}

/// What is known of one fingerprint.
#[derive(Default)]
struct Facts {
    /// Alerts by starts that a firing notification named.
    starts: BTreeMap<i64, Alert>,
    /// Ends, and the alert as the end's notification described it.
    ends: BTreeMap<i64, Alert>,
    acknowledged: BTreeMap<i64, Acknowledgement>,
}

impl Facts {
    fn of_rows(rows: &[Alert]) -> Self {
        let mut facts = Self::default();
        for row in rows {
            if let Some(acknowledged) = &row.acknowledged {
                facts.acknowledged.insert(row.started, acknowledged.clone());
            }
            if !row.from_end {
                facts.start(row);
            }
            // The start of the next alert ended this one for want of an end.
            let is_superseded =
                rows.iter().any(|other| !other.from_end && Some(other.started) == row.ended);
            if row.from_end {
                facts.end(row);
            } else if !is_superseded || row.ended == Some(row.started) {
                // The end outlives this start: an earlier end of the same alert may still come.
                let started = row.ended.unwrap_or(row.started);
                facts.end(&Alert { started, ..row.clone() });
            }
        }
        facts
    }

    fn add(&mut self, event: &Event) {
        match event {
            Event::Notified(alert) if alert.ended.is_some() => {
                self.end(alert);
                self.start_of_end(alert);
            }
            Event::Notified(alert) => self.start(alert),
            Event::Listed(alert, at) => {
                self.ends.retain(|end, _| *end < alert.started || end >= at);
                self.start(alert);
            }
            Event::Acknowledged(_, started, acknowledged) => {
                self.acknowledged.insert(*started, acknowledged.clone());
            }
        }
    }

    fn start(&mut self, alert: &Alert) {
        let known = self.starts.get(&alert.started);
        if known.is_none_or(|known| known.last_received <= alert.last_received) {
            self.starts.insert(alert.started, Alert { ended: None, ..alert.clone() });
        }
    }

    /// Alertmanager resolves an alert under its own start, which may be all that is known of it.
    fn start_of_end(&mut self, alert: &Alert) {
        let has_start = alert.ended.is_some_and(|ended| alert.started < ended);
        if has_start && alert.sender != GRAFANA {
            let start = || Alert { ended: None, ..alert.clone() };
            self.starts.entry(alert.started).or_insert_with(start);
        }
    }

    /// Of two notifications of one end, the earlier start is the better one.
    fn end(&mut self, alert: &Alert) {
        let Some(ended) = alert.ended else { return };
        let known = self.ends.entry(ended).or_insert_with(|| alert.clone());
        let last_received = known.last_received.max(alert.last_received);
        if alert.started < known.started {
            alert.clone_into(known);
        }
        known.last_received = last_received;
    }

    fn alerts(self) -> Vec<Alert> {
        let mut alerts: Vec<Alert> =
            self.starts.values().map(|alert| self.with_end(alert)).collect();
        alerts.extend(self.known_from_their_end());
        alerts.sort_by_key(|alert| alert.started);
        for alert in &mut alerts {
            alert.acknowledged = self.acknowledged.get(&alert.started).cloned();
            alert.id = number(&alert.fingerprint, alert.started);
        }
        alerts
    }

    /// An alert ends with the first end after its start; or, if that was lost, when it starts anew.
    fn with_end(&self, alert: &Alert) -> Alert {
        let next = self.starts.range(alert.started + 1..).next().map(|(start, _)| *start);
        let end = self.ends.range(alert.started..).next();
        let mut alert = Alert { from_end: false, ..alert.clone() };
        if let Some((ended, told)) =
            end.filter(|(ended, _)| next.is_none_or(|next| **ended <= next))
        {
            alert.ended = Some(*ended);
            alert.last_received = alert.last_received.max(told.last_received);
        } else {
            alert.ended = next;
        }
        alert
    }

    /// Ends of alerts whose firing notifications were all lost.
    fn known_from_their_end(&self) -> Vec<Alert> {
        let mut found = Vec::new();
        let mut previous = i64::MIN;
        for (end, alert) in &self.ends {
            let has_start = self.starts.range(previous.saturating_add(1)..=*end).next().is_some();
            if !has_start && alert.started > previous {
                found.push(Alert { from_end: true, ..alert.clone() });
            }
            previous = *end;
        }
        found
    }
}

/// A rough measure of the memory that an alert takes, in bytes.
pub fn size(alert: &Alert) -> usize {
    let parts = [&alert.labels, &alert.annotations, &alert.values, &alert.links];
    let texts = parts.into_iter().flatten();
    texts.map(|(name, value)| 100 + name.len() + value.len()).sum()
}

/// The number of an alert, the same on every replica and before the database knows it.
fn number(fingerprint: &str, started: i64) -> i64 {
    // FNV-1a: stable over versions, and a collision costs a link to the wrong alert of an inbox.
    let bytes = fingerprint.bytes().chain(started.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    i64::try_from(hash >> 1).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests;
