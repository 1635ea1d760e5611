//! Brings events of the inbox into the database and reads what other replicas brought there. Everything
//! is tried again until it works; nobody waits for it.

use std::time::Duration;

use admin::Alert;
use logsearch::error_chain;

use super::history::{self, Pending};
use super::{AlertInbox, KEEP};
use crate::clock::micros;
use crate::db::{Db, Result, StoredAlert};

/// Time between two looks at the database without a notification.
const INTERVAL: Duration = Duration::from_secs(2);
/// Time between two full reads, which also find what was deleted.
const FULL: Duration = Duration::from_mins(5);
/// The writes of a replica whose clock is behind, or that took so long, are found.
const OVERLAP: Duration = Duration::from_mins(10);
/// Rows of one incremental read.
const CHANGES: i64 = 1_000;
/// Alerts of one fingerprint that are looked at when it is written.
const OF_FINGERPRINT: i64 = 200;
/// Fingerprints written in one round.
const ROUND: usize = 500;
/// How long an alert is kept after its last notification.
const KEEP_FOR: Duration = Duration::from_hours(90 * 24);
/// Bytes of a rough measure that alerts read from the database may take.
const MAX_BYTES: usize = 32 * 1024 * 1024;
/// Tries against replicas that write the same alert.
const TRIES: usize = 5;

impl AlertInbox {
    /// Keeps the inbox and the database alike. Never ends.
    pub async fn keep_stored(self, db: Db) {
        let mut last_full = None::<tokio::time::Instant>;
        let mut newest = 0;
        loop {
            let is_full = last_full.is_none_or(|at| at.elapsed() >= FULL);
            match self.exchange(&db, is_full, newest).await {
                Ok(seen) => {
                    newest = newest.max(seen);
                    if is_full {
                        last_full = Some(tokio::time::Instant::now());
                    }
                    self.note_storage(None);
                }
                Err(error) => self.note_storage(Some(error_chain(&error))),
            }
            self.keep_journal();
            let _later = tokio::time::timeout(INTERVAL, self.0.changed.notified()).await;
        }
    }

    /// Writes what is pending and reads what is new, or everything; the time of the newest write.
    async fn exchange(&self, db: &Db, is_full: bool, newest: i64) -> Result<i64> {
        self.store_pending(db).await?;
        let seen =
            if is_full { self.read_all(db).await? } else { self.read_changes(db, newest).await? };
        self.tidy(db).await?;
        Ok(seen)
    }

    /// Writes rows anew that replicas wrote side by side.
    async fn tidy(&self, db: &Db) -> Result<()> {
        let untidy = self.0.history.lock().untidy(ROUND);
        for fingerprint in untidy {
            if let Some(rows) = self.store(db, &fingerprint, &[]).await? {
                self.0.history.lock().stored(&fingerprint, rows, 0);
            }
        }
        Ok(())
    }

    async fn store_pending(&self, db: &Db) -> Result<()> {
        loop {
            let (number, waiting) = {
                let history = self.0.history.lock();
                (history.last_number(), history.pending(ROUND))
            };
            let is_last = waiting.len() < ROUND;
            let is_some = !waiting.is_empty();
            let mut is_whole = true;
            for (fingerprint, events) in waiting {
                let upto = events.iter().map(|(number, _)| *number).max().unwrap_or(0);
                match self.store(db, &fingerprint, &events).await? {
                    Some(rows) => self.0.history.lock().stored(&fingerprint, rows, upto),
                    None => is_whole = false,
                }
            }
            if is_last || !is_whole {
                if let (true, Some(journal)) = (is_some && is_whole, &self.0.journal) {
                    journal.note_stored(number);
                }
                return Ok(());
            }
        }
    }

    /// Writes what the events change of one fingerprint, and returns its rows; `None` if other replicas
    /// were always faster, which the next round tries again.
    async fn store(
        &self,
        db: &Db,
        fingerprint: &str,
        events: &[Pending],
    ) -> Result<Option<Vec<Alert>>> {
        for _ in 0..TRIES {
            let stored = db.alerts_of(fingerprint, OF_FINGERPRINT).await?;
            let rows: Vec<Alert> = stored.iter().map(|stored| stored.alert.clone()).collect();
            let alerts = history::derive(&rows, events);
            if self.write(db, &stored, &alerts).await? {
                return Ok(Some(alerts));
            }
        }
        Ok(None)
    }

    /// `false` if another replica wrote in between.
    async fn write(&self, db: &Db, stored: &[StoredAlert], alerts: &[Alert]) -> Result<bool> {
        let now = self.0.clock.now();
        for alert in alerts {
            let known = stored.iter().find(|stored| stored.alert.started == alert.started);
            let is_same =
                known.is_some_and(|known| Alert { id: alert.id, ..known.alert.clone() } == *alert);
            let seen = known.map(|known| known.changed_at);
            if !is_same && !db.store_alert(alert, seen, now).await? {
                return Ok(false);
            }
        }
        let is_left = |stored: &&StoredAlert| {
            alerts.iter().all(|alert| alert.started != stored.alert.started)
        };
        for gone in stored.iter().filter(is_left) {
            db.delete_alert(&gone.alert.fingerprint, gone.alert.started).await?;
        }
        Ok(true)
    }

    async fn read_all(&self, db: &Db) -> Result<i64> {
        let keep = i64::try_from(KEEP).unwrap_or(i64::MAX);
        db.delete_old_alerts(self.0.clock.now() - micros(KEEP_FOR), keep).await?;
        let mut stored = db.newest_alerts(keep).await?;
        // One that fires since long ago is not among the newest.
        stored.extend(db.firing_alerts(CHANGES).await?);
        Ok(self.take(stored, true))
    }

    async fn read_changes(&self, db: &Db, newest: i64) -> Result<i64> {
        let since = newest.saturating_sub(micros(OVERLAP));
        Ok(self.take(db.changed_alerts(since, CHANGES).await?, false))
    }

    fn take(&self, stored: Vec<StoredAlert>, is_all: bool) -> i64 {
        let newest = stored.iter().map(|stored| stored.changed_at).max().unwrap_or(0);
        let mut rows: Vec<Alert> = stored.into_iter().map(|stored| stored.alert).collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.ended.is_none(), row.started)));
        let mut bytes = 0;
        rows.retain(|row| {
            bytes += history::size(row);
            bytes <= MAX_BYTES
        });
        self.0.history.lock().refresh(rows, is_all);
        newest
    }

    fn note_storage(&self, error: Option<String>) {
        let mut status = self.0.status.lock();
        match (&status.storage_error, &error) {
            (None, Some(error)) => tracing::warn!(
                error.message = error,
                "could not store alerts in the database; keeping them in the journal"
            ),
            (Some(_), None) => tracing::info!("storing alerts in the database again"),
            _ => {}
        }
        status.storage_error = error;
    }

    /// Writes the journal anew when it is large or a write failed.
    fn keep_journal(&self) {
        if let Some(journal) = self.0.journal.as_ref().filter(|journal| journal.needs_replacing()) {
            // Under the lock, so that no event is between the old file and the new one.
            journal.replace(&self.0.history.lock());
        }
    }
}
