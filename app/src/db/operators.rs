//! Accounts of the people who operate the service, apart from the site's users.

use super::executor::{Arg, Statement};
use super::{Db, Result};

const SET: Statement = Statement::write(
    "operators.set",
    "INSERT INTO operators (name, pw_hash, role, created_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (name) DO UPDATE SET pw_hash = excluded.pw_hash, role = excluded.role",
);
const GET: Statement =
    Statement::read("operators.get", "SELECT name, pw_hash, role FROM operators WHERE name = $1");
const ANY: Statement = Statement::read("operators.any", "SELECT name FROM operators LIMIT 1");

pub(super) const STATEMENTS: &[Statement] = &[SET, GET, ANY];

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

impl Db {
    /// Adds an operator, or gives an existing one this password and role.
    pub async fn set_operator(&self, operator: &Operator, now: i64) -> Result<()> {
        let args = [
            Arg::Text(&operator.name),
            Arg::Text(&operator.pw_hash),
            Arg::Text(operator.role.as_str()),
            Arg::Int(now),
        ];
        self.execute(&SET, &args).await.map(drop)
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
