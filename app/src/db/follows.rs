//! Who follows whom. Following and unfollowing twice is the same as once.

use super::executor::{Arg, Statement};
use super::{Db, Result};

/// One row that says whether both users exist, and whether a row came: both facts in one statement.
const FOLLOW: Statement = Statement::write(
    "followers.create",
    "INSERT INTO followers (who_id, whom_id, created_at)
     SELECT who.id, whom.id, $3 FROM users who, users whom
     WHERE who.username = $1 AND whom.username = $2
     ON CONFLICT (who_id, whom_id) DO NOTHING",
);
const UNFOLLOW: Statement = Statement::write(
    "followers.delete",
    "DELETE FROM followers
     WHERE who_id = (SELECT id FROM users WHERE username = $1)
       AND whom_id = (SELECT id FROM users WHERE username = $2)",
);
const BOTH_EXIST: Statement = Statement::read(
    "followers.both_users",
    "SELECT id FROM users WHERE username IN ($1, $2) LIMIT 2",
);
/// A left join, so that an unknown user (no row) differs from one who follows nobody (one NULL).
const FOLLOWED: Statement = Statement::read(
    "followers.list",
    "SELECT whom.username FROM users who
     LEFT JOIN followers f ON f.who_id = who.id
     LEFT JOIN users whom ON whom.id = f.whom_id
     WHERE who.username = $1 ORDER BY f.id LIMIT $2",
);

pub(super) const STATEMENTS: &[Statement] = &[FOLLOW, UNFOLLOW, BOTH_EXIST, FOLLOWED];

/// What a follow or unfollow did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// A row was inserted or deleted.
    Changed,
    /// Nothing changed.
    Unchanged,
    /// One of the users does not exist.
    UnknownUser,
}

impl Db {
    /// `who` follows `whom` from now on.
    pub async fn follow(&self, who: &str, whom: &str, now: i64) -> Result<Followed> {
        let args = [Arg::Text(who), Arg::Text(whom), Arg::Int(now)];
        let rows = self.execute(&FOLLOW, &args).await?;
        self.followed(rows, who, whom).await
    }

    /// `who` no longer follows `whom`.
    pub async fn unfollow(&self, who: &str, whom: &str) -> Result<Followed> {
        let rows = self.execute(&UNFOLLOW, &[Arg::Text(who), Arg::Text(whom)]).await?;
        self.followed(rows, who, whom).await
    }

    async fn followed(&self, rows: u64, who: &str, whom: &str) -> Result<Followed> {
        if rows > 0 {
            return Ok(Followed::Changed);
        }
        let args = [Arg::Text(who), Arg::Text(whom)];
        let found = self.fetch_all(&BOTH_EXIST, &args, |row| row.get::<i64>(0)).await?.len();
        let wanted = if who == whom { 1 } else { 2 };
        Ok(if found == wanted { Followed::Unchanged } else { Followed::UnknownUser })
    }

    /// Names of those whom `who` follows, in the order of following; `None` when there is no such
    /// user.
    pub async fn followed_by(&self, who: &str, limit: i64) -> Result<Option<Vec<String>>> {
        let args = [Arg::Text(who), Arg::Int(limit.max(1))];
        let names = self.fetch_all(&FOLLOWED, &args, |row| row.get::<Option<String>>(0)).await?;
        if names.is_empty() {
            return Ok(None);
        }
        let shown = usize::try_from(limit).unwrap_or(0);
        Ok(Some(names.into_iter().flatten().take(shown).collect()))
    }
}
