//! Sessions of operators. Tokens are seen here as hashes only.

use super::executor::{Arg, Statement};
use super::operators::Role;
use super::{Db, Result};

const CREATE: Statement = Statement::write(
    "operator_sessions.create",
    "INSERT INTO operator_sessions (token_hash, operator, created_at, last_seen)
     VALUES ($1, $2, $3, $3)",
);
const FIND: Statement = Statement::read(
    "operator_sessions.find",
    "SELECT o.name, o.role, s.last_seen
     FROM operator_sessions s JOIN operators o ON o.name = s.operator
     WHERE s.token_hash = $1 AND s.last_seen > $2 AND s.created_at > $3",
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
/// Idle ones alone: a session past its absolute end is idle soon after.
const DELETE_IDLE: Statement = Statement::write(
    "operator_sessions.delete_idle",
    "DELETE FROM operator_sessions WHERE last_seen <= $1",
);

pub(super) const STATEMENTS: &[Statement] = &[CREATE, FIND, TOUCH, DELETE, DELETE_OF, DELETE_IDLE];

/// The operator of a session.
#[derive(Clone, Debug)]
pub struct OperatorSession {
    /// Log-in name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// When the session was last seen, in microseconds; up to a minute old.
    pub last_seen: i64,
}

impl Db {
    /// Starts a session.
    pub async fn create_operator_session(
        &self,
        token_hash: &[u8],
        operator: &str,
        now: i64,
    ) -> Result<()> {
        let args = [Arg::Bytes(token_hash), Arg::Text(operator), Arg::Int(now)];
        self.execute(&CREATE, &args).await.map(drop)
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
            let role = Role::parse(&row.get::<String>(1)?);
            Ok(OperatorSession { name: row.get(0)?, role, last_seen: row.get(2)? })
        })
        .await
    }

    /// Notes that a session was used.
    pub async fn touch_operator_session(&self, token_hash: &[u8], now: i64) -> Result<()> {
        self.execute(&TOUCH, &[Arg::Bytes(token_hash), Arg::Int(now)]).await.map(drop)
    }

    /// Ends a session.
    pub async fn delete_operator_session(&self, token_hash: &[u8]) -> Result<()> {
        self.execute(&DELETE, &[Arg::Bytes(token_hash)]).await.map(drop)
    }

    /// Ends every session of an operator.
    pub async fn delete_operator_sessions(&self, operator: &str) -> Result<u64> {
        self.execute(&DELETE_OF, &[Arg::Text(operator)]).await
    }

    /// Removes the sessions that were not seen after this time.
    pub async fn delete_idle_operator_sessions(&self, seen: i64) -> Result<u64> {
        self.execute(&DELETE_IDLE, &[Arg::Int(seen)]).await
    }
}
