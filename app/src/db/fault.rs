//! Why a database does not do what it is asked, in words for operators. The only place that knows the error
//! codes of SQLite and PostgreSQL.

use std::io;

/// A kind of outage: a label of metrics, and a word in health reports. The set is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No space left for the file or its log.
    DiskFull,
    /// The file, its disk or the server takes no writes.
    ReadOnly,
    /// The disk reported an error.
    IoError,
    /// The file is no database, or its content contradicts itself.
    Damaged,
    /// Somebody else holds the lock.
    Locked,
    /// It works, and takes longer than [`PATIENCE`](super::PATIENCE).
    Slow,
    /// Nobody listens at the address.
    Refused,
    /// The connection ended, or the network lost it.
    Lost,
    /// No answer in time, or no free connection.
    Timeout,
    /// The server is starting up or shutting down.
    Restarting,
    /// The server takes no further connection.
    Crowded,
    /// The file cannot be opened.
    CannotOpen,
    /// The file was removed, replaced or cut while it was open.
    FileLost,
    /// Anything else; the log has the error.
    Other,
}

impl Fault {
    /// All of them, so that each has a series from the start.
    pub const ALL: [Self; 14] = [
        Self::DiskFull,
        Self::ReadOnly,
        Self::IoError,
        Self::Damaged,
        Self::Locked,
        Self::Slow,
        Self::Refused,
        Self::Lost,
        Self::Timeout,
        Self::Restarting,
        Self::Crowded,
        Self::CannotOpen,
        Self::FileLost,
        Self::Other,
    ];

    /// The name in metrics and logs.
    pub fn label(self) -> &'static str {
        match self {
            Self::DiskFull => "disk_full",
            Self::ReadOnly => "read_only",
            Self::IoError => "io_error",
            Self::Damaged => "damaged",
            Self::Locked => "locked",
            Self::Slow => "slow",
            Self::Refused => "connection_refused",
            Self::Lost => "connection_lost",
            Self::Timeout => "timeout",
            Self::Restarting => "restarting",
            Self::Crowded => "too_many_connections",
            Self::CannotOpen => "cannot_open",
            Self::FileLost => "file_lost",
            Self::Other => "other",
        }
    }

    /// What an operator reads, in the middle of a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Self::DiskFull => "disk is full",
            Self::ReadOnly => "database is read-only",
            Self::IoError => "disk reported an I/O error",
            Self::Damaged => "database file is damaged",
            Self::Locked => "database is locked by another writer",
            Self::Slow => "database takes longer than 1 s",
            Self::Refused => "connection refused",
            Self::Lost => "connection lost",
            Self::Timeout => "no response within 1 s",
            Self::Restarting => "database server is starting up or shutting down",
            Self::Crowded => "database server has too many connections",
            Self::CannotOpen => "database file cannot be opened",
            Self::FileLost => "database file was removed, replaced or cut",
            Self::Other => "unexpected error, see the log",
        }
    }

    /// What kind of outage an error tells of; `None` when the statement is at fault.
    pub(super) fn of(error: &sqlx::Error) -> Option<Self> {
        match error {
            sqlx::Error::PoolTimedOut => Some(Self::Timeout),
            sqlx::Error::Io(error) => Some(Self::of_io(error.kind())),
            // A server that goes away within a message, and a thread of SQLite that is gone.
            sqlx::Error::PoolClosed
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed => Some(Self::Lost),
            sqlx::Error::Database(error) => {
                let code = error.code().unwrap_or_default();
                match code.parse::<i64>() {
                    // SQLSTATE has five characters, and an extended code of SQLite carries the primary
                    // one in its low byte.
                    Ok(number) if code.len() != 5 => Self::of_sqlite(number & 0xff),
                    _ => Self::of_postgres(&code),
                }
            }
            _ => None,
        }
    }

    fn of_io(kind: io::ErrorKind) -> Self {
        match kind {
            // A socket in a directory is missing while the server is down.
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Self::Refused,
            io::ErrorKind::TimedOut => Self::Timeout,
            io::ErrorKind::StorageFull => Self::DiskFull,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Lost,
        }
    }

    /// By the primary result code.
    fn of_sqlite(code: i64) -> Option<Self> {
        match code {
            5 | 6 => Some(Self::Locked),
            8 => Some(Self::ReadOnly),
            10 => Some(Self::IoError),
            11 | 26 => Some(Self::Damaged),
            13 => Some(Self::DiskFull),
            14 => Some(Self::CannotOpen),
            _ => None,
        }
    }

    /// By SQLSTATE.
    fn of_postgres(code: &str) -> Option<Self> {
        match code {
            "53100" => Some(Self::DiskFull),
            "53300" => Some(Self::Crowded),
            "25006" => Some(Self::ReadOnly),
            // A lock that was not to be had, and a deadlock that was dissolved.
            "55P03" => Some(Self::Locked),
            "57014" => Some(Self::Timeout),
            "XX001" | "XX002" => Some(Self::Damaged),
            _ => match code.get(..2)? {
                "08" => Some(Self::Lost),
                "40" => Some(Self::Locked),
                "53" => Some(Self::Other),
                "57" => Some(Self::Restarting),
                "58" => Some(Self::IoError),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_has_a_label_and_a_text_of_its_own() {
        let labels: BTreeSet<_> = Fault::ALL.map(Fault::label).into();
        let texts: BTreeSet<_> = Fault::ALL.map(Fault::text).into();
        assert_eq!((labels.len(), texts.len()), (Fault::ALL.len(), Fault::ALL.len()));
        let engines = ["sqlite", "sqlx", "postgres", "tokio"];
        for text in texts {
            assert!(!engines.iter().any(|name| text.to_lowercase().contains(name)), "{text}");
        }
    }

    #[test]
    fn codes_and_errors_of_both_databases_have_their_fault() {
        for (code, fault) in [
            (5, Some(Fault::Locked)),
            (6, Some(Fault::Locked)),
            (8, Some(Fault::ReadOnly)),
            (10, Some(Fault::IoError)),
            (11, Some(Fault::Damaged)),
            (13, Some(Fault::DiskFull)),
            (14, Some(Fault::CannotOpen)),
            (19, None),
            (1, None),
        ] {
            assert_eq!(Fault::of_sqlite(code), fault, "{code}");
        }
        for (code, fault) in [
            ("53100", Some(Fault::DiskFull)),
            ("53200", Some(Fault::Other)),
            ("53300", Some(Fault::Crowded)),
            ("25006", Some(Fault::ReadOnly)),
            ("55P03", Some(Fault::Locked)),
            ("40P01", Some(Fault::Locked)),
            ("57014", Some(Fault::Timeout)),
            ("57P01", Some(Fault::Restarting)),
            ("57P03", Some(Fault::Restarting)),
            ("58030", Some(Fault::IoError)),
            ("08006", Some(Fault::Lost)),
            ("23505", None),
            ("42P01", None),
        ] {
            assert_eq!(Fault::of_postgres(code), fault, "{code}");
        }
        let io = |kind: io::ErrorKind| Fault::of(&sqlx::Error::Io(kind.into()));
        assert_eq!(io(io::ErrorKind::ConnectionRefused), Some(Fault::Refused));
        assert_eq!(io(io::ErrorKind::TimedOut), Some(Fault::Timeout));
        assert_eq!(io(io::ErrorKind::BrokenPipe), Some(Fault::Lost));
        assert_eq!(Fault::of(&sqlx::Error::PoolTimedOut), Some(Fault::Timeout));
        assert_eq!(Fault::of(&sqlx::Error::RowNotFound), None);
    }
}
