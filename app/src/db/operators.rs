//! Accounts of the people who operate the service, apart from the site's users.

use super::executor::{Arg, Statement};
use super::{Db, Result};

const SET: Statement = Statement::write(
    "operators.set",
    "INSERT INTO operators (name, pw_hash, role, created_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (name) DO UPDATE SET pw_hash = excluded.pw_hash, role = excluded.role,
         disabled_at = 0",
);
const ADD: Statement = Statement::write(
    "operators.add",
    "INSERT INTO operators (name, pw_hash, role, created_at) VALUES ($1, $2, $3, $4)",
);
const LIST: Statement = Statement::read(
    "operators.list",
    "SELECT name, role, created_at, last_login_at, disabled_at FROM operators ORDER BY name LIMIT 1000",
);
const SET_PASSWORD: Statement =
    Statement::write("operators.set_password", "UPDATE operators SET pw_hash = $2 WHERE name = $1");
const LOGGED_IN: Statement = Statement::write(
    "operators.logged_in",
    "UPDATE operators SET last_login_at = $2 WHERE name = $1",
);
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

/// What an operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Look at everything.
    Viewer,
    /// Also change things.
    Operator,
}

impl Role {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }

    pub(super) fn parse(text: &str) -> Self {
        // The table's check allows no third.
        if text == "operator" { Self::Operator } else { Self::Viewer }
    }
}

/// One account.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Log-in name.
    pub name: String,
    /// argon2id in PHC form.
    pub pw_hash: String,
    /// What it may do.
    pub role: Role,
}

/// An account as lists show it. Times are microseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorAccount {
    /// Log-in name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: i64,
    /// When somebody logged in with it last; 0 for never.
    pub last_login_at: i64,
    /// Since when nobody can; 0 while somebody can.
    pub disabled_at: i64,
}

impl Db {
    /// Adds an operator, or gives an existing one this password and role, and lets it log in again.
    pub async fn set_operator(&self, operator: &Operator, now: i64) -> Result<()> {
        let args = [
            Arg::Text(&operator.name),
            Arg::Text(&operator.pw_hash),
            Arg::Text(operator.role.as_str()),
            Arg::Int(now),
        ];
        self.execute(&SET, &args).await.map(drop)
    }

    /// Adds an operator; `Taken` when there is one of that name.
    pub async fn add_operator(&self, operator: &Operator, now: i64) -> Result<()> {
        let args = [
            Arg::Text(&operator.name),
            Arg::Text(&operator.pw_hash),
            Arg::Text(operator.role.as_str()),
            Arg::Int(now),
        ];
        self.execute(&ADD, &args).await.map(drop)
    }

    /// All accounts, by name.
    pub async fn operators(&self) -> Result<Vec<OperatorAccount>> {
        self.fetch_all(&LIST, &[], |row| {
            Ok(OperatorAccount {
                name: row.get(0)?,
                role: Role::parse(&row.get::<String>(1)?),
                created_at: row.get(2)?,
                last_login_at: row.get(3)?,
                disabled_at: row.get(4)?,
            })
        })
        .await
    }

    /// Gives an operator another password.
    pub async fn set_operator_password(&self, name: &str, pw_hash: &str) -> Result<()> {
        self.execute(&SET_PASSWORD, &[Arg::Text(name), Arg::Text(pw_hash)]).await.map(drop)
    }

    /// Notes that an operator logged in.
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
    pub async fn operator(&self, name: &str) -> Result<Option<Operator>> {
        self.fetch_optional(&GET, &[Arg::Text(name)], |row| {
            let role = Role::parse(&row.get::<String>(2)?);
            Ok(Operator { name: row.get(0)?, pw_hash: row.get(1)?, role })
        })
        .await
    }

    /// Whether there is none yet.
    pub async fn has_no_operator(&self) -> Result<bool> {
        Ok(self.fetch_optional(&ANY, &[], |row| row.get::<String>(0)).await?.is_none())
    }
}
