//! What moderation looks at: all messages, hidden ones too, and all users, newest first. A search by
//! text walks a bounded part of the table and says where the next part begins, because an index of
//! every substring would cost each post more than moderation is worth.

use super::executor::{Arg, Statement};
use super::messages::before_cursor;
use super::row::Row;
use super::{Db, Result};

/// Maximum number of rows scanned by a text search.
pub const SCANNED: i64 = 20_000;

/// Shown and hidden messages have an index each; the newest of both are merged. `$1` is the cursor, `$3`
/// the id of the last message to look at or 0, `$4` 1 for hidden ones and 0 for shown ones alone, `$5` a
/// pattern or nothing.
macro_rules! messages {
    ($only:literal) => {
        concat!(
            "SELECT m.id, u.username, m.text, m.pub_date, m.flagged, m.deleted_at FROM (SELECT * FROM (",
            messages!(@part "NOT x.flagged AND $4 <> 1", $only),
            ") few UNION ALL SELECT * FROM (",
            messages!(@part "x.flagged AND $4 <> 0", $only),
            ") few) m JOIN users u ON u.id = m.author_id
             ORDER BY m.pub_date DESC, m.id DESC LIMIT $2"
        )
    };
    (@part $flagged:literal, $only:literal) => {
        concat!(
            "SELECT x.id, x.author_id, x.text, x.pub_date, x.flagged, x.deleted_at FROM messages x
             WHERE ", $flagged, " AND ", before_cursor!("x"), $only,
            " AND ($5 = '' OR lower(x.text) LIKE lower($5) ESCAPE '\\')
             ORDER BY x.pub_date DESC, x.id DESC LIMIT $2"
        )
    };
}

const MESSAGES: Statement = Statement::read(
    "moderation.messages",
    messages!(
        " AND (x.pub_date, x.id) >=
            (COALESCE((SELECT l.pub_date FROM messages l WHERE l.id = $3), 0), $3)"
    ),
);
/// One author has few enough to look at all of them.
const OF_AUTHOR: Statement = Statement::read(
    "moderation.messages_of_author",
    messages!(" AND $3 = 0 AND x.author_id = (SELECT a.id FROM users a WHERE a.username = $6)"),
);
const MESSAGE: Statement = Statement::read(
    "moderation.message",
    "SELECT m.id, u.username, m.text, m.pub_date, m.flagged, m.deleted_at
     FROM messages m JOIN users u ON u.id = m.author_id WHERE m.id = $1",
);
/// The last message that a search from the cursor `$1` on looks at.
const LAST_SCANNED: Statement = Statement::read(
    "moderation.last_scanned",
    "SELECT w.id FROM messages w
     WHERE w.id <= CASE WHEN $1 < 9223372036854775807 THEN $1
                        ELSE (SELECT MAX(id) FROM messages) END - $2
     ORDER BY w.id DESC LIMIT 1",
);

macro_rules! users {
    ($which:literal) => {
        concat!(
            "SELECT u.id, u.username, u.created_at,
                (SELECT COUNT(*) FROM messages m WHERE m.author_id = u.id AND NOT m.flagged),
                (SELECT COUNT(*) FROM messages m WHERE m.author_id = u.id AND m.flagged),
                (SELECT COUNT(*) FROM followers f WHERE f.whom_id = u.id),
                (SELECT COUNT(*) FROM followers f WHERE f.who_id = u.id),
                (SELECT MAX(m.pub_date) FROM messages m WHERE m.author_id = u.id AND NOT m.flagged),
                (SELECT MAX(s.last_seen) FROM sessions s WHERE s.user_id = u.id)
             FROM users u WHERE ",
            $which
        )
    };
}

/// Lists users with ids below the cursor `$1`, down to `$2`.
const USERS: Statement = Statement::read(
    "moderation.users",
    users!(
        "u.id < $1 AND u.id >= $2 AND ($3 = '' OR lower(u.username) LIKE lower($3) ESCAPE '\\')
         ORDER BY u.id DESC LIMIT $4"
    ),
);
const USER: Statement = Statement::read("moderation.user", users!("u.username = $1"));
const NEWEST_USER: Statement =
    Statement::read("moderation.newest_user", "SELECT MAX(id) FROM users");

pub(super) const STATEMENTS: &[Statement] =
    &[MESSAGES, OF_AUTHOR, MESSAGE, LAST_SCANNED, USERS, USER, NEWEST_USER];

/// Which messages to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessageFilter<'a> {
    /// Only messages of this author.
    pub author: Option<&'a str>,
    /// With this in the text; empty for all.
    pub text: &'a str,
    /// Only hidden messages, or only visible ones.
    pub flagged: Option<bool>,
    /// Older than the message with this id.
    pub before: Option<i64>,
}

/// A message with what readers do not see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeratedMessage {
    /// Primary key.
    pub id: i64,
    /// Name of the author.
    pub author: String,
    /// Text as posted.
    pub text: String,
    /// Microseconds since the Unix epoch.
    pub pub_date: i64,
    /// Whether the message is hidden from all lists.
    pub flagged: bool,
    /// Whether its author deleted it; the text is gone and it stays hidden.
    pub deleted: bool,
}

/// A user with counts of messages and follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeratedUser {
    /// Primary key.
    pub id: i64,
    /// Username as registered.
    pub username: String,
    /// Microseconds since the Unix epoch.
    pub created_at: i64,
    /// Messages that readers see, and that they do not.
    pub messages: (i64, i64),
    /// How many follow the user, and how many the user follows.
    pub followers: (i64, i64),
    /// The newest of messages and sessions, in microseconds.
    pub last_active: Option<i64>,
}

/// A page of a list and the cursor of the next page.
pub type Part<T> = (Vec<T>, Option<i64>);

impl Db {
    /// The newest messages that pass a filter, at most so many.
    pub async fn moderated_messages(
        &self,
        filter: MessageFilter<'_>,
        limit: i64,
    ) -> Result<Part<ModeratedMessage>> {
        let cursor = filter.before.unwrap_or(i64::MAX);
        let is_scan = filter.author.is_none() && !filter.text.is_empty();
        let last = if is_scan { self.last_scanned(cursor).await? } else { None };
        let pattern = pattern(filter.text);
        let args = [
            Arg::Int(cursor),
            Arg::Int(limit + 1),
            Arg::Int(last.unwrap_or(0)),
            Arg::Int(filter.flagged.map_or(2, i64::from)),
            Arg::Text(&pattern),
            Arg::Text(filter.author.unwrap_or_default()),
        ];
        let found = match filter.author {
            Some(_) => self.fetch_all(&OF_AUTHOR, &args, message).await?,
            None => self.fetch_all(&MESSAGES, &args[..5], message).await?,
        };
        Ok(part(found, limit, last, |message| message.id))
    }

    async fn last_scanned(&self, cursor: i64) -> Result<Option<i64>> {
        let args = [Arg::Int(cursor), Arg::Int(SCANNED)];
        self.fetch_optional(&LAST_SCANNED, &args, |row| row.get(0)).await
    }

    /// Loads one message.
    pub async fn moderated_message(&self, id: i64) -> Result<Option<ModeratedMessage>> {
        self.fetch_optional(&MESSAGE, &[Arg::Int(id)], message).await
    }

    /// The newest users whose name holds a text, at most so many. Whose whole name it is comes first.
    pub async fn moderated_users(
        &self,
        text: &str,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Part<ModeratedUser>> {
        let mut cursor = before.unwrap_or(i64::MAX);
        let mut last = None;
        let mut exact = None;
        if !text.is_empty() {
            let newest = self.fetch_optional(&NEWEST_USER, &[], |row| row.get(0)).await?;
            cursor = cursor.min(newest.flatten().unwrap_or(0) + 1);
            last = Some(cursor - SCANNED).filter(|last| *last > 1);
        }
        if before.is_none() && !text.is_empty() {
            exact = self.fetch_optional(&USER, &[Arg::Text(text)], user).await?;
        }
        let pattern = pattern(text);
        let args = [
            Arg::Int(cursor),
            Arg::Int(last.unwrap_or(0)),
            Arg::Text(&pattern),
            Arg::Int(limit + 1),
        ];
        let found = self.fetch_all(&USERS, &args, user).await?;
        let (mut users, next) = part(found, limit, last, |user| user.id);
        if let Some(exact) = exact {
            users.retain(|user| user.id != exact.id);
            users.insert(0, exact);
        }
        Ok((users, next))
    }
}

/// What was found, cut to its length, and where to go on: behind it, or behind what was looked at.
fn part<T>(
    mut found: Vec<T>,
    limit: i64,
    last_scanned: Option<i64>,
    id: impl Fn(&T) -> i64,
) -> Part<T> {
    let limit = usize::try_from(limit).unwrap_or(0);
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = if has_more { found.last().map(id) } else { last_scanned };
    (found, next)
}

/// A LIKE pattern for texts that hold this one; empty for an empty one.
fn pattern(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

fn message(row: &Row) -> sqlx::Result<ModeratedMessage> {
    Ok(ModeratedMessage {
        id: row.get(0)?,
        author: row.get(1)?,
        text: row.get(2)?,
        pub_date: row.get(3)?,
        flagged: row.get(4)?,
        deleted: row.get::<Option<i64>>(5)?.is_some(),
    })
}

fn user(row: &Row) -> sqlx::Result<ModeratedUser> {
    let (posted, seen): (Option<i64>, Option<i64>) = (row.get(7)?, row.get(8)?);
    Ok(ModeratedUser {
        id: row.get(0)?,
        username: row.get(1)?,
        created_at: row.get(2)?,
        messages: (row.get(3)?, row.get(4)?),
        followers: (row.get(5)?, row.get(6)?),
        last_active: posted.max(seen),
    })
}
