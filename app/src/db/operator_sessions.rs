//! Sessions of operators. Tokens are seen here as hashes only.

use super::executor::{Arg, Statement};
use super::{Db, Result};

const CREATE: Statement = Statement::write(
    "operator_sessions.create",
    "INSERT INTO operator_sessions (token_hash, operator, created_at, last_seen, address, user_agent)
     SELECT $1, name, $3, $3, $4, $5 FROM operators WHERE name = $2 AND disabled_at = 0",
);
const LIST: Statement = Statement::read(
    "operator_sessions.list",
    "SELECT token_hash, operator, created_at, last_seen, address, user_agent
     FROM operator_sessions WHERE last_seen > $1 AND created_at > $2
     ORDER BY last_seen DESC LIMIT 1000",
)
.in_background();
/// A start that lies ahead was noted by a clock that was ahead, and is taken back to now.
const TOUCH: Statement = Statement::write(
    "operator_sessions.touch",
    "UPDATE operator_sessions SET last_seen = $2,
         created_at = CASE WHEN created_at > $2 THEN $2 ELSE created_at END
     WHERE token_hash = $1",
)
.in_background();
const DELETE: Statement = Statement::write(
    "operator_sessions.delete",
    "DELETE FROM operator_sessions WHERE token_hash = $1",
)
.in_background();
/// Of those that began up to a time: the order may be carried out late, when there are newer ones.
const DELETE_OF: Statement = Statement::write(
    "operator_sessions.delete_of",
    "DELETE FROM operator_sessions WHERE operator = $1 AND created_at <= $2 AND token_hash <> $3",
)
.in_background();
/// Idle ones alone: a session past its absolute end is idle soon after. One that was last seen far ahead was
/// noted by a clock that was ahead.
const DELETE_IDLE: Statement = Statement::write(
    "operator_sessions.delete_idle",
    "DELETE FROM operator_sessions WHERE last_seen <= $1 OR last_seen > $2",
);

pub(super) const STATEMENTS: &[Statement] = &[CREATE, LIST, TOUCH, DELETE, DELETE_OF, DELETE_IDLE];

/// A session as lists show it. Times are microseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSession {
    /// Hash of the session token.
    pub token_hash: Vec<u8>,
    /// Sign-in name.
    pub operator: String,
    /// When it began.
    pub created_at: i64,
    /// When it was last seen; up to a minute old.
    pub last_seen: i64,
    /// Client address; empty if unknown.
    pub address: String,
    /// With which browser, as it says itself; may be empty.
    pub user_agent: String,
}

/// Where a session is begun.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin<'a> {
    /// The client's address.
    pub address: &'a str,
    /// What its browser says of itself, of bounded length.
    pub user_agent: &'a str,
}

impl Db {
    /// Starts a session; `false` when there is no such operator or nobody may log in as that one.
    pub async fn create_operator_session(
        &self,
        token_hash: &[u8],
        operator: &str,
        origin: Origin<'_>,
        now: i64,
    ) -> Result<bool> {
        let args = [
            Arg::Bytes(token_hash),
            Arg::Text(operator),
            Arg::Int(now),
            Arg::Text(origin.address),
            Arg::Text(origin.user_agent),
        ];
        Ok(self.execute(&CREATE, &args).await? > 0)
    }

    /// The sessions that were seen and created after these times, the last seen first.
    pub async fn operator_sessions(
        &self,
        seen_after: i64,
        created_after: i64,
    ) -> Result<Vec<ListedSession>> {
        self.fetch_all(&LIST, &[Arg::Int(seen_after), Arg::Int(created_after)], |row| {
            Ok(ListedSession {
                token_hash: row.get(0)?,
                operator: row.get(1)?,
                created_at: row.get(2)?,
                last_seen: row.get(3)?,
                address: row.get(4)?,
                user_agent: row.get(5)?,
            })
        })
        .await
    }

    /// Records the use of a session.
    pub async fn touch_operator_session(&self, token_hash: &[u8], now: i64) -> Result<()> {
        self.execute(&TOUCH, &[Arg::Bytes(token_hash), Arg::Int(now)]).await.map(drop)
    }

    /// Deletes a session.
    pub async fn delete_operator_session(&self, token_hash: &[u8]) -> Result<()> {
        self.execute(&DELETE, &[Arg::Bytes(token_hash)]).await.map(drop)
    }

    /// Deletes the sessions of an operator that began up to that time, except one; the hash of no session is
    /// empty.
    pub async fn delete_operator_sessions(
        &self,
        operator: &str,
        until: i64,
        but: &[u8],
    ) -> Result<u64> {
        let args = [Arg::Text(operator), Arg::Int(until), Arg::Bytes(but)];
        self.execute(&DELETE_OF, &args).await
    }

    /// Removes the sessions that were not seen after the first of these times, or only after the second, which
    /// lies ahead.
    pub async fn delete_idle_operator_sessions(&self, seen: i64, ahead: i64) -> Result<u64> {
        self.execute(&DELETE_IDLE, &[Arg::Int(seen), Arg::Int(ahead)]).await
    }
}
