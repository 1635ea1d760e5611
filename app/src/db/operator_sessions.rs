//! Sessions of operators. Tokens are seen here as hashes only.

use admin::Role;

use super::executor::{Arg, Statement};
use super::operators::role;
use super::{Db, Result};

const CREATE: Statement = Statement::write(
    "operator_sessions.create",
    "INSERT INTO operator_sessions (token_hash, operator, created_at, last_seen, address, user_agent)
     SELECT $1, name, $3, $3, $4, $5 FROM operators WHERE name = $2 AND disabled_at = 0",
);
const FIND: Statement = Statement::read(
    "operator_sessions.find",
    "SELECT o.name, o.role, s.last_seen
     FROM operator_sessions s JOIN operators o ON o.name = s.operator
     WHERE s.token_hash = $1 AND s.last_seen > $2 AND s.created_at > $3 AND o.disabled_at = 0",
);
/// The same that [`FIND`] finds.
const LIST: Statement = Statement::read(
    "operator_sessions.list",
    "SELECT token_hash, operator, created_at, last_seen, address, user_agent
     FROM operator_sessions WHERE last_seen > $1 AND created_at > $2
     ORDER BY last_seen DESC LIMIT 1000",
);
const TOUCH: Statement = Statement::write(
    "operator_sessions.touch",
    "UPDATE operator_sessions SET last_seen = $2 WHERE token_hash = $1",
);
const DELETE: Statement = Statement::write(
    "operator_sessions.delete",
    "DELETE FROM operator_sessions WHERE token_hash = $1",
);
const DELETE_OF: Statement = Statement::write(
    "operator_sessions.delete_of",
    "DELETE FROM operator_sessions WHERE operator = $1",
);
const DELETE_OTHERS: Statement = Statement::write(
    "operator_sessions.delete_others",
    "DELETE FROM operator_sessions WHERE operator = $1 AND token_hash <> $2",
);
/// Idle ones alone: a session past its absolute end is idle soon after.
const DELETE_IDLE: Statement = Statement::write(
    "operator_sessions.delete_idle",
    "DELETE FROM operator_sessions WHERE last_seen <= $1",
);

pub(super) const STATEMENTS: &[Statement] =
    &[CREATE, FIND, LIST, TOUCH, DELETE, DELETE_OF, DELETE_OTHERS, DELETE_IDLE];

/// The operator of a session.
#[derive(Clone, Debug)]
pub struct OperatorSession {
    /// Sign-in name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// When the session was last seen, in microseconds; up to a minute old.
    pub last_seen: i64,
}

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

    /// The session, if it was seen and created after these times.
    pub async fn operator_session(
        &self,
        token_hash: &[u8],
        seen_after: i64,
        created_after: i64,
    ) -> Result<Option<OperatorSession>> {
        let args = [Arg::Bytes(token_hash), Arg::Int(seen_after), Arg::Int(created_after)];
        self.fetch_optional(&FIND, &args, |row| {
            Ok(OperatorSession { name: row.get(0)?, role: role(row, 1)?, last_seen: row.get(2)? })
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

    /// Deletes all sessions of an operator.
    pub async fn delete_operator_sessions(&self, operator: &str) -> Result<u64> {
        self.execute(&DELETE_OF, &[Arg::Text(operator)]).await
    }

    /// Deletes all sessions of an operator except one.
    pub async fn delete_other_operator_sessions(&self, operator: &str, but: &[u8]) -> Result<u64> {
        self.execute(&DELETE_OTHERS, &[Arg::Text(operator), Arg::Bytes(but)]).await
    }

    /// Removes the sessions that were not seen after this time.
    pub async fn delete_idle_operator_sessions(&self, seen: i64) -> Result<u64> {
        self.execute(&DELETE_IDLE, &[Arg::Int(seen)]).await
    }
}
