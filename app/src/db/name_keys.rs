//! The keys of names from before there were keys: filled once, after the migrations, in batches. Also of
//! accounts that a replica of the version before adds during an upgrade, at the next start.

use std::collections::HashSet;

use serde_json::json;

use super::executor::{Arg, Statement};
use super::row::Row;
use super::{Db, Error, Result};
use crate::domain::NameKeys;

/// So many are one write.
pub(super) const STATEMENTS: &[Statement] = &[USERS, OPERATORS, SET_OF_USERS, SET_OF_OPERATORS];

const USERS: Statement = Statement::read(
    "users.without_keys",
    "SELECT CAST(id AS TEXT), username FROM users WHERE name_fold IS NULL ORDER BY id LIMIT 500",
);
const OPERATORS: Statement = Statement::read(
    "operators.without_keys",
    "SELECT name, name FROM operators WHERE name_fold IS NULL ORDER BY name LIMIT 500",
);
/// Each row of the argument is an account, its keys, and what it gets in their place when another account
/// has them. The databases read JSON by different functions.
const SET_OF_USERS: Statement = Statement::write(
    "users.set_keys",
    "UPDATE users SET
         name_fold = CASE WHEN EXISTS (SELECT 1 FROM users o WHERE o.name_fold = k.fold)
                          THEN k.other ELSE k.fold END,
         name_skeleton = CASE WHEN EXISTS (SELECT 1 FROM users o WHERE o.name_skeleton = k.skeleton)
                              THEN k.other ELSE k.skeleton END
     FROM (SELECT CAST(json_extract(value, '$[0]') AS INTEGER) AS id, json_extract(value, '$[1]') AS fold,
                  json_extract(value, '$[2]') AS skeleton, json_extract(value, '$[3]') AS other
           FROM json_each($1)) k
     WHERE users.id = k.id",
)
.on_postgres(
    "UPDATE users SET
         name_fold = CASE WHEN EXISTS (SELECT 1 FROM users o WHERE o.name_fold = k.fold)
                          THEN k.other ELSE k.fold END,
         name_skeleton = CASE WHEN EXISTS (SELECT 1 FROM users o WHERE o.name_skeleton = k.skeleton)
                              THEN k.other ELSE k.skeleton END
     FROM (SELECT CAST(value ->> 0 AS BIGINT) AS id, value ->> 1 AS fold, value ->> 2 AS skeleton,
                  value ->> 3 AS other
           FROM json_array_elements(CAST($1 AS JSON))) k
     WHERE users.id = k.id",
);
/// The same kind of argument for operators, who are known by name.
const SET_OF_OPERATORS: Statement = Statement::write(
    "operators.set_keys",
    "UPDATE operators SET
         name_fold = CASE WHEN EXISTS (SELECT 1 FROM operators o WHERE o.name_fold = k.fold)
                          THEN k.other ELSE k.fold END,
         name_skeleton = CASE WHEN EXISTS (SELECT 1 FROM operators o WHERE o.name_skeleton = k.skeleton)
                              THEN k.other ELSE k.skeleton END
     FROM (SELECT json_extract(value, '$[0]') AS name, json_extract(value, '$[1]') AS fold,
                  json_extract(value, '$[2]') AS skeleton, json_extract(value, '$[3]') AS other
           FROM json_each($1)) k
     WHERE operators.name = k.name",
)
.on_postgres(
    "UPDATE operators SET
         name_fold = CASE WHEN EXISTS (SELECT 1 FROM operators o WHERE o.name_fold = k.fold)
                          THEN k.other ELSE k.fold END,
         name_skeleton = CASE WHEN EXISTS (SELECT 1 FROM operators o WHERE o.name_skeleton = k.skeleton)
                              THEN k.other ELSE k.skeleton END
     FROM (SELECT value ->> 0 AS name, value ->> 1 AS fold, value ->> 2 AS skeleton, value ->> 3 AS other
           FROM json_array_elements(CAST($1 AS JSON))) k
     WHERE operators.name = k.name",
);

impl Db {
    /// Gives every account without keys its own. Does nothing where all have some.
    pub(super) async fn fill_name_keys(&self) -> Result<()> {
        for (without, set) in [(USERS, SET_OF_USERS), (OPERATORS, SET_OF_OPERATORS)] {
            loop {
                let read = |row: &Row| Ok((row.get(0)?, row.get(1)?));
                let accounts: Vec<(String, String)> = self.fetch_all(&without, &[], read).await?;
                if accounts.is_empty() {
                    break;
                }
                match self.execute(&set, &[Arg::Text(&batch(&accounts))]).await {
                    // Another replica was faster with some of them: what is left is read again.
                    Ok(_) | Err(Error::Taken(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

/// The accounts with their keys as JSON. Of two that read the same the first has the key.
fn batch(accounts: &[(String, String)]) -> String {
    let (mut folds, mut skeletons) = (HashSet::new(), HashSet::new());
    let rows = accounts.iter().map(|(id, name)| {
        let NameKeys { fold, skeleton } = NameKeys::of(name);
        // No name has a control character.
        let other = format!("\u{1}{id}");
        let own = |key: String, seen: &mut HashSet<String>| {
            if key.is_empty() || !seen.insert(key.clone()) { other.clone() } else { key }
        };
        json!([id, own(fold, &mut folds), own(skeleton, &mut skeletons), other])
    });
    rows.collect::<serde_json::Value>().to_string()
}
