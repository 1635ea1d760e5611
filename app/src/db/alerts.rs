//! What alerting systems said: each time a rule fired, for one set of labels. Bounded in age and
//! number. Written and read in the background alone: the inbox answers from memory.

use admin::{Acknowledgement, Alert, Texts};

use super::executor::{Arg, Statement};
use super::row::Row;
use super::{Db, Result};

/// Zero in the place of an end stands for none: the executor binds no NULL.
const STORE: Statement = Statement::write(
    "alerts.store",
    "INSERT INTO alerts
        (rule, fingerprint, labels, annotations, measured, links, starts_at, ends_at, received_at,
         sender, from_end, acknowledged_at, acknowledged_by, acknowledged_note, changed_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, NULLIF($8, 0), $9, $10, $11, $12, $13, $14, $15)
     ON CONFLICT (fingerprint, starts_at) DO UPDATE SET
        rule = excluded.rule, labels = excluded.labels, annotations = excluded.annotations,
        measured = excluded.measured, links = excluded.links, ends_at = excluded.ends_at,
        received_at = excluded.received_at, sender = excluded.sender, from_end = excluded.from_end,
        acknowledged_at = excluded.acknowledged_at, acknowledged_by = excluded.acknowledged_by,
        acknowledged_note = excluded.acknowledged_note, changed_at = excluded.changed_at
     WHERE alerts.changed_at = $16",
);
const DELETE: Statement = Statement::write(
    "alerts.delete",
    "DELETE FROM alerts WHERE fingerprint = $1 AND starts_at = $2",
);
const OF_FINGERPRINT: Statement = Statement::read(
    "alerts.of_fingerprint",
    "SELECT rule, fingerprint, labels, annotations, measured, links, starts_at, ends_at, received_at,
        sender, from_end, acknowledged_at, acknowledged_by, acknowledged_note, changed_at
     FROM alerts WHERE fingerprint = $1 ORDER BY starts_at DESC LIMIT $2",
);
const FIRING: Statement = Statement::read(
    "alerts.firing",
    "SELECT rule, fingerprint, labels, annotations, measured, links, starts_at, ends_at, received_at,
        sender, from_end, acknowledged_at, acknowledged_by, acknowledged_note, changed_at
     FROM alerts WHERE ends_at IS NULL ORDER BY starts_at DESC, id DESC LIMIT $1",
);
const NEWEST: Statement = Statement::read(
    "alerts.newest",
    "SELECT rule, fingerprint, labels, annotations, measured, links, starts_at, ends_at, received_at,
        sender, from_end, acknowledged_at, acknowledged_by, acknowledged_note, changed_at
     FROM alerts ORDER BY starts_at DESC, id DESC LIMIT $1",
);
const CHANGED: Statement = Statement::read(
    "alerts.changed",
    "SELECT rule, fingerprint, labels, annotations, measured, links, starts_at, ends_at, received_at,
        sender, from_end, acknowledged_at, acknowledged_by, acknowledged_note, changed_at
     FROM alerts WHERE changed_at >= $1 ORDER BY changed_at DESC LIMIT $2",
);
/// What was not received since a time, and whatever goes beyond a number of rows.
const DELETE_OLD: Statement = Statement::write(
    "alerts.delete_old",
    "DELETE FROM alerts WHERE received_at < $1
        OR received_at < (SELECT received_at FROM alerts ORDER BY received_at DESC LIMIT 1 OFFSET $2)",
);

pub(super) const STATEMENTS: &[Statement] =
    &[STORE, DELETE, OF_FINGERPRINT, FIRING, NEWEST, CHANGED, DELETE_OLD];

/// An alert of the database, and when a replica wrote it last, in microseconds.
#[derive(Clone, Debug)]
pub struct StoredAlert {
    /// The alert, without a number.
    pub alert: Alert,
    /// Time of the last write, by the clock of who wrote.
    pub changed_at: i64,
}

impl Db {
    /// Stores an alert in the place of the one with its fingerprint and start, which was last written at
    /// the time `seen`, `None` if there was none. `false` if another replica wrote in between.
    pub async fn store_alert(&self, alert: &Alert, seen: Option<i64>, now: i64) -> Result<bool> {
        let texts = [&alert.labels, &alert.annotations, &alert.values, &alert.links].map(to_json);
        let acknowledged = alert.acknowledged.clone().unwrap_or_default();
        let args = [
            Arg::Text(&alert.rule),
            Arg::Text(&alert.fingerprint),
            Arg::Text(&texts[0]),
            Arg::Text(&texts[1]),
            Arg::Text(&texts[2]),
            Arg::Text(&texts[3]),
            Arg::Int(alert.started),
            Arg::Int(alert.ended.unwrap_or(0)),
            Arg::Int(alert.last_received),
            Arg::Text(&alert.sender),
            Arg::Int(i64::from(alert.from_end)),
            Arg::Int(acknowledged.at),
            Arg::Text(&acknowledged.by),
            Arg::Text(&acknowledged.note),
            Arg::Int(seen.map_or(now, |seen| now.max(seen.saturating_add(1)))),
            Arg::Int(seen.unwrap_or(-1)),
        ];
        Ok(self.execute(&STORE, &args).await? > 0)
    }

    /// Removes the alert of this fingerprint and start.
    pub async fn delete_alert(&self, fingerprint: &str, started: i64) -> Result<()> {
        self.execute(&DELETE, &[Arg::Text(fingerprint), Arg::Int(started)]).await.map(drop)
    }

    /// Alerts of a fingerprint, the newest start first, at most so many.
    pub async fn alerts_of(&self, fingerprint: &str, limit: i64) -> Result<Vec<StoredAlert>> {
        self.fetch_all(&OF_FINGERPRINT, &[Arg::Text(fingerprint), Arg::Int(limit)], read).await
    }

    /// Alerts without an end, the newest start first, at most so many.
    pub async fn firing_alerts(&self, limit: i64) -> Result<Vec<StoredAlert>> {
        self.fetch_all(&FIRING, &[Arg::Int(limit)], read).await
    }

    /// Alerts, the newest start first, at most so many.
    pub async fn newest_alerts(&self, limit: i64) -> Result<Vec<StoredAlert>> {
        self.fetch_all(&NEWEST, &[Arg::Int(limit)], read).await
    }

    /// Alerts written since a time in microseconds, the last written first, at most so many.
    pub async fn changed_alerts(&self, since: i64, limit: i64) -> Result<Vec<StoredAlert>> {
        self.fetch_all(&CHANGED, &[Arg::Int(since), Arg::Int(limit)], read).await
    }

    /// Removes alerts received last before a time, in microseconds, and the oldest beyond about so many.
    pub async fn delete_old_alerts(&self, before: i64, keep: i64) -> Result<u64> {
        self.execute(&DELETE_OLD, &[Arg::Int(before), Arg::Int(keep)]).await
    }
}

fn read(row: &Row) -> sqlx::Result<StoredAlert> {
    let texts = |index: usize| Ok::<_, sqlx::Error>(from_json(&row.get::<String>(index)?));
    let acknowledged = Acknowledgement { at: row.get(11)?, by: row.get(12)?, note: row.get(13)? };
    let alert = Alert {
        id: 0,
        rule: row.get(0)?,
        fingerprint: row.get(1)?,
        labels: texts(2)?,
        annotations: texts(3)?,
        values: texts(4)?,
        links: texts(5)?,
        started: row.get(6)?,
        ended: row.get(7)?,
        last_received: row.get(8)?,
        sender: row.get(9)?,
        from_end: row.get::<i64>(10)? != 0,
        acknowledged: (acknowledged.at != 0).then_some(acknowledged),
    };
    Ok(StoredAlert { alert, changed_at: row.get(14)? })
}

fn to_json(texts: &Texts) -> String {
    // A map of texts always has a JSON form.
    serde_json::to_string(texts).unwrap_or_default()
}

/// Whatever else stands there is nothing; only this file writes the column.
fn from_json(text: &str) -> Texts {
    serde_json::from_str(text).unwrap_or_default()
}
