//! Looks at the database as a reader and as a writer, on connections of its own: whether it answers is known
//! before a request has to find out, and a pool that is used up is no outage.
//!
//! Costs: one statement that reads a row each second, and, in seconds in which the service wrote nothing, one
//! row of one page written and fsynced: 4 KiB. No two looks run at the same time.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use tokio::task::JoinHandle;

use super::executor::{Access, Db};
use super::fault::Fault;
use super::file_fault::FileState;
use super::health::{Health, PATIENCE};
use super::open::DatabaseUrl;

/// A writer of SQLite waits for the lock a little shorter than a look lasts, so that the look can tell a lock
/// from a slow disk.
const LOCK_TIMEOUT: Duration = Duration::from_millis(700);
/// A write of the service this recent is as good as one of the probe.
const RECENT: Duration = Duration::from_secs(1);

const READ: &str = "SELECT written_at FROM database_probe WHERE id = 1";
const WRITE: &str = "UPDATE database_probe SET written_at = written_at + 1 WHERE id = 1";

/// The connections of the probe, and the looks that have not come back.
pub struct Probe {
    health: Arc<Health>,
    file: FileState,
    target: Target,
}

enum Target {
    /// A reader and a writer: what one of them waits for does not hold up the other.
    Sqlite {
        path: PathBuf,
        reader: Slot,
        writer: Slot,
    },
    Postgres {
        options: Box<PgConnectOptions>,
        connection: Option<PgConnection>,
    },
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Why it cannot be read.
    pub reads: Option<Fault>,
    /// Why it takes no writes.
    pub writes: Option<Fault>,
}

impl Probe {
    /// Of the database at that address, for the state that the pools of `db` share.
    pub fn new(db: &Db, url: &DatabaseUrl) -> sqlx::Result<Self> {
        let target = match url {
            DatabaseUrl::Sqlite(path) => Target::Sqlite {
                path: path.clone(),
                reader: Slot::default(),
                writer: Slot::default(),
            },
            DatabaseUrl::Postgres(url) => {
                let options = PgConnectOptions::from_str(url)?
                    .application_name("minitwit probe")
                    .options([("statement_timeout", "1s"), ("lock_timeout", "900ms")])
                    .disable_statement_logging();
                Target::Postgres { options: Box::new(options), connection: None }
            }
        };
        Ok(Self { health: Arc::clone(db.health()), file: db.file.clone(), target })
    }

    /// Looks once, for at most [`PATIENCE`], and sets what it found.
    pub async fn look(&mut self) -> Finding {
        if let Some(finding) = self.lost_file() {
            self.health.set(finding.reads, finding.writes);
            return finding;
        }
        let began = Instant::now();
        let has_just_written = began
            .checked_sub(RECENT)
            .is_some_and(|since| self.health.has_succeeded(Access::Write, since));
        let may_skip = has_just_written && self.health.writes().is_none();
        let (reads, writes) = match &mut self.target {
            Target::Sqlite { path, reader, writer } => {
                let write = async {
                    if may_skip { None } else { writer.run(sqlite(path.clone()), WRITE).await }
                };
                tokio::join!(reader.run(sqlite(path.clone()), READ), write)
            }
            Target::Postgres { options, connection } => {
                postgres(options, connection, may_skip).await
            }
        };
        let found = |fault: Option<Fault>, access| {
            fault.filter(|_| !self.health.has_succeeded(access, began))
        };
        let finding =
            Finding { reads: found(reads, Access::Read), writes: found(writes, Access::Write) };
        self.health.set(finding.reads, finding.writes);
        finding
    }
}

impl Probe {
    /// Another file at the path is not to be written.
    fn lost_file(&self) -> Option<Finding> {
        let writes = self.file.check(true).err().map(|_| Fault::FileLost)?;
        let reads = self.file.check(false).err().map(|_| Fault::FileLost);
        Some(Finding { reads, writes: Some(writes) })
    }
}

fn sqlite(path: PathBuf) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // As the service's own writer: a commit is on disk.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(LOCK_TIMEOUT)
        .pragma("cache_size", "-64")
        .disable_statement_logging()
}

type Looked = (Option<SqliteConnection>, Option<Fault>);

/// A connection of SQLite, which is a thread: one that hangs in the disk is waited for and not replaced.
#[derive(Default)]
struct Slot {
    connection: Option<SqliteConnection>,
    running: Option<JoinHandle<Looked>>,
}

impl Slot {
    async fn run(&mut self, options: SqliteConnectOptions, sql: &'static str) -> Option<Fault> {
        let connection = self.connection.take();
        let running = self.running.get_or_insert_with(|| {
            tokio::spawn(async move { look_at_sqlite(connection, &options, sql).await })
        });
        let Ok(looked) = tokio::time::timeout(PATIENCE, &mut *running).await else {
            return Some(Fault::Slow);
        };
        self.running = None;
        let (connection, fault) = looked.unwrap_or((None, Some(Fault::Other)));
        self.connection = connection;
        fault
    }
}

async fn look_at_sqlite(
    connection: Option<SqliteConnection>,
    options: &SqliteConnectOptions,
    sql: &'static str,
) -> Looked {
    let began = Instant::now();
    let looked = async {
        let mut connection = match connection {
            Some(connection) => connection,
            None => options.connect().await?,
        };
        let result = sqlx::query(sql).execute(&mut connection).await;
        result.map(|_| connection)
    };
    match looked.await {
        Ok(connection) => (Some(connection), (began.elapsed() >= PATIENCE).then_some(Fault::Slow)),
        // Another connection may find another file.
        Err(error) => (None, Some(fault(&error))),
    }
}

/// Both looks on one connection, which is closed when it does not answer: a server that hangs gets no second
/// one until the first is gone.
async fn postgres(
    options: &PgConnectOptions,
    kept: &mut Option<PgConnection>,
    may_skip: bool,
) -> (Option<Fault>, Option<Fault>) {
    let open = kept.take();
    let read = async {
        let mut connection = match open {
            Some(connection) => connection,
            None => PgConnection::connect_with(options).await?,
        };
        sqlx::query(READ).execute(&mut connection).await?;
        Ok::<_, sqlx::Error>(connection)
    };
    let mut connection = match within_patience(read).await {
        Ok(connection) => connection,
        Err(fault) => return (Some(fault), Some(fault)),
    };
    if may_skip {
        *kept = Some(connection);
        return (None, None);
    }
    let write = async {
        sqlx::query(WRITE).execute(&mut connection).await?;
        Ok(connection)
    };
    match within_patience(write).await {
        Ok(connection) => {
            *kept = Some(connection);
            (None, None)
        }
        Err(fault) => (None, Some(fault)),
    }
}

async fn within_patience<T>(look: impl Future<Output = sqlx::Result<T>>) -> Result<T, Fault> {
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(result) => result.map_err(|error| fault(&error)),
        Err(_) => Err(Fault::Timeout),
    }
}

fn fault(error: &sqlx::Error) -> Fault {
    let fault = Fault::of(error);
    // The word names the kind; what exactly it was is for the log.
    tracing::debug!(error.message = %error, "probe of the database failed");
    fault.unwrap_or(Fault::Other)
}
