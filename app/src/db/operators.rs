//! Accounts of the people who operate the service, apart from the site's users.

use admin::Role;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::executor::{Arg, Statement};
use super::row::Row;
use super::{Db, Result};
use crate::domain::NameKeys;

const SET: Statement = Statement::write(
    "operators.set",
    "INSERT INTO operators (name, pw_hash, role, created_at, name_fold, name_skeleton)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (name) DO UPDATE SET pw_hash = excluded.pw_hash, role = excluded.role,
         disabled_at = 0",
);
const ADD: Statement = Statement::write(
    "operators.add",
    "INSERT INTO operators (name, pw_hash, role, created_at, name_fold, name_skeleton)
     VALUES ($1, $2, $3, $4, $5, $6)",
);
const LIST: Statement = Statement::read(
    "operators.list",
    "SELECT name, pw_hash, role, created_at, last_login_at, disabled_at
     FROM operators ORDER BY name LIMIT 1000",
)
.in_background();
const SET_PASSWORD: Statement =
    Statement::write("operators.set_password", "UPDATE operators SET pw_hash = $2 WHERE name = $1");
const LOGGED_IN: Statement = Statement::write(
    "operators.logged_in",
    "UPDATE operators SET last_login_at = $2 WHERE name = $1",
)
.in_background();
/// Not when nobody would be left who may change things. Two that take the role from each other at once
/// would each see the other on PostgreSQL, so there one waits for the other's row.
const CHANGE: Statement = Statement::write(
    "operators.change",
    "UPDATE operators SET role = $2, disabled_at = $3
     WHERE name = $1 AND (($2 = 'operator' AND $3 = 0) OR EXISTS (
         SELECT 1 FROM operators o WHERE o.role = 'operator' AND o.disabled_at = 0 AND o.name <> $1))",
)
.on_postgres(
    "WITH keepers AS (SELECT name FROM operators WHERE role = 'operator' AND disabled_at = 0
                      ORDER BY name FOR UPDATE)
     UPDATE operators SET role = $2, disabled_at = $3
     WHERE name = $1 AND (($2 = 'operator' AND $3 = 0)
                          OR EXISTS (SELECT 1 FROM keepers WHERE keepers.name <> $1))",
);
const GET: Statement =
    Statement::read("operators.get", "SELECT name, pw_hash, role FROM operators WHERE name = $1");
const ANY: Statement = Statement::read("operators.any", "SELECT name FROM operators LIMIT 1");

pub(super) const STATEMENTS: &[Statement] =
    &[SET, ADD, GET, ANY, LIST, SET_PASSWORD, LOGGED_IN, CHANGE];

/// What an operator logs in with.
#[derive(Clone, Debug)]
pub struct OperatorCredentials {
    /// Sign-in name.
    pub name: String,
    /// argon2id in PHC form.
    pub pw_hash: String,
    /// What it may do.
    pub role: Role,
}

/// An account of an operator. Times are microseconds since the Unix epoch; 0 stands for never.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorAccount {
    /// Sign-in name.
    pub name: String,
    /// argon2id in PHC form.
    pub pw_hash: String,
    /// What it may do.
    #[serde(with = "role_name")]
    pub role: Role,
    /// When it was created.
    pub created_at: i64,
    /// When it last signed in.
    #[serde(default)]
    pub last_login_at: i64,
    /// When it was disabled; 0 while it may sign in.
    #[serde(default)]
    pub disabled_at: i64,
}

impl OperatorAccount {
    /// Whether it may sign in.
    pub fn is_enabled(&self) -> bool {
        self.disabled_at == 0
    }
}

/// Roles by their names.
mod role_name {
    use super::{Deserialize, Deserializer, Role, Serializer};

    // By reference, as serde calls it.
    #[expect(clippy::trivially_copy_pass_by_ref)]
    pub(super) fn serialize<S: Serializer>(role: &Role, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(role.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Role, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The role of a row. The check of the table allows no third, which could look and no more.
fn role(row: &Row, column: usize) -> sqlx::Result<Role> {
    Ok(row.get::<String>(column)?.parse().unwrap_or(Role::Viewer))
}

impl Db {
    /// Adds an operator, or gives an existing one this password and role, and lets it log in again. `Taken`
    /// when it would be new and there is one whose name reads the same.
    pub async fn set_operator(&self, operator: &OperatorCredentials, now: i64) -> Result<()> {
        self.insert_operator(&SET, operator, now).await
    }

    /// Adds an operator; `Taken` when there is one of that name, or of one that reads the same.
    pub async fn add_operator(&self, operator: &OperatorCredentials, now: i64) -> Result<()> {
        self.insert_operator(&ADD, operator, now).await
    }

    async fn insert_operator(
        &self,
        statement: &Statement,
        operator: &OperatorCredentials,
        now: i64,
    ) -> Result<()> {
        let keys = NameKeys::of(&operator.name);
        let args = [
            Arg::Text(&operator.name),
            Arg::Text(&operator.pw_hash),
            Arg::Text(operator.role.as_str()),
            Arg::Int(now),
            Arg::Text(&keys.fold),
            Arg::Text(&keys.skeleton),
        ];
        self.execute(statement, &args).await.map(drop)
    }

    /// All accounts by name.
    pub async fn operators(&self) -> Result<Vec<OperatorAccount>> {
        self.fetch_all(&LIST, &[], |row| {
            Ok(OperatorAccount {
                name: row.get(0)?,
                pw_hash: row.get(1)?,
                role: role(row, 2)?,
                created_at: row.get(3)?,
                last_login_at: row.get(4)?,
                disabled_at: row.get(5)?,
            })
        })
        .await
    }

    /// Changes the password of an operator.
    pub async fn set_operator_password(&self, name: &str, pw_hash: &str) -> Result<()> {
        self.execute(&SET_PASSWORD, &[Arg::Text(name), Arg::Text(pw_hash)]).await.map(drop)
    }

    /// Records the sign-in of an operator.
    pub async fn operator_logged_in(&self, name: &str, now: i64) -> Result<()> {
        self.execute(&LOGGED_IN, &[Arg::Text(name), Arg::Int(now)]).await.map(drop)
    }

    /// Gives an operator this role, and the right to log in (`disabled_at` is 0) or not. `false` when
    /// there is none of that name, or when nobody would be left who may change things.
    pub async fn change_operator(&self, name: &str, role: Role, disabled_at: i64) -> Result<bool> {
        let args = [Arg::Text(name), Arg::Text(role.as_str()), Arg::Int(disabled_at)];
        Ok(self.execute(&CHANGE, &args).await? > 0)
    }

    /// The operator of that name.
    pub async fn operator(&self, name: &str) -> Result<Option<OperatorCredentials>> {
        self.fetch_optional(&GET, &[Arg::Text(name)], |row| {
            Ok(OperatorCredentials { name: row.get(0)?, pw_hash: row.get(1)?, role: role(row, 2)? })
        })
        .await
    }

    /// Whether there is none yet.
    pub async fn has_no_operator(&self) -> Result<bool> {
        Ok(self.fetch_optional(&ANY, &[], |row| row.get::<String>(0)).await?.is_none())
    }
}
