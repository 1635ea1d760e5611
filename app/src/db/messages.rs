//! Messages and timelines. Every list is newest first by `(pub_date, id)` and leaves out flagged
//! messages; what a page costs does not grow with the table.

use super::executor::{Arg, Statement};
use super::people::{Asking, Profile, profile};
use super::row::Row;
use super::{Db, Result};
use crate::domain::{Message, MessageText, Page};

/// The cursor `$1` is a message id, or `i64::MAX` for the first page, which no message has.
macro_rules! before_cursor {
    ($message:literal) => {
        concat!(
            "(", $message, ".pub_date, ", $message, ".id) < ",
            "(COALESCE((SELECT c.pub_date FROM messages c WHERE c.id = $1), 9223372036854775807), $1)"
        )
    };
}

pub(super) use before_cursor;

const PUBLIC: Statement = Statement::read(
    "messages.public",
    concat!(
        "SELECT m.id, u.username, u.email, m.text, m.pub_date
         FROM messages m JOIN users u ON u.id = m.author_id
         WHERE NOT m.flagged AND ",
        before_cursor!("m"),
        " ORDER BY m.pub_date DESC, m.id DESC LIMIT $2 OFFSET $3"
    ),
);

/// For those who follow many: walks the newest 4,000 messages and keeps what is followed. The unary
/// plus keeps both planners from starting at the authors instead.
const HOME_RECENT: Statement = Statement::read(
    "messages.home_recent",
    concat!(
        "SELECT m.id, u.username, u.email, m.text, m.pub_date
         FROM messages m JOIN users u ON u.id = m.author_id
         WHERE NOT m.flagged
           AND (+m.author_id = $4 OR +m.author_id IN
                (SELECT f.whom_id FROM followers f WHERE f.who_id = $4))
           AND m.pub_date >= COALESCE((SELECT w.pub_date FROM messages w WHERE w.id <=
                CASE WHEN $1 < 9223372036854775807 THEN $1
                     ELSE (SELECT MAX(id) FROM messages) END - 4000
                ORDER BY w.id DESC LIMIT 1), 0)
           AND ",
        before_cursor!("m"),
        " ORDER BY m.pub_date DESC, m.id DESC LIMIT $2 OFFSET $3"
    ),
);

/// For the others: the newest of each followed author, and the newest of those. `$5` is `$2 + $3`.
/// SQLite has no LATERAL, and PostgreSQL would try the correlated IN on every message.
const HOME_BY_AUTHOR: Statement = Statement::read(
    "messages.home_by_author",
    concat!(
        "SELECT m.id, u.username, u.email, m.text, m.pub_date
         FROM (SELECT whom_id AS author_id FROM followers WHERE who_id = $4 UNION SELECT $4) a
         CROSS JOIN messages m ON m.id IN
            (SELECT x.id FROM messages x
             WHERE x.author_id = a.author_id AND NOT x.flagged AND ",
        before_cursor!("x"),
        " ORDER BY x.pub_date DESC, x.id DESC LIMIT $5)
         JOIN users u ON u.id = m.author_id
         ORDER BY m.pub_date DESC, m.id DESC LIMIT $2 OFFSET $3"
    ),
)
.on_postgres(concat!(
    "SELECT m.id, u.username, u.email, m.text, m.pub_date
     FROM (SELECT whom_id AS author_id FROM followers WHERE who_id = $4 UNION SELECT $4) a
     CROSS JOIN LATERAL
        (SELECT x.id, x.author_id, x.text, x.pub_date FROM messages x
         WHERE x.author_id = a.author_id AND NOT x.flagged AND ",
    before_cursor!("x"),
    " ORDER BY x.pub_date DESC, x.id DESC LIMIT $5) m
     JOIN users u ON u.id = m.author_id
     ORDER BY m.pub_date DESC, m.id DESC LIMIT $2 OFFSET $3"
));

/// Follows are counted to `$6` only, and by the name: what depends on the row would be counted for each.
macro_rules! profile {
    () => {
        "u.username, u.email,
         (SELECT COUNT(*) FROM (SELECT 1 FROM followers x WHERE x.whom_id =
            (SELECT n.id FROM users n WHERE n.username = $4) LIMIT $6) few),
         (SELECT COUNT(*) FROM (SELECT 1 FROM followers x WHERE x.who_id =
            (SELECT n.id FROM users n WHERE n.username = $4) LIMIT $6) few),
         (SELECT COUNT(*) FROM followers f WHERE f.who_id = $5 AND f.whom_id = u.id)"
    };
}

/// Profile and page in one: a user without messages is one row of NULLs, no user is no row. SQLite walks
/// the index in order; PostgreSQL would collect and sort all messages of the author, unless the page is
/// cut inside the join.
const OF_AUTHOR: Statement = Statement::read(
    "messages.of_author",
    concat!(
        "SELECT ",
        profile!(),
        ", m.id, m.text, m.pub_date
         FROM users u LEFT JOIN messages m ON m.author_id = u.id AND NOT m.flagged AND ",
        before_cursor!("m"),
        " WHERE u.username = $4 ORDER BY m.pub_date DESC, m.id DESC LIMIT $2 OFFSET $3"
    ),
)
.on_postgres(concat!(
    "SELECT ",
    profile!(),
    ", m.id, m.text, m.pub_date
     FROM users u LEFT JOIN LATERAL
        (SELECT x.id, x.text, x.pub_date FROM messages x
         WHERE x.author_id = u.id AND NOT x.flagged AND ",
    before_cursor!("x"),
    " ORDER BY x.pub_date DESC, x.id DESC LIMIT $2 OFFSET $3) m ON TRUE
     WHERE u.username = $4 ORDER BY m.pub_date DESC, m.id DESC"
));

const POST: Statement = Statement::write(
    "messages.create",
    "INSERT INTO messages (author_id, text, pub_date) SELECT id, $2, $3 FROM users WHERE username = $1",
);
/// What its author deleted has nothing left to show.
const FLAG: Statement = Statement::write(
    "messages.flag",
    "UPDATE messages SET flagged = $2 WHERE id = $1 AND deleted_at IS NULL",
);
const GET: Statement = Statement::read(
    "messages.get",
    "SELECT m.id, u.username, u.email, m.text, m.pub_date
     FROM messages m JOIN users u ON u.id = m.author_id WHERE m.id = $1 AND NOT m.flagged",
);
/// Not one that is hidden already: what operators hid stays for them to look at.
const DELETE: Statement = Statement::write(
    "messages.delete",
    "UPDATE messages SET flagged = TRUE, text = '', deleted_at = $3
     WHERE id = $1 AND author_id = $2 AND NOT flagged",
);
/// How many came after message `$1`, counted to `$2`. The order makes PostgreSQL walk the index.
const NEWER: Statement = Statement::read(
    "messages.newer",
    "SELECT COUNT(*) FROM (
        SELECT 1 FROM messages m WHERE NOT m.flagged
           AND (m.pub_date, m.id) > ((SELECT c.pub_date FROM messages c WHERE c.id = $1), $1)
        ORDER BY m.pub_date DESC, m.id DESC LIMIT $2) few",
);
const DUMP: Statement = Statement::read(
    "messages.dump",
    "SELECT id, author_id, text, flagged FROM messages WHERE id > $1 ORDER BY id LIMIT $2",
);

pub(super) const STATEMENTS: &[Statement] =
    &[PUBLIC, HOME_RECENT, HOME_BY_AUTHOR, OF_AUTHOR, POST, FLAG, GET, DELETE, NEWER, DUMP];

/// Following at least so many, a personal timeline most likely fills from the newest messages alone.
const MANY_FOLLOWED: i64 = 64;

/// The page of one author.
#[derive(Clone, Debug)]
pub struct AuthorTimeline {
    /// Who it is.
    pub profile: Profile,
    /// Newest first.
    pub messages: Vec<Message>,
}

/// A message as the flag tool lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// Primary key.
    pub id: i64,
    /// Id of the author.
    pub author_id: i64,
    /// Text as posted.
    pub text: String,
    /// Whether the message is hidden from all lists.
    pub flagged: bool,
}

impl Db {
    /// The newest messages of everybody.
    pub async fn public_timeline(&self, page: Page, limit: i64) -> Result<Vec<Message>> {
        let args = [Arg::Int(cursor(page)), Arg::Int(limit), Arg::Int(page.offset)];
        self.fetch_all(&PUBLIC, &args, message).await
    }

    /// The newest messages of a user and of those the user follows. `follows` chooses the plan and
    /// may be capped.
    pub async fn home_timeline(
        &self,
        user: i64,
        follows: i64,
        page: Page,
        limit: i64,
    ) -> Result<Vec<Message>> {
        let args = [
            Arg::Int(cursor(page)),
            Arg::Int(limit),
            Arg::Int(page.offset),
            Arg::Int(user),
            Arg::Int(limit + page.offset),
        ];
        if follows >= MANY_FOLLOWED {
            let recent = self.fetch_all(&HOME_RECENT, &args[..4], message).await?;
            // A full page is the true one: nothing newer was left out.
            if i64::try_from(recent.len()).is_ok_and(|found| found >= limit) {
                return Ok(recent);
            }
        }
        self.fetch_all(&HOME_BY_AUTHOR, &args, message).await
    }

    /// The newest messages of one author, and who that is to whoever asks; `None` when there is no such
    /// user.
    pub async fn author_timeline(
        &self,
        username: &str,
        asking: Asking,
        page: Page,
        limit: i64,
    ) -> Result<Option<AuthorTimeline>> {
        let args = [
            Arg::Int(cursor(page)),
            Arg::Int(limit.max(1)),
            Arg::Int(page.offset),
            Arg::Text(username),
            Arg::Int(asking.user()),
            Arg::Int(asking.counted()),
        ];
        let rows = self.fetch_all(&OF_AUTHOR, &args, author_row).await?;
        let Some((profile, _)) = rows.first() else { return Ok(None) };
        let profile = profile.clone();
        let shown = usize::try_from(limit).unwrap_or(0);
        let messages = rows.into_iter().filter_map(|(_, message)| message).take(shown).collect();
        Ok(Some(AuthorTimeline { profile, messages }))
    }

    /// A message that readers see.
    pub async fn message(&self, id: i64) -> Result<Option<Message>> {
        self.fetch_optional(&GET, &[Arg::Int(id)], message).await
    }

    /// Number of messages after one, at most `limit`; 0 when there is no such message.
    pub async fn newer_messages(&self, than: i64, limit: i64) -> Result<i64> {
        let args = [Arg::Int(than), Arg::Int(limit)];
        Ok(self.fetch_optional(&NEWER, &args, |row| row.get(0)).await?.unwrap_or(0))
    }

    /// Posts a message; `false` when there is no such user.
    pub async fn post_message(&self, author: &str, text: &MessageText, now: i64) -> Result<bool> {
        let args = [Arg::Text(author), Arg::Text(text.as_str()), Arg::Int(now)];
        Ok(self.execute(&POST, &args).await? > 0)
    }

    /// Takes a message away for good; `false` when its author has none of that id that readers see.
    pub async fn delete_message(&self, id: i64, author: i64, now: i64) -> Result<bool> {
        let args = [Arg::Int(id), Arg::Int(author), Arg::Int(now)];
        Ok(self.execute(&DELETE, &args).await? > 0)
    }

    /// Hides a message or shows it again; `false` when there is no such message, or its author deleted it.
    pub async fn set_flagged(&self, message: i64, flagged: bool) -> Result<bool> {
        let changed = self.execute(&FLAG, &[Arg::Int(message), Arg::Bool(flagged)]).await?;
        Ok(changed > 0)
    }

    /// Messages behind an id in the order of ids, flagged ones included.
    pub async fn dump_messages(&self, after: i64, limit: i64) -> Result<Vec<StoredMessage>> {
        self.fetch_all(&DUMP, &[Arg::Int(after), Arg::Int(limit)], |row| {
            Ok(StoredMessage {
                id: row.get(0)?,
                author_id: row.get(1)?,
                text: row.get(2)?,
                flagged: row.get(3)?,
            })
        })
        .await
    }
}

fn cursor(page: Page) -> i64 {
    page.before.unwrap_or(i64::MAX)
}

fn message(row: &Row) -> sqlx::Result<Message> {
    Ok(Message {
        id: row.get(0)?,
        author: row.get(1)?,
        email: row.get(2)?,
        text: row.get(3)?,
        pub_date: row.get(4)?,
    })
}

fn author_row(row: &Row) -> sqlx::Result<(Profile, Option<Message>)> {
    let profile = profile(row)?;
    let message = match row.get::<Option<i64>>(5)? {
        None => None,
        Some(id) => Some(Message {
            id,
            author: profile.username.clone(),
            email: profile.email.clone(),
            text: row.get(6)?,
            pub_date: row.get(7)?,
        }),
    };
    Ok((profile, message))
}
