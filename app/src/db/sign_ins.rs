//! What replicas share to tell people who signed in before from strangers: a key, and keyed hashes of the places
//! they came from.

use super::executor::{Arg, Statement};
use super::{Db, Result};

/// Whoever comes second keeps the key of the first.
const MAKE_KEY: Statement = Statement::write(
    "keys.make",
    "INSERT INTO keys (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
);
const KEY: Statement = Statement::read("keys.get", "SELECT value FROM keys WHERE name = $1");
const REMEMBER: Statement = Statement::write(
    "sign_in_origins.remember",
    "INSERT INTO sign_in_origins (origin, seen_at) VALUES ($1, $2)
     ON CONFLICT (origin) DO UPDATE SET seen_at = excluded.seen_at",
)
.in_background();
const ORIGINS: Statement = Statement::read(
    "sign_in_origins.list",
    "SELECT origin, seen_at FROM sign_in_origins WHERE seen_at > $1
     ORDER BY seen_at DESC LIMIT $2",
);
const DELETE_OLD: Statement = Statement::write(
    "sign_in_origins.delete_old",
    "DELETE FROM sign_in_origins WHERE seen_at <= $1",
);

pub(super) const STATEMENTS: &[Statement] = &[MAKE_KEY, KEY, REMEMBER, ORIGINS, DELETE_OLD];

impl Db {
    /// The key of that name, which is this one if there was none.
    pub async fn shared_key(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>> {
        let read = async || {
            self.fetch_optional(&KEY, &[Arg::Text(name)], |row| row.get::<Vec<u8>>(0)).await
        };
        if let Some(key) = read().await? {
            return Ok(key);
        }
        self.execute(&MAKE_KEY, &[Arg::Text(name), Arg::Bytes(fresh)]).await?;
        Ok(read().await?.unwrap_or_else(|| fresh.to_vec()))
    }

    /// Notes that somebody signed in from there at that time, in microseconds.
    pub async fn remember_sign_in_origin(&self, origin: &[u8], at: i64) -> Result<()> {
        self.execute(&REMEMBER, &[Arg::Bytes(origin), Arg::Int(at)]).await.map(drop)
    }

    /// Places seen after that time, the last seen first, at most so many.
    pub async fn sign_in_origins(&self, since: i64, limit: i64) -> Result<Vec<(Vec<u8>, i64)>> {
        let args = [Arg::Int(since), Arg::Int(limit)];
        self.fetch_all(&ORIGINS, &args, |row| Ok((row.get(0)?, row.get(1)?))).await
    }

    /// Removes places not seen after that time.
    pub async fn delete_old_sign_in_origins(&self, seen: i64) -> Result<u64> {
        self.execute(&DELETE_OLD, &[Arg::Int(seen)]).await
    }
}
