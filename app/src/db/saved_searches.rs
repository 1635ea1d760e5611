//! Searches of the logs that operators keep under a name.

use super::executor::{Arg, Statement};
use super::{Db, Result};

/// Searches kept.
const KEPT: i64 = 200;

const LIST: Statement = Statement::read(
    "saved_searches.list",
    "SELECT id, name, owner, view, created_at FROM saved_searches ORDER BY name LIMIT 1000",
);
const SAVE: Statement = Statement::write(
    "saved_searches.create",
    "INSERT INTO saved_searches (name, owner, view, created_at)
     SELECT $1, $2, $3, $4 WHERE (SELECT COUNT(*) FROM saved_searches) < $5",
);
const RENAME: Statement =
    Statement::write("saved_searches.rename", "UPDATE saved_searches SET name = $2 WHERE id = $1");
const DELETE: Statement =
    Statement::write("saved_searches.delete", "DELETE FROM saved_searches WHERE id = $1");

pub(super) const STATEMENTS: &[Statement] = &[LIST, SAVE, RENAME, DELETE];

/// A saved search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedSearch {
    /// Primary key.
    pub id: i64,
    /// Unique.
    pub name: String,
    /// The operator who saved it.
    pub owner: String,
    /// The query string of its page.
    pub view: String,
    /// Time of creation, in microseconds since the Unix epoch.
    pub created_at: i64,
}

impl Db {
    /// Lists all saved searches by name.
    pub async fn saved_searches(&self) -> Result<Vec<SavedSearch>> {
        self.fetch_all(&LIST, &[], |row| {
            Ok(SavedSearch {
                id: row.get(0)?,
                name: row.get(1)?,
                owner: row.get(2)?,
                view: row.get(3)?,
                created_at: row.get(4)?,
            })
        })
        .await
    }

    /// Saves a search; `false` when there are as many as are kept, `Taken` when one has the name.
    pub async fn save_search(&self, name: &str, owner: &str, view: &str, now: i64) -> Result<bool> {
        let args =
            [Arg::Text(name), Arg::Text(owner), Arg::Text(view), Arg::Int(now), Arg::Int(KEPT)];
        Ok(self.execute(&SAVE, &args).await? > 0)
    }

    /// Renames a search; `false` when there is none with this id, `Taken` when one has the name.
    pub async fn rename_search(&self, id: i64, name: &str) -> Result<bool> {
        Ok(self.execute(&RENAME, &[Arg::Int(id), Arg::Text(name)]).await? > 0)
    }

    /// Removes a search; `false` when there is none with this id.
    pub async fn delete_search(&self, id: i64) -> Result<bool> {
        Ok(self.execute(&DELETE, &[Arg::Int(id)]).await? > 0)
    }
}
