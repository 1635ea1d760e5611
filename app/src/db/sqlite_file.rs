//! A SQLite file as a whole: copying one that is in use, checking one, putting one in place. Each on a
//! connection of its own, apart from the pools of the service, and without its traces.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

/// A checkpoint holds up the writer while it waits for readers, and the simulator waits 0.3 seconds.
const CHECKPOINT_TIMEOUT: Duration = Duration::from_millis(100);
/// How long another process may hold the file before it counts as in use.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Not SQLite, cut off, or inconsistent in itself.
    #[error("{} is damaged: {what}", file.display())]
    Damaged {
        /// Which.
        file: PathBuf,
        /// The first findings.
        what: String,
    },
    /// A valid database of another application.
    #[error("{} is not a MiniTwit database: it has no migrations table", .0.display())]
    Foreign(PathBuf),
    /// Somebody has it open.
    #[error("{} is in use; stop the service first", .0.display())]
    InUse(PathBuf),
    /// Anything else.
    #[error("could not read {}", file.display())]
    Failed {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

impl FileError {
    fn new(file: &Path, source: sqlx::Error) -> Self {
        let file = file.to_owned();
        match sqlite_code(&source) {
            // CORRUPT and NOTADB.
            Some(11 | 26) => Self::Damaged { file, what: source.to_string() },
            // BUSY and LOCKED.
            Some(5 | 6) => Self::InUse(file),
            _ => Self::Failed { file, source },
        }
    }
}

/// The primary result code, which an extended one carries in its low byte.
fn sqlite_code(error: &sqlx::Error) -> Option<i64> {
    let sqlx::Error::Database(error) = error else { return None };
    error.code()?.parse::<i64>().ok().map(|code| code & 0xff)
}

/// How thoroughly a file is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Every page and row; not whether indexes agree with their tables.
    Quick,
    /// Also checks indexes and foreign keys.
    Full,
}

/// Writes a consistent copy of a database, which may be in use, into a file that is missing or empty.
/// Readers and writers go on meanwhile.
pub async fn copy(from: &Path, to: &Path) -> Result<(), FileError> {
    let target = to.to_string_lossy().into_owned();
    let mut connection = read(from).await?;
    let copied = sqlx::query("VACUUM INTO ?").bind(target).execute(&mut connection).await;
    copied.map_err(|source| FileError::new(from, source))?;
    close(connection, from).await
}

/// Looks for damage, and answers the schema version.
pub async fn check(file: &Path, depth: Check) -> Result<i64, FileError> {
    let failed = |source| FileError::new(file, source);
    let mut connection = read(file).await?;
    let pragma = match depth {
        Check::Quick => "PRAGMA quick_check(3)",
        Check::Full => "PRAGMA integrity_check(3)",
    };
    let findings = sqlx::query_scalar::<_, String>(pragma).fetch_all(&mut connection).await;
    let findings = findings.map_err(failed)?;
    if findings != ["ok"] {
        return Err(FileError::Damaged { file: file.to_owned(), what: findings.join("; ") });
    }
    if depth == Check::Full {
        let orphans = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut connection).await;
        let orphans = orphans.map_err(failed)?.len();
        if orphans > 0 {
            let what = format!("{orphans} rows violate a foreign key");
            return Err(FileError::Damaged { file: file.to_owned(), what });
        }
    }
    let version = schema_version(&mut connection).await.map_err(failed)?;
    close(connection, file).await?;
    version.ok_or_else(|| FileError::Foreign(file.to_owned()))
}

async fn schema_version(connection: &mut SqliteConnection) -> sqlx::Result<Option<i64>> {
    let table = "SELECT COUNT(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
    if sqlx::query_scalar::<_, i64>(table).fetch_one(&mut *connection).await? == 0 {
        return Ok(None);
    }
    sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success")
        .fetch_one(connection)
        .await
}

/// Folds the write-ahead log into the file, so that the file alone is the database. Fails with `InUse`
/// while anybody else has it open. The file is closed at the end in any case.
pub async fn fold(file: &Path) -> Result<(), FileError> {
    let failed = |source| FileError::new(file, source);
    let mut connection =
        options(file).busy_timeout(LOCK_TIMEOUT).connect().await.map_err(failed)?;
    // Not an option of the connection: one that fails to open is closed at some later time, by a thread
    // that would still handle the files of this name.
    let mode = sqlx::query("PRAGMA journal_mode = DELETE").execute(&mut connection).await;
    let closed = close(connection, file).await;
    mode.map_err(failed)?;
    closed
}

/// What a checkpoint came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// The write-ahead log is empty.
    Emptied,
    /// Readers were in the way; the log is reused from its start later.
    Busy,
}

/// Renews the planner's statistics where they are old, and empties the write-ahead log.
pub async fn optimize(file: &Path) -> Result<Checkpoint, FileError> {
    let mut connection = for_checkpoint(file).await?;
    let optimized = sqlx::query("PRAGMA optimize").execute(&mut connection).await;
    optimized.map_err(|source| FileError::new(file, source))?;
    empty_log(connection, file).await
}

/// Empties the write-ahead log.
pub async fn checkpoint(file: &Path) -> Result<Checkpoint, FileError> {
    empty_log(for_checkpoint(file).await?, file).await
}

async fn for_checkpoint(file: &Path) -> Result<SqliteConnection, FileError> {
    let connection = options(file).busy_timeout(CHECKPOINT_TIMEOUT).connect().await;
    connection.map_err(|source| FileError::new(file, source))
}

async fn empty_log(mut connection: SqliteConnection, file: &Path) -> Result<Checkpoint, FileError> {
    let busy = sqlx::query_scalar::<_, i64>("PRAGMA wal_checkpoint(TRUNCATE)");
    let busy = busy.fetch_one(&mut connection).await;
    let busy = busy.map_err(|source| FileError::new(file, source))?;
    close(connection, file).await?;
    Ok(if busy == 0 { Checkpoint::Emptied } else { Checkpoint::Busy })
}

async fn read(file: &Path) -> Result<SqliteConnection, FileError> {
    let connection = options(file).read_only(true).busy_timeout(LOCK_TIMEOUT).connect().await;
    connection.map_err(|source| FileError::new(file, source))
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(file).disable_statement_logging()
}

async fn close(connection: SqliteConnection, file: &Path) -> Result<(), FileError> {
    connection.close().await.map_err(|source| FileError::new(file, source))
}
