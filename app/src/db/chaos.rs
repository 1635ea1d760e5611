//! What a fault needs of the database: connections that are kept, a reader that does not end, a
//! statement that takes its time. Only in builds with the feature `chaos`.

use std::any::Any;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use sqlx::{Database, Pool};

use super::executor::{Arg, Db, Pools, Statement};
use super::{Error, Result};

/// Counts as far as it is told. PostgreSQL can sleep.
const SLOW: Statement = Statement::read(
    "chaos.slow",
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1)
     SELECT COUNT(*) FROM numbers",
)
.on_postgres("SELECT COUNT(*) FROM (SELECT pg_sleep($1 / 1000000.0)) slept");
/// How far; doubled while that takes less than [`SLOW_TIME`], for machines and builds differ.
static SLOW_ROWS: AtomicI64 = AtomicI64::new(200_000);
const SLOW_TIME: Duration = Duration::from_millis(400);

/// A held resource, released when dropped.
pub type Held = Box<dyn Any + Send>;

impl Db {
    /// Takes every connection that reads.
    pub async fn hold_connections(&self) -> Result<Held> {
        match &self.pools {
            Pools::Sqlite { read, .. } => all_of(read).await,
            Pools::Postgres(pool) => all_of(pool).await,
        }
    }

    /// Opens a transaction that has read, as a long report does.
    pub async fn hold_reader(&self) -> Result<Held> {
        const READ: &str = "SELECT COUNT(*) FROM users";
        let failed = |source| Error::new("chaos.reader", source);
        match &self.pools {
            Pools::Sqlite { read, .. } => {
                let mut reader = read.begin().await.map_err(failed)?;
                sqlx::query(READ).fetch_one(&mut *reader).await.map_err(failed)?;
                Ok(Box::new(reader))
            }
            Pools::Postgres(pool) => {
                let mut reader = pool.begin().await.map_err(failed)?;
                sqlx::query(READ).fetch_one(&mut *reader).await.map_err(failed)?;
                Ok(Box::new(reader))
            }
        }
    }

    /// Runs one statement that takes about half a second, after the first few.
    pub async fn run_slowly(&self) -> Result<()> {
        let (rows, started) = (SLOW_ROWS.load(Ordering::Relaxed), Instant::now());
        self.fetch_all(&SLOW, &[Arg::Int(rows)], |_| Ok(())).await?;
        if started.elapsed() < SLOW_TIME {
            SLOW_ROWS.store(rows * 2, Ordering::Relaxed);
        }
        Ok(())
    }
}

async fn all_of<D: Database>(pool: &Pool<D>) -> Result<Held> {
    let mut held = Vec::new();
    for _ in 0..pool.options().get_max_connections() {
        let connection = pool.acquire().await;
        held.push(connection.map_err(|source| Error::new("chaos.connections", source))?);
    }
    Ok(Box::new(held))
}
