//! Sessions of users. Tokens are seen here as hashes only.

use super::executor::{Arg, Statement};
use super::{Db, Result};
use crate::domain::User;

const CREATE: Statement = Statement::write(
    "sessions.create",
    "INSERT INTO sessions (token_hash, user_id, created_at, last_seen) VALUES ($1, $2, $3, $3)",
);
/// Also counts whom the user follows, up to a bound: it decides the plan of the personal timeline.
const FIND: Statement = Statement::read(
    "sessions.find",
    "SELECT u.id, u.username, s.last_seen,
            (SELECT COUNT(*) FROM (SELECT 1 FROM followers f WHERE f.who_id = u.id LIMIT 100) few)
     FROM sessions s JOIN users u ON u.id = s.user_id
     WHERE s.token_hash = $1 AND s.last_seen > $2 AND s.created_at > $3",
);
/// A start that lies ahead was noted by a clock that was ahead, and is taken back to now.
const TOUCH: Statement = Statement::write(
    "sessions.touch",
    "UPDATE sessions SET last_seen = $2,
         created_at = CASE WHEN created_at > $2 THEN $2 ELSE created_at END
     WHERE token_hash = $1",
);
const DELETE: Statement =
    Statement::write("sessions.delete", "DELETE FROM sessions WHERE token_hash = $1");
const DELETE_OF: Statement =
    Statement::write("sessions.delete_of", "DELETE FROM sessions WHERE user_id = $1");
/// Those past their absolute end are refused, so they are soon idle as well: one range of one index.
const DELETE_IDLE: Statement =
    Statement::write("sessions.delete_idle", "DELETE FROM sessions WHERE last_seen <= $1");
/// Those that were noted by a clock that was far ahead; they would stay until then.
const DELETE_AHEAD: Statement =
    Statement::write("sessions.delete_ahead", "DELETE FROM sessions WHERE last_seen > $1");

pub(super) const STATEMENTS: &[Statement] =
    &[CREATE, FIND, TOUCH, DELETE, DELETE_OF, DELETE_IDLE, DELETE_AHEAD];

/// The user of a session.
#[derive(Clone, Debug)]
pub struct SessionUser {
    /// Who.
    pub user: User,
    /// When the session was last seen, in microseconds; up to a minute old.
    pub last_seen: i64,
    /// Number of users this one follows, at most 100.
    pub follows_up_to_100: i64,
}

impl Db {
    /// Starts a session.
    pub async fn create_session(&self, token_hash: &[u8], user: i64, now: i64) -> Result<()> {
        let args = [Arg::Bytes(token_hash), Arg::Int(user), Arg::Int(now)];
        self.execute(&CREATE, &args).await.map(drop)
    }

    /// The session, if it was seen and created after these times.
    pub async fn session(
        &self,
        token_hash: &[u8],
        seen_after: i64,
        created_after: i64,
    ) -> Result<Option<SessionUser>> {
        let args = [Arg::Bytes(token_hash), Arg::Int(seen_after), Arg::Int(created_after)];
        self.fetch_optional(&FIND, &args, |row| {
            Ok(SessionUser {
                user: User { id: row.get(0)?, username: row.get(1)? },
                last_seen: row.get(2)?,
                follows_up_to_100: row.get(3)?,
            })
        })
        .await
    }

    /// Records the use of a session.
    pub async fn touch_session(&self, token_hash: &[u8], now: i64) -> Result<()> {
        self.execute(&TOUCH, &[Arg::Bytes(token_hash), Arg::Int(now)]).await.map(drop)
    }

    /// Deletes a session.
    pub async fn delete_session(&self, token_hash: &[u8]) -> Result<()> {
        self.execute(&DELETE, &[Arg::Bytes(token_hash)]).await.map(drop)
    }

    /// Deletes all sessions of a user.
    pub async fn delete_sessions_of(&self, user: i64) -> Result<()> {
        self.execute(&DELETE_OF, &[Arg::Int(user)]).await.map(drop)
    }

    /// Removes the sessions that were not seen after the first of these times, or only after the second, which
    /// lies ahead.
    pub async fn delete_idle_sessions(&self, seen: i64, ahead: i64) -> Result<u64> {
        let idle = self.execute(&DELETE_IDLE, &[Arg::Int(seen)]).await?;
        Ok(idle + self.execute(&DELETE_AHEAD, &[Arg::Int(ahead)]).await?)
    }
}
