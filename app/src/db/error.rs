//! How a statement fails, as a caller acts on it. An absent row is an `Option`, not an error.

use logsearch::error_chain;

use super::fault::Fault;
use super::file_fault::FileFault;

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
    /// The files of the database are not those that are open.
    #[error(transparent)]
    FileFault(#[from] FileFault),
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
            Self::Unavailable(_) | Self::FileFault(_) => "unavailable",
            Self::Other { .. } => "other",
        }
    }

    /// What kind of outage it is; `None` when the statement is at fault.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Unavailable(source) | Self::Other { source, .. } => Fault::of(source),
            Self::FileFault(_) => Some(Fault::FileLost),
            Self::Taken(_) => None,
        }
    }

    /// The whole chain in one line.
    pub fn chain(&self) -> String {
        error_chain(self)
    }
}

/// What keeps the database away, when that is why an error came about: it may answer later, and what it is
/// told is not wrong. A file that cannot be opened or is damaged stays so.
pub fn away(error: &anyhow::Error) -> Option<Fault> {
    let mut faults = error.chain().filter_map(|cause| Fault::of(cause.downcast_ref()?));
    faults.find(|fault| !matches!(fault, Fault::CannotOpen | Fault::Damaged))
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

/// Damaged content does not get better by asking again.
fn is_unavailable(error: &sqlx::Error) -> bool {
    Fault::of(error).is_some_and(|fault| fault != Fault::Damaged)
}
