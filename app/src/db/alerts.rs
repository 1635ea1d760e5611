//! What alerting systems said: each time a rule fired, for one set of labels. Bounded in age and
//! number; a row has what the last notification said.

use admin::{Alert, Texts};

use super::executor::{Arg, Statement};
use super::row::Row;
use super::{Db, Result};

/// Zero in the place of an end stands for none: the executor binds no NULL.
const STORE: Statement = Statement::write(
    "alerts.store",
    "INSERT INTO alerts
        (rule, fingerprint, labels, annotations, measured, links, starts_at, ends_at, received_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, NULLIF($8, 0), $9)
     ON CONFLICT (fingerprint, starts_at) DO UPDATE SET
        rule = excluded.rule, labels = excluded.labels, annotations = excluded.annotations,
        measured = excluded.measured, links = excluded.links, ends_at = excluded.ends_at,
        received_at = excluded.received_at",
);
/// Grafana sends an end with the start of the end, so it is that of every alert of its labels that began
/// before and is open. The same end again finds what it ended.
const END: Statement = Statement::write(
    "alerts.end",
    "UPDATE alerts SET ends_at = $2, received_at = $3
     WHERE fingerprint = $1 AND starts_at <= $2 AND (ends_at IS NULL OR ends_at = $2)",
);
const BETWEEN: Statement = Statement::read(
    "alerts.between",
    "SELECT id, rule, fingerprint, labels, annotations, measured, links, starts_at, ends_at,
        received_at
     FROM alerts WHERE starts_at < $2 AND (ends_at IS NULL OR ends_at >= $1)
     ORDER BY starts_at DESC, id DESC LIMIT $3",
);
const FIRING: Statement = Statement::read(
    "alerts.firing",
    "SELECT id, rule, fingerprint, labels, annotations, measured, links, starts_at, ends_at,
        received_at
     FROM alerts WHERE ends_at IS NULL ORDER BY starts_at DESC, id DESC LIMIT $1",
);
const OF_RULE: Statement = Statement::read(
    "alerts.of_rule",
    "SELECT id, rule, fingerprint, labels, annotations, measured, links, starts_at, ends_at,
        received_at
     FROM alerts WHERE rule = $1 ORDER BY starts_at DESC, id DESC LIMIT $2",
);
const FIND: Statement = Statement::read(
    "alerts.find",
    "SELECT id, rule, fingerprint, labels, annotations, measured, links, starts_at, ends_at,
        received_at
     FROM alerts WHERE id = $1",
);
/// What was not received since a time, and whatever goes beyond a number of rows.
const DELETE_OLD: Statement = Statement::write(
    "alerts.delete_old",
    "DELETE FROM alerts WHERE received_at < $1
        OR received_at < (SELECT received_at FROM alerts ORDER BY received_at DESC LIMIT 1 OFFSET $2)",
);

pub(super) const STATEMENTS: &[Statement] =
    &[STORE, END, BETWEEN, FIRING, OF_RULE, FIND, DELETE_OLD];

impl Db {
    /// Stores an alert under a number of its own. The same alert, by fingerprint and start, replaces what
    /// was stored of it. One that ended ends what is open under its fingerprint, and is stored by itself
    /// only if nothing was.
    pub async fn store_alert(&self, alert: &Alert) -> Result<()> {
        if let Some(ended) = alert.ended {
            let end =
                [Arg::Text(&alert.fingerprint), Arg::Int(ended), Arg::Int(alert.last_received)];
            if self.execute(&END, &end).await? > 0 {
                return Ok(());
            }
        }
        let texts = [&alert.labels, &alert.annotations, &alert.values, &alert.links].map(to_json);
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
        ];
        self.execute(&STORE, &args).await.map(drop)
    }

    /// Alerts that fired at any time between two, the newest start first, at most so many.
    pub async fn alerts_between(&self, from: i64, to: i64, limit: i64) -> Result<Vec<Alert>> {
        self.fetch_all(&BETWEEN, &[Arg::Int(from), Arg::Int(to), Arg::Int(limit)], read).await
    }

    /// Alerts without an end, the newest start first, at most so many.
    pub async fn firing_alerts(&self, limit: i64) -> Result<Vec<Alert>> {
        self.fetch_all(&FIRING, &[Arg::Int(limit)], read).await
    }

    /// Alerts of a rule, the newest start first, at most so many.
    pub async fn alerts_of_rule(&self, rule: &str, limit: i64) -> Result<Vec<Alert>> {
        self.fetch_all(&OF_RULE, &[Arg::Text(rule), Arg::Int(limit)], read).await
    }

    /// The alert of that number.
    pub async fn alert(&self, id: i64) -> Result<Option<Alert>> {
        self.fetch_optional(&FIND, &[Arg::Int(id)], read).await
    }

    /// Removes alerts received last before a time, in microseconds, and the oldest beyond about so many.
    pub async fn delete_old_alerts(&self, before: i64, keep: i64) -> Result<u64> {
        self.execute(&DELETE_OLD, &[Arg::Int(before), Arg::Int(keep)]).await
    }
}

fn read(row: &Row) -> sqlx::Result<Alert> {
    let texts = |index: usize| Ok::<_, sqlx::Error>(from_json(&row.get::<String>(index)?));
    Ok(Alert {
        id: row.get(0)?,
        rule: row.get(1)?,
        fingerprint: row.get(2)?,
        labels: texts(3)?,
        annotations: texts(4)?,
        values: texts(5)?,
        links: texts(6)?,
        started: row.get(7)?,
        ended: row.get(8)?,
        last_received: row.get(9)?,
    })
}

fn to_json(texts: &Texts) -> String {
    // A map of texts always has a JSON form.
    serde_json::to_string(texts).unwrap_or_default()
}

/// Whatever else stands there is nothing; only this file writes the column.
fn from_json(text: &str) -> Texts {
    serde_json::from_str(text).unwrap_or_default()
}
