//! Totals of the business, read by a job, never by a request: counting reads whole indexes.

use super::executor::{Arg, Statement};
use super::{Db, Result};

const TOTALS: Statement = Statement::read(
    "totals.count",
    "SELECT (SELECT COUNT(*) FROM users), (SELECT COUNT(*) FROM messages),
            (SELECT COUNT(*) FROM followers)",
);
/// Who posted or was seen logged in after a time; both read a range of an index.
const ACTIVE: Statement = Statement::read(
    "totals.active_users",
    "SELECT COUNT(*) FROM (
        SELECT author_id FROM messages WHERE NOT flagged AND pub_date > $1
        UNION SELECT user_id FROM sessions WHERE last_seen > $1) active",
);

/// PostgreSQL adds up the files of the database.
const SIZE: Statement = Statement::read(
    "totals.size",
    "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
)
.on_postgres("SELECT pg_database_size(current_database())");

pub(super) const STATEMENTS: &[Statement] = &[TOTALS, ACTIVE, SIZE];

/// Totals of users, messages and follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Number of registered users.
    pub users: i64,
    /// Number of messages, including flagged ones.
    pub messages: i64,
    /// Number of follow relations.
    pub followers: i64,
}

impl Db {
    /// Counts users, messages and follows.
    pub async fn totals(&self) -> Result<Totals> {
        let totals = self.fetch_optional(&TOTALS, &[], |row| {
            Ok(Totals { users: row.get(0)?, messages: row.get(1)?, followers: row.get(2)? })
        });
        Ok(totals.await?.unwrap_or(Totals { users: 0, messages: 0, followers: 0 }))
    }

    /// Bytes of the database, without a write-ahead log.
    pub async fn size(&self) -> Result<u64> {
        let size = self.fetch_optional(&SIZE, &[], |row| row.get::<i64>(0)).await?;
        Ok(size.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0))
    }

    /// Distinct users with a message or a seen session after that time.
    pub async fn active_users(&self, after: i64) -> Result<i64> {
        let count = self.fetch_optional(&ACTIVE, &[Arg::Int(after)], |row| row.get(0)).await?;
        Ok(count.unwrap_or(0))
    }
}
