//! Whether the file at the path of SQLite is still the one that is open. SQLite goes on with a file that was
//! removed or replaced and acknowledges what nobody will find again, so from then on nothing is written; what
//! the open files still hold is copied beside them. A file that came back is used again.
//!
//! Also keeps the write-ahead log small: it grows while a reader is in the way of checkpoints, and SQLite
//! shortens it only at a later write.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use jiff::Timestamp;
use logsearch::error_chain;

use super::Db;
use super::executor::{Arg, Statement};
use super::file_fault::FileFault;
use super::open::LOG_LIMIT;
use super::sqlite_file::{self, Checkpoint};

/// Time between two looks at the files.
const INTERVAL: Duration = Duration::from_secs(1);
/// Looks between two at the size of the write-ahead log.
const LOOKS_PER_CHECKPOINT: u32 = 15;

/// Copies a consistent state out of the open files, into a file that does not exist.
const RESCUE: Statement = Statement::read("database.rescue", "VACUUM INTO $1");

/// A file as the system knows it, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// The files as they were when they were last in order.
struct Watched {
    path: PathBuf,
    database: Identity,
    /// The longest that the database was; in this mode it never gets shorter.
    length: u64,
    /// The write-ahead log and its index, once there are some.
    beside: [(PathBuf, Option<Identity>); 2],
}

impl Watched {
    fn new(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let beside = ["-wal", "-shm"].map(|suffix| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            let path = PathBuf::from(name);
            let identity = fs::metadata(&path).ok().as_ref().map(Identity::from);
            (path, identity)
        });
        let database = Identity::from(&metadata);
        Ok(Self { path: path.to_owned(), database, length: metadata.len(), beside })
    }

    /// Compares the files with what they were. A disk that does not answer says nothing about them.
    fn look(&mut self) -> Option<FileFault> {
        match fs::metadata(&self.path) {
            Err(error) if is_missing(&error) => return Some(FileFault::Removed),
            Err(_) => return None,
            Ok(found) if Identity::from(&found) != self.database => {
                return Some(FileFault::Replaced);
            }
            Ok(found) if found.len() < self.length => return Some(FileFault::Cut),
            Ok(found) => self.length = found.len(),
        }
        for (path, known) in &mut self.beside {
            let found = match fs::metadata(path) {
                Ok(found) => Some(Identity::from(&found)),
                Err(error) if is_missing(&error) => None,
                Err(_) => return None,
            };
            if known.is_some() && found != *known {
                return Some(FileFault::LogReplaced);
            }
            *known = found;
        }
        None
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

impl Db {
    /// What is wrong with the files of the database; never anything on PostgreSQL.
    pub fn file_fault(&self) -> Option<FileFault> {
        self.file.fault()
    }

    /// Looks at the files of SQLite every second, for as long as it is polled. `now` is the time of day in
    /// microseconds.
    pub async fn watch_file(self, path: PathBuf, now: impl Fn() -> i64) {
        let Ok(watched) = Watched::new(&path) else {
            tracing::error!(file.path = %path.display(), "could not watch the database file");
            return std::future::pending().await;
        };
        let mut watched = Some(watched);
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for look in 0_u32.. {
            ticks.tick().await;
            let Some(mut files) = watched.take() else { return std::future::pending().await };
            // A disk that hangs holds up this thread alone.
            let looked = tokio::task::spawn_blocking(move || (files.look(), files)).await;
            let Ok((fault, files)) = looked else { continue };
            watched = Some(files);
            if self.note_fault(fault, &path) {
                self.rescue(&path, now()).await;
            }
            if fault.is_none() && look.is_multiple_of(LOOKS_PER_CHECKPOINT) {
                shorten_log(&path).await;
            }
        }
    }

    /// Says once what changed; whether the open files are all that is left, and whole.
    fn note_fault(&self, fault: Option<FileFault>, path: &Path) -> bool {
        let before = self.file.fault();
        if before == fault {
            return false;
        }
        self.file.set(fault);
        let Some(fault) = fault else {
            tracing::warn!(file.path = %path.display(), "the database file is back, accepting writes");
            return false;
        };
        tracing::error!(
            error.message = %fault,
            file.path = %path.display(),
            "database file lost, refusing writes; stop the service and restore a backup"
        );
        before.is_none() && fault != FileFault::Cut
    }

    /// Copies what the open files still hold to a file beside them, which can be restored.
    async fn rescue(&self, path: &Path, now: i64) {
        let now = Timestamp::from_microsecond(now).unwrap_or_default();
        let mut copy = path.as_os_str().to_owned();
        copy.push(format!(".rescued-{}", now.strftime("%Y%m%dT%H%M%SZ")));
        let copy = PathBuf::from(copy);
        let name = copy.to_string_lossy();
        match self.fetch_all(&RESCUE, &[Arg::Text(&name)], |_| Ok(())).await {
            Ok(_) => tracing::warn!(
                file.path = %copy.display(),
                "copied what the lost database file held; restore it with `minitwit restore`"
            ),
            Err(error) => tracing::error!(
                error.message = error_chain(&error),
                file.path = %copy.display(),
                "could not copy what the lost database file held"
            ),
        }
    }
}

/// Empties a write-ahead log that has grown beyond its limit, when nobody reads it any more.
async fn shorten_log(path: &Path) {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if fs::metadata(&log).map_or(0, |log| log.len()) <= LOG_LIMIT {
        return;
    }
    match sqlite_file::checkpoint(path).await {
        Ok(Checkpoint::Emptied) => tracing::info!("truncated the write-ahead log of the database"),
        Ok(Checkpoint::Busy) => {}
        Err(error) => tracing::warn!(
            error.message = error_chain(&error),
            "could not truncate the write-ahead log of the database"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_the_open_one_is_noticed_and_one_that_came_back_too() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| dir.path().join(name);
        for name in ["db", "db-wal", "db-shm"] {
            fs::write(file(name), "0123456789").unwrap();
        }
        let mut watched = Watched::new(&file("db")).unwrap();
        assert_eq!(watched.look(), None);
        fs::write(file("db"), "0123456789, longer").unwrap();
        assert_eq!(watched.look(), None);
        fs::rename(file("db"), file("away")).unwrap();
        assert_eq!(watched.look(), Some(FileFault::Removed));
        fs::write(file("db"), "another one, as long").unwrap();
        assert_eq!(watched.look(), Some(FileFault::Replaced));
        fs::rename(file("away"), file("db")).unwrap();
        assert_eq!(watched.look(), None);
        for name in ["db-wal", "db-shm"] {
            fs::rename(file(name), file("away")).unwrap();
            assert_eq!(watched.look(), Some(FileFault::LogReplaced), "{name}");
            fs::write(file(name), "").unwrap();
            assert_eq!(watched.look(), Some(FileFault::LogReplaced), "{name}");
            fs::rename(file("away"), file(name)).unwrap();
            assert_eq!(watched.look(), None);
        }
        // The write-ahead log gets shorter with each checkpoint.
        fs::write(file("db-wal"), "").unwrap();
        assert_eq!(watched.look(), None);
        for rest in ["0123", ""] {
            fs::write(file("db"), rest).unwrap();
            assert_eq!(watched.look(), Some(FileFault::Cut));
        }
    }
}
