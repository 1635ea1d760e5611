//! How a statement fails, as a caller acts on it. An absent row is an `Option`, not an error.

use logsearch::error_chain;

/// The result of a database method.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed statement.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A unique constraint said no; the name of the table or constraint.
    #[error("{0} is already taken")]
    Taken(String),
    /// No connection, a full pool, a locked or full database: later may work.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// An internal error: a bug or corrupt data.
    #[error("the statement {statement} failed")]
    Other {
        /// Name of the statement.
        statement: &'static str,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

/// Primary result codes of SQLite that mean "not now": BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN.
const SQLITE_UNAVAILABLE: [i64; 6] = [5, 6, 8, 10, 13, 14];
/// Starts of SQLSTATE that mean "not now": connection, rollback (deadlock), resources, a lock that was
/// not to be had, operator intervention, system.
const POSTGRES_UNAVAILABLE: [&str; 6] = ["08", "40", "53", "55P03", "57", "58"];

impl Error {
    pub(super) fn new(statement: &'static str, source: sqlx::Error) -> Self {
        match &source {
            sqlx::Error::Database(error) if error.is_unique_violation() => {
                Self::Taken(error.constraint().unwrap_or(statement).to_owned())
            }
            _ if is_unavailable(&source) => Self::Unavailable(source),
            _ => Self::Other { statement, source },
        }
    }

    /// A closed set of names for metrics and logs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Taken(_) => "taken",
            Self::Unavailable(sqlx::Error::PoolTimedOut) => "pool_timeout",
            Self::Unavailable(_) => "unavailable",
            Self::Other { .. } => "other",
        }
    }

    /// The whole chain in one line.
    pub fn chain(&self) -> String {
        error_chain(self)
    }
}

/// Whether a database on another machine is why: it may answer later, and what it is told is not wrong.
pub fn is_away(error: &anyhow::Error) -> bool {
    let is_of_sqlite = |error: &sqlx::Error| {
        error
            .as_database_error()
            .is_some_and(|error| error.code().is_some_and(|code| code.len() != 5))
    };
    error.chain().any(|cause| {
        let cause = cause.downcast_ref::<sqlx::Error>();
        cause.is_some_and(|cause| is_unavailable(cause) && !is_of_sqlite(cause))
    })
}

/// Whether the connection ended under the statement: another connection may do.
pub(super) fn is_lost_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => true,
        // An administrator or a crash ended it.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}

fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        // A server that goes away within a message.
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            match code.parse::<i64>() {
                // An extended code of SQLite carries the primary one in its low byte.
                Ok(number) if code.len() != 5 => SQLITE_UNAVAILABLE.contains(&(number & 0xff)),
                _ => POSTGRES_UNAVAILABLE.iter().any(|start| code.starts_with(start)),
            }
        }
        _ => false,
    }
}
