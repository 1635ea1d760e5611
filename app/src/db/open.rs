//! Opening the database: which one, with which settings, and why.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::Db;
use super::executor::Pools;

/// A request waits this long for a connection before it is told to come back. On SQLite the writers
/// queue here, and a slow disk may hold all of them for a moment.
const SQLITE_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// A PostgreSQL that is away or overrun is no reason to keep anybody for long.
const POSTGRES_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);
/// A writer of another process, such as the command line's, may hold SQLite for this long.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Rows that SQLite's thread may be ahead of who reads them.
const ROW_BUFFER: usize = 1024;

/// Which database: a file, or a PostgreSQL server.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// `sqlite:<path>`.
    Sqlite(PathBuf),
    /// `postgres://` or `postgresql://`, whole; it may hold a password.
    Postgres(String),
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            Self::Postgres(_) => formatter.write_str("postgres://(hidden)"),
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        let path = text.strip_prefix("sqlite:").map(|rest| rest.trim_start_matches("//"));
        match path {
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(PathBuf::from(path))),
            _ => Err("a database is sqlite:<path> or postgres://<user>@<host>/<name>"),
        }
    }
}

/// Sizes of the connection pools.
#[derive(Clone, Copy, Debug)]
pub struct PoolSizes {
    /// Reading connections of SQLite.
    pub sqlite_readers: u32,
    /// Size of the PostgreSQL pool.
    pub postgres: u32,
}

/// The database could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("could not open the database {url:?}")]
pub struct OpenError {
    url: DatabaseUrl,
    #[source]
    source: sqlx::Error,
}

/// The database is not ready for a command that only uses it.
#[derive(Debug, thiserror::Error)]
pub enum ExistingError {
    /// No such file.
    #[error("no database found at {}; create one with `minitwit init`", .0.display())]
    Missing(PathBuf),
    /// The schema version differs from that of this program.
    #[error("the database has schema version {found}, but this version needs {known}: {advice}", advice = advice(*found, *known))]
    Schema {
        /// Schema version of the database; 0 if it is empty.
        found: i64,
        /// Schema version of this program.
        known: i64,
    },
    /// The database could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database could not be queried.
    #[error(transparent)]
    Query(#[from] super::Error),
}

fn advice(found: i64, known: i64) -> &'static str {
    if found < known { "run `minitwit migrate`" } else { "use the newer version" }
}

impl Db {
    /// Opens a database that exists and has this program's schema; creates and changes nothing.
    pub async fn open_existing(url: &DatabaseUrl, sizes: PoolSizes) -> Result<Self, ExistingError> {
        if let DatabaseUrl::Sqlite(path) = url
            && !path.is_file()
        {
            return Err(ExistingError::Missing(path.clone()));
        }
        let db = Self::open(url, sizes).await?;
        let found = if db.is_migrated().await? { db.schema_version().await? } else { 0 };
        let known = super::known_version();
        if found == known { Ok(db) } else { Err(ExistingError::Schema { found, known }) }
    }

    /// Opens the pools; a missing SQLite file is created. Does not migrate.
    pub async fn open(url: &DatabaseUrl, sizes: PoolSizes) -> Result<Self, OpenError> {
        let pools = match url {
            DatabaseUrl::Sqlite(path) => open_sqlite(path, sizes.sqlite_readers).await,
            DatabaseUrl::Postgres(url) => open_postgres(url, sizes.postgres).await,
        };
        let pools = pools.map_err(|source| OpenError { url: url.clone(), source })?;
        Ok(Self::new(pools))
    }
}

async fn open_sqlite(path: &Path, readers: u32) -> sqlx::Result<Pools> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // With NORMAL an acknowledged write can be lost in a power cut.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        // The reading thread and the waiting task wake each other when this is full: with 50, the
        // default, that cost more than the rows.
        .row_buffer_size(ROW_BUFFER)
        .pragma("cache_size", "-8000")
        .pragma("mmap_size", "268435456")
        .disable_statement_logging();
    // One writer: two would only wait for each other inside SQLite, where no deadline is fair.
    let write = sqlite_pool(1).connect_with(options.clone()).await?;
    let read = sqlite_pool(readers).connect_with(options.read_only(true)).await?;
    Ok(Pools::Sqlite { read, write })
}

fn sqlite_pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(SQLITE_ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

async fn open_postgres(url: &str, connections: u32) -> sqlx::Result<Pools> {
    let options = PgConnectOptions::from_str(url)?
        .application_name("minitwit")
        // A statement that outlives its request only holds what others wait for.
        .options([("statement_timeout", "10s"), ("lock_timeout", "5s")])
        .disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(POSTGRES_ACQUIRE_TIMEOUT)
        .connect_with(options)
        .await?;
    Ok(Pools::Postgres(pool))
}
