//! Users.

use super::executor::{Arg, Statement};
use super::{Db, Result};
use crate::domain::{NewUser, User};

const CREATE: Statement = Statement::write(
    "users.create",
    "INSERT INTO users (username, email, pw_hash, created_at, name_fold, name_skeleton)
     VALUES ($1, $2, $3, $4, $5, $6)",
);
/// One lookup in each of three unique indexes.
const TAKEN: Statement = Statement::read(
    "users.name_taken",
    "SELECT id FROM users WHERE username = $1
     UNION ALL SELECT id FROM users WHERE name_fold = $2
     UNION ALL SELECT id FROM users WHERE name_skeleton = $3 LIMIT 1",
);
const CREDENTIALS: Statement = Statement::read(
    "users.credentials",
    "SELECT id, username, pw_hash FROM users WHERE username = $1",
);
const REHASH: Statement =
    Statement::write("users.rehash", "UPDATE users SET pw_hash = $2 WHERE id = $1");
const EXISTS: Statement =
    Statement::read("users.exists", "SELECT id FROM users WHERE username = $1");

pub(super) const STATEMENTS: &[Statement] = &[CREATE, TAKEN, CREDENTIALS, REHASH, EXISTS];

/// What a log-in compares with.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Whose.
    pub user: User,
    /// argon2id in PHC form.
    pub pw_hash: String,
}

impl Db {
    /// Adds a user; `Taken` when somebody has the name, or one that reads the same.
    pub async fn create_user(&self, user: &NewUser, pw_hash: &str, now: i64) -> Result<()> {
        let args = [
            Arg::Text(user.username.as_str()),
            Arg::Text(&user.email),
            Arg::Text(pw_hash),
            Arg::Int(now),
            Arg::Text(&user.keys.fold),
            Arg::Text(&user.keys.skeleton),
        ];
        self.execute(&CREATE, &args).await.map(drop)
    }

    /// Whether somebody has the name, or one that reads the same.
    pub async fn is_name_taken(&self, user: &NewUser) -> Result<bool> {
        let NewUser { username, keys, .. } = user;
        let args = [Arg::Text(username.as_str()), Arg::Text(&keys.fold), Arg::Text(&keys.skeleton)];
        let id = self.fetch_optional(&TAKEN, &args, |row| row.get::<i64>(0)).await?;
        Ok(id.is_some())
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
