//! Users.

use super::executor::{Arg, Statement};
use super::{Db, Result};
use crate::domain::{NewUser, User};

const CREATE: Statement = Statement::write(
    "users.create",
    "INSERT INTO users (username, email, pw_hash, created_at) VALUES ($1, $2, $3, $4)",
);
const CREDENTIALS: Statement = Statement::read(
    "users.credentials",
    "SELECT id, username, pw_hash FROM users WHERE username = $1",
);
const REHASH: Statement =
    Statement::write("users.rehash", "UPDATE users SET pw_hash = $2 WHERE id = $1");
const EXISTS: Statement =
    Statement::read("users.exists", "SELECT id FROM users WHERE username = $1");

pub(super) const STATEMENTS: &[Statement] = &[CREATE, CREDENTIALS, REHASH, EXISTS];

/// What a log-in compares with.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Whose.
    pub user: User,
    /// argon2id in PHC form.
    pub pw_hash: String,
}

impl Db {
    /// Adds a user; `Taken` when somebody has the name.
    pub async fn create_user(&self, user: &NewUser, pw_hash: &str, now: i64) -> Result<()> {
        let name = user.username.as_str();
        let args = [Arg::Text(name), Arg::Text(&user.email), Arg::Text(pw_hash), Arg::Int(now)];
        self.execute(&CREATE, &args).await.map(drop)
    }

    /// The credentials of the user of that name.
    pub async fn credentials(&self, username: &str) -> Result<Option<Credentials>> {
        self.fetch_optional(&CREDENTIALS, &[Arg::Text(username)], |row| {
            Ok(Credentials {
                user: User { id: row.get(0)?, username: row.get(1)? },
                pw_hash: row.get(2)?,
            })
        })
        .await
    }

    /// Replaces a hash that was made with older parameters.
    pub async fn replace_hash(&self, user: i64, pw_hash: &str) -> Result<()> {
        self.execute(&REHASH, &[Arg::Int(user), Arg::Text(pw_hash)]).await.map(drop)
    }

    /// Whether somebody has the name.
    pub async fn user_exists(&self, username: &str) -> Result<bool> {
        let id =
            self.fetch_optional(&EXISTS, &[Arg::Text(username)], |row| row.get::<i64>(0)).await?;
        Ok(id.is_some())
    }
}
