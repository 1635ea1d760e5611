//! The id of the last simulator command, shared by all processes. The last writer wins: the course's
//! test goes back and forth.

use super::executor::{Arg, Statement};
use super::{Db, Result};

const SET: Statement = Statement::write(
    "simulator_latest.set",
    "INSERT INTO simulator_latest (id, value) VALUES (1, $1)
     ON CONFLICT (id) DO UPDATE SET value = excluded.value",
);
const GET: Statement =
    Statement::read("simulator_latest.get", "SELECT value FROM simulator_latest WHERE id = 1");

pub(super) const STATEMENTS: &[Statement] = &[SET, GET];

impl Db {
    /// Stores the id of the last command.
    pub async fn set_latest(&self, value: i64) -> Result<()> {
        self.execute(&SET, &[Arg::Int(value)]).await.map(drop)
    }

    /// The last recorded one; `None` before the first.
    pub async fn latest(&self) -> Result<Option<i64>> {
        self.fetch_optional(&GET, &[], |row| row.get(0)).await
    }
}
