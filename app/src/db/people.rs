//! Users as readers look for them: by the beginning of a name, as followers and followed, and one user's
//! profile. What a page costs does not grow with the number of users or follows.

use super::executor::{Arg, Statement};
use super::row::Row;
use super::{Db, Result};
use crate::domain::{NameKeys, canonical};

/// Follows are counted exactly up to this number.
pub const MAX_COUNTED: i64 = 10_000;
/// Sorts behind every name that begins like the text in front of it.
const LAST: char = '\u{10ffff}';

/// The key is the name with its case folded and confusable letters as one, so any spelling finds it.
const FIND: Statement = Statement::read(
    "people.find",
    "SELECT u.id, u.username, u.email FROM users u
     WHERE u.name_skeleton >= $1 AND u.name_skeleton < $2 ORDER BY u.name_skeleton LIMIT $3",
);
const EXACT: Statement = Statement::read(
    "people.exact",
    "SELECT u.id, u.username, u.email FROM users u WHERE u.username = $1",
);
const PROFILE: Statement = Statement::read(
    "people.profile",
    "SELECT u.username, u.email,
        (SELECT COUNT(*) FROM (SELECT 1 FROM followers x WHERE x.whom_id = u.id LIMIT $2) few),
        (SELECT COUNT(*) FROM (SELECT 1 FROM followers x WHERE x.who_id = u.id LIMIT $2) few),
        (SELECT COUNT(*) FROM followers f WHERE f.who_id = $3 AND f.whom_id = u.id)
     FROM users u WHERE u.username = $1",
);
const FOLLOWERS: Statement = Statement::read(
    "people.followers",
    "SELECT f.id, u.username, u.email FROM followers f JOIN users u ON u.id = f.who_id
     WHERE f.whom_id = (SELECT n.id FROM users n WHERE n.username = $1) AND f.id < $2
     ORDER BY f.id DESC LIMIT $3",
);
const FOLLOWING: Statement = Statement::read(
    "people.following",
    "SELECT f.id, u.username, u.email FROM followers f JOIN users u ON u.id = f.whom_id
     WHERE f.who_id = (SELECT n.id FROM users n WHERE n.username = $1) AND f.id < $2
     ORDER BY f.id DESC LIMIT $3",
);

pub(super) const STATEMENTS: &[Statement] = &[FIND, EXACT, PROFILE, FOLLOWERS, FOLLOWING];

/// Who asks for a profile, and with that what is looked up besides.
#[derive(Clone, Copy, Debug)]
pub struct Asking {
    user: Option<i64>,
    counted: i64,
}

impl Asking {
    /// A program, which gets no counts.
    pub fn program() -> Self {
        Self { user: None, counted: 0 }
    }

    /// A visitor, with the id of the user who is signed in. Counts stop at one more than [`MAX_COUNTED`].
    pub fn visitor(user: Option<i64>) -> Self {
        Self { user, counted: MAX_COUNTED + 1 }
    }

    /// No user has id 0.
    pub(super) fn user(self) -> i64 {
        self.user.unwrap_or(0)
    }

    pub(super) fn counted(self) -> i64 {
        self.counted
    }
}

/// A user as others see one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Username as registered.
    pub username: String,
    /// Email address, which determines the avatar.
    pub email: String,
    /// Number of followers, counted to one more than [`MAX_COUNTED`].
    pub followers: i64,
    /// Number of users whom this one follows, counted as far.
    pub following: i64,
    /// Whether the asking user follows this one.
    pub followed: bool,
}

/// A user in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Primary key of the row that lists the user, and the cursor of the next page.
    pub id: i64,
    /// Username as registered.
    pub username: String,
    /// Email address, which determines the avatar.
    pub email: String,
}

impl Db {
    /// Users whose name begins like a text, in any spelling, by name. Whose whole name it is comes first.
    pub async fn find_people(&self, text: &str, limit: i64) -> Result<Vec<Person>> {
        let start = NameKeys::of(text).skeleton;
        if start.is_empty() {
            return Ok(Vec::new());
        }
        let end = format!("{start}{LAST}");
        let args = [Arg::Text(&start), Arg::Text(&end), Arg::Int(limit)];
        let mut people = self.fetch_all(&FIND, &args, person).await?;
        // Accounts from before names had keys may share one, and only one of them has it.
        let name = canonical(text);
        if let Some(exact) = self.fetch_optional(&EXACT, &[Arg::Text(&name)], person).await? {
            people.retain(|person| person.id != exact.id);
            people.insert(0, exact);
        }
        Ok(people)
    }

    /// The profile of the user of that name.
    pub async fn profile(&self, username: &str, asking: Asking) -> Result<Option<Profile>> {
        let args = [Arg::Text(username), Arg::Int(asking.counted()), Arg::Int(asking.user())];
        self.fetch_optional(&PROFILE, &args, profile).await
    }

    /// Who follows a user, the newest follows first, behind this cursor.
    pub async fn followers(
        &self,
        username: &str,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Person>> {
        self.follows(&FOLLOWERS, username, before, limit).await
    }

    /// Whom a user follows, the newest follows first, behind this cursor.
    pub async fn following(
        &self,
        username: &str,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Person>> {
        self.follows(&FOLLOWING, username, before, limit).await
    }

    async fn follows(
        &self,
        statement: &Statement,
        username: &str,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Person>> {
        let before = before.unwrap_or(i64::MAX);
        let args = [Arg::Text(username), Arg::Int(before), Arg::Int(limit)];
        self.fetch_all(statement, &args, person).await
    }
}

fn person(row: &Row) -> sqlx::Result<Person> {
    Ok(Person { id: row.get(0)?, username: row.get(1)?, email: row.get(2)? })
}

/// The first five columns of a row.
pub(super) fn profile(row: &Row) -> sqlx::Result<Profile> {
    Ok(Profile {
        username: row.get(0)?,
        email: row.get(1)?,
        followers: row.get(2)?,
        following: row.get(3)?,
        followed: row.get::<i64>(4)? > 0,
    })
}
