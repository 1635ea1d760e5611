//! The processes that serve from this database, each with a row that it keeps fresh.

use super::executor::{Arg, Statement};
use super::row::Row;
use super::{Db, Result};

const KEEP: Statement = Statement::write(
    "replicas.keep",
    "INSERT INTO replicas
        (id, name, address, version, revision, started_at, seen_at, is_ready, records)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, address = excluded.address,
        seen_at = excluded.seen_at, is_ready = excluded.is_ready, records = excluded.records",
);
const LIST: Statement = Statement::read(
    "replicas.list",
    "SELECT id, name, address, version, revision, started_at, seen_at, is_ready, records
     FROM replicas WHERE seen_at > $1 ORDER BY seen_at DESC LIMIT $2",
);
const REMOVE: Statement =
    Statement::write("replicas.remove", "DELETE FROM replicas WHERE id = $1 OR seen_at <= $2");

pub(super) const STATEMENTS: &[Statement] = &[KEEP, LIST, REMOVE];

/// More than a deployment has.
const MOST: i64 = 100;

/// A process that serves from this database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// One for each process.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where the proxy reaches it; empty when nobody else does.
    pub address: String,
    /// Version of the program.
    pub version: String,
    /// Source revision.
    pub revision: String,
    /// When it started, in microseconds.
    pub started_at: i64,
    /// When it kept its row fresh, in microseconds.
    pub seen_at: i64,
    /// Whether it took requests then.
    pub is_ready: bool,
    /// Records in its log store.
    pub records: i64,
}

impl Db {
    /// Adds or renews the row of a replica.
    pub async fn keep_replica(&self, replica: &Replica) -> Result<()> {
        let args = [
            Arg::Text(&replica.id),
            Arg::Text(&replica.name),
            Arg::Text(&replica.address),
            Arg::Text(&replica.version),
            Arg::Text(&replica.revision),
            Arg::Int(replica.started_at),
            Arg::Int(replica.seen_at),
            Arg::Int(i64::from(replica.is_ready)),
            Arg::Int(replica.records),
        ];
        self.execute(&KEEP, &args).await.map(drop)
    }

    /// Replicas that were seen after that time, the last seen first; at most a hundred.
    pub async fn replicas(&self, after: i64) -> Result<Vec<Replica>> {
        self.fetch_all(&LIST, &[Arg::Int(after), Arg::Int(MOST)], read).await
    }

    /// Removes the row of a replica, and all that were last seen up to that time.
    pub async fn remove_replicas(&self, id: &str, seen: i64) -> Result<u64> {
        self.execute(&REMOVE, &[Arg::Text(id), Arg::Int(seen)]).await
    }
}

fn read(row: &Row) -> sqlx::Result<Replica> {
    Ok(Replica {
        id: row.get(0)?,
        name: row.get(1)?,
        address: row.get(2)?,
        version: row.get(3)?,
        revision: row.get(4)?,
        started_at: row.get(5)?,
        seen_at: row.get(6)?,
        is_ready: row.get::<i64>(7)? != 0,
        records: row.get(8)?,
    })
}
