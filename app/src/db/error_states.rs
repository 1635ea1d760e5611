//! Errors that operators called resolved, by fingerprint.

use super::executor::{Arg, Statement};
use super::row::Row;
use super::{Db, Result};

/// States kept.
const KEPT: i64 = 1_000;

const LIST: Statement = Statement::read(
    "error_states.list",
    "SELECT fingerprint, place, sample, first_seen, last_seen, resolved_at, resolved_by,
            resolved_version, reopened_at, reopened_version
     FROM error_groups ORDER BY last_seen DESC LIMIT $1",
);
/// Also resolves errors that reoccurred.
const RESOLVE: Statement = Statement::write(
    "error_states.resolve",
    "INSERT INTO error_groups (fingerprint, place, sample, first_seen, last_seen, resolved_at,
         resolved_by, resolved_version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (fingerprint) DO UPDATE SET sample = excluded.sample,
         last_seen = excluded.last_seen, resolved_at = excluded.resolved_at,
         resolved_by = excluded.resolved_by, resolved_version = excluded.resolved_version,
         reopened_at = NULL, reopened_version = NULL",
);
const SEEN_AGAIN: Statement = Statement::write(
    "error_states.seen_again",
    "UPDATE error_groups SET reopened_at = $2, reopened_version = $3, last_seen = $2
     WHERE fingerprint = $1 AND reopened_at IS NULL AND resolved_at < $2",
);
const REOPEN: Statement =
    Statement::write("error_states.reopen", "DELETE FROM error_groups WHERE fingerprint = $1");
const DELETE_OLD: Statement = Statement::write(
    "error_states.delete_old",
    "DELETE FROM error_groups WHERE last_seen <
        (SELECT g.last_seen FROM error_groups g ORDER BY g.last_seen DESC LIMIT 1 OFFSET $1)",
);

pub(super) const STATEMENTS: &[Statement] = &[LIST, RESOLVE, SEEN_AGAIN, REOPEN, DELETE_OLD];

/// A resolved error. Times are microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorState {
    /// Fingerprint of source location and masked error chain.
    pub fingerprint: String,
    /// Where in the code.
    pub place: String,
    /// What one of them said.
    pub sample: String,
    /// The first and the last that were known when it was resolved.
    pub seen: (i64, i64),
    /// When it was resolved.
    pub resolved_at: i64,
    /// Operator who resolved it.
    pub resolved_by: String,
    /// Version in which it was resolved.
    pub resolved_version: String,
    /// When it was seen again, and in which version.
    pub reopened: Option<(i64, String)>,
}

impl Db {
    /// Lists all states, latest occurrence first.
    pub async fn error_states(&self) -> Result<Vec<ErrorState>> {
        self.fetch_all(&LIST, &[Arg::Int(KEPT)], state).await
    }

    /// Resolves an error; beyond `KEPT` the states of the longest unseen go.
    pub async fn resolve_error(&self, state: &ErrorState) -> Result<()> {
        let args = [
            Arg::Text(&state.fingerprint),
            Arg::Text(&state.place),
            Arg::Text(&state.sample),
            Arg::Int(state.seen.0),
            Arg::Int(state.seen.1),
            Arg::Int(state.resolved_at),
            Arg::Text(&state.resolved_by),
            Arg::Text(&state.resolved_version),
        ];
        self.execute(&RESOLVE, &args).await?;
        self.execute(&DELETE_OLD, &[Arg::Int(KEPT - 1)]).await.map(drop)
    }

    /// Notes that a resolved error came back, unless that is known.
    pub async fn error_seen_again(&self, fingerprint: &str, at: i64, version: &str) -> Result<()> {
        let args = [Arg::Text(fingerprint), Arg::Int(at), Arg::Text(version)];
        self.execute(&SEEN_AGAIN, &args).await.map(drop)
    }

    /// Forgets the state of an error; `false` when it has none.
    pub async fn reopen_error(&self, fingerprint: &str) -> Result<bool> {
        Ok(self.execute(&REOPEN, &[Arg::Text(fingerprint)]).await? > 0)
    }
}

fn state(row: &Row) -> sqlx::Result<ErrorState> {
    let reopened_at: Option<i64> = row.get(8)?;
    let reopened_version: Option<String> = row.get(9)?;
    Ok(ErrorState {
        fingerprint: row.get(0)?,
        place: row.get(1)?,
        sample: row.get(2)?,
        seen: (row.get(3)?, row.get(4)?),
        resolved_at: row.get(5)?,
        resolved_by: row.get(6)?,
        resolved_version: row.get(7)?,
        reopened: reopened_at.map(|at| (at, reopened_version.unwrap_or_default())),
    })
}
