//! Opening the database: which one, with which settings, and why.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Pool, Sqlite};

use super::Db;
use super::executor::Pools;

/// Nobody waits longer for a connection; a request gives up before that when the database answers nobody.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// A writer of another process, such as the command line's, may hold SQLite for this long. The writers of the
/// service queue behind the one that waits, so it gives up with its request.
const BUSY_TIMEOUT: Duration = Duration::from_millis(800);

/// What the write-ahead log of SQLite is shortened to, in bytes: twice what it has between two checkpoints.
pub(super) const LOG_LIMIT: u64 = 8 << 20;
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

    /// No error repeats a part of the URL, which may be its password.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            check_postgres(text)?;
            return Ok(Self::Postgres(text.to_owned()));
        }
        let path = text.strip_prefix("sqlite:").map(|rest| rest.trim_start_matches("//"));
        match path {
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(PathBuf::from(path))),
            _ => Err("a database is sqlite:<path> or postgres://<user>@<host>/<name>"),
        }
    }
}

/// Parameters that sqlx reads; it logs every other with its value and goes on without it.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

fn check_postgres(url: &str) -> Result<(), &'static str> {
    let query = url.split_once('?').map(|(_, query)| query.split('#').next().unwrap_or_default());
    let names = query.into_iter().flat_map(|query| query.split('&'));
    let names = names.map(|pair| pair.split('=').next().unwrap_or_default());
    let is_known =
        |name: &str| name.is_empty() || PARAMETERS.contains(&name) || name.starts_with("options[");
    if !names.into_iter().all(is_known) {
        return Err(
            "a postgres:// URL takes the parameters sslmode, sslrootcert, sslcert, sslkey, host, \
            hostaddr, port, dbname, user, password, application_name, options and \
            statement-cache-capacity, and this one has another; a ? in a password is written %3F",
        );
    }
    PgConnectOptions::from_str(url).map(drop).map_err(|_| {
        "the postgres:// URL cannot be read; check host, port and sslmode, and write special characters \
         of user and password percent-encoded"
    })
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

    /// Opens the pools and a connection of each; a missing SQLite file is created. Does not migrate.
    pub async fn open(url: &DatabaseUrl, sizes: PoolSizes) -> Result<Self, OpenError> {
        let db = Self::lazy(url, sizes)?;
        db.connect(url).await?;
        Ok(db)
    }

    /// Opens a connection of each pool; that of PostgreSQL is tried beside the pool first, which would only say
    /// that it waited in vain.
    pub async fn connect(&self, url: &DatabaseUrl) -> Result<(), OpenError> {
        Self::try_connect(url).await?;
        let connected = match &self.pools {
            // The readers find the file that the writer creates.
            Pools::Sqlite { read, write } => match open_all(write).await {
                Ok(()) => open_all(read).await,
                Err(error) => Err(error),
            },
            Pools::Postgres(pool) => pool.acquire().await.map(drop),
        };
        connected.map_err(|source| OpenError { url: url.clone(), source })
    }

    async fn try_connect(url: &DatabaseUrl) -> Result<(), OpenError> {
        let DatabaseUrl::Postgres(address) = url else { return Ok(()) };
        let connect = async {
            let options = PgConnectOptions::from_str(address)?.application_name("minitwit");
            options.connect().await?.close().await
        };
        let connected = tokio::time::timeout(ACQUIRE_TIMEOUT, connect).await;
        let late = |_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
        let connected = connected.unwrap_or_else(late);
        connected.map_err(|source| OpenError { url: url.clone(), source })
    }

    /// Pools whose connections are opened when they are needed, for who has to start without the database.
    /// Fails only for an invalid URL.
    pub fn lazy(url: &DatabaseUrl, sizes: PoolSizes) -> Result<Self, OpenError> {
        let pools = match url {
            DatabaseUrl::Sqlite(path) => Ok(sqlite_pools(path, sizes.sqlite_readers)),
            DatabaseUrl::Postgres(url) => postgres_pool(url, sizes.postgres),
        };
        let pools = pools.map_err(|source| OpenError { url: url.clone(), source })?;
        Ok(Self::new(pools))
    }
}

/// All from the start: one that opens the path later could find another file there.
async fn open_all(pool: &Pool<Sqlite>) -> sqlx::Result<()> {
    let mut open = Vec::new();
    for _ in 0..pool.options().get_max_connections() {
        open.push(pool.acquire().await?);
    }
    Ok(())
}

fn sqlite_pools(path: &Path, readers: u32) -> Pools {
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
        // Pages are read and not mapped: a file that somebody cuts would end the process by a signal.
        .pragma("mmap_size", "0")
        .pragma("journal_size_limit", LOG_LIMIT.to_string())
        .disable_statement_logging();
    // One writer: two would only wait for each other inside SQLite, where no deadline is fair.
    let write = sqlite_pool(1).connect_lazy_with(options.clone());
    let read = sqlite_pool(readers).connect_lazy_with(options.read_only(true));
    Pools::Sqlite { read, write }
}

fn sqlite_pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

fn postgres_pool(url: &str, connections: u32) -> sqlx::Result<Pools> {
    let options = PgConnectOptions::from_str(url)?
        .application_name("minitwit")
        // A statement that outlives its request only holds what others wait for.
        .options([("statement_timeout", "10s"), ("lock_timeout", "800ms")])
        .disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_lazy_with(options);
    Ok(Pools::Postgres(pool))
}
