//! What can be wrong with the files of a SQLite database while it is open, and what then cannot be done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// What is wrong with the files of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// Nothing is at the path.
    #[error("the database file was removed")]
    Removed,
    /// Another file is at the path.
    #[error("the database file was replaced")]
    Replaced,
    /// The file lost its end; what is read may be wrong.
    #[error("the database file was cut short")]
    Cut,
    /// The write-ahead log or its index is gone or another, and with it what no checkpoint has copied.
    #[error("the write-ahead log of the database was removed or replaced")]
    LogReplaced,
}

const FAULTS: [FileFault; 4] =
    [FileFault::Removed, FileFault::Replaced, FileFault::Cut, FileFault::LogReplaced];

/// The fault that was found last, for every statement to see. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct FileState(Arc<AtomicU8>);

impl FileState {
    pub(super) fn fault(&self) -> Option<FileFault> {
        let number = usize::from(self.0.load(Ordering::Relaxed));
        FAULTS.get(number.checked_sub(1)?).copied()
    }

    pub(super) fn set(&self, fault: Option<FileFault>) {
        let number = FAULTS.iter().position(|known| Some(*known) == fault);
        let number = number.map_or(0, |number| u8::try_from(number + 1).unwrap_or(u8::MAX));
        self.0.store(number, Ordering::Relaxed);
    }

    /// Fails for what cannot be done on the files as they are: any write, and reading a file that was cut.
    pub(super) fn check(&self, writes: bool) -> Result<(), FileFault> {
        match self.fault() {
            Some(fault) if writes || fault == FileFault::Cut => Err(fault),
            _ => Ok(()),
        }
    }
}
