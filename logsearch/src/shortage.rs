//! What an error of the system means to operators: which resource ran out, without the names of libraries.

use std::error::Error;
use std::io;

use rustix::io::Errno;

/// A resource that may be there again later: nothing is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// The limit of open files of the process or the system.
    Descriptors,
    /// Space or inodes.
    Disk,
    /// The file system is read-only.
    ReadOnly,
    /// Memory.
    Memory,
    /// Threads or processes.
    Threads,
    /// The disk fails.
    Io,
    /// Not allowed.
    Permission,
}

impl Shortage {
    const ALL: [(Errno, Self); 11] = [
        (Errno::MFILE, Self::Descriptors),
        (Errno::NFILE, Self::Descriptors),
        (Errno::NOSPC, Self::Disk),
        (Errno::DQUOT, Self::Disk),
        (Errno::ROFS, Self::ReadOnly),
        (Errno::NOMEM, Self::Memory),
        (Errno::AGAIN, Self::Threads),
        (Errno::IO, Self::Io),
        (Errno::ACCESS, Self::Permission),
        (Errno::PERM, Self::Permission),
        (Errno::FBIG, Self::Disk),
    ];

    /// The resource that an error is about, wherever in its chain it is named; `None` for another error.
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<io::Error>().and_then(Self::of_io) {
                return Some(found);
            }
            // Libraries put errors of the system into texts.
            if let Some(found) = Self::of_text(&error.to_string()) {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    fn of_io(error: &io::Error) -> Option<Self> {
        let code = error.raw_os_error()?;
        Self::ALL.iter().find(|(errno, _)| errno.raw_os_error() == code).map(|(_, found)| *found)
    }

    fn of_text(text: &str) -> Option<Self> {
        let named = |errno: &Errno| text.contains(&format!("(os error {})", errno.raw_os_error()));
        let coded =
            |errno: &Errno| text.contains(&format!("Os {{ code: {},", errno.raw_os_error()));
        let found = Self::ALL.iter().find(|(errno, _)| named(errno) || coded(errno));
        found.map(|(_, shortage)| *shortage)
    }

    /// What happened, and what to do.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Descriptors => "too many open files; raise the limit of open files",
            Self::Disk => "no space or no inodes left on the disk; free some",
            Self::ReadOnly => "the file system is read-only",
            Self::Memory => "out of memory",
            Self::Threads => "no more threads allowed; raise the limit of processes",
            Self::Io => "the disk reports I/O errors",
            Self::Permission => "permission denied; check the owner of the data directory",
        }
    }
}

/// An error in the words of operators: the resource that ran out, or the error as it is.
pub fn in_words(error: &(dyn Error + 'static)) -> String {
    if let Some(shortage) = Shortage::of(error) {
        return shortage.as_str().to_owned();
    }
    let text = error.to_string();
    let of_a_library = ["tantivy", "index writer", "Index writer", "worker thread", "Managed"];
    if of_a_library.iter().any(|word| text.contains(word)) {
        return "an index file could not be read or written".to_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_is_seen_behind_other_errors_and_in_texts() {
        let full = io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error());
        assert_eq!(in_words(&full), Shortage::Disk.as_str());
        let text = io::Error::other("could not open x: Too many open files (os error 24)");
        assert_eq!(Shortage::of(&text), Some(Shortage::Descriptors));
        let quoted = io::Error::other("IoError(Os { code: 28, kind: StorageFull })");
        assert_eq!(Shortage::of(&quoted), Some(Shortage::Disk));
        assert_eq!(Shortage::of(&io::Error::other("checksum mismatch")), None);
    }

    #[test]
    fn no_library_is_named() {
        let killed =
            io::Error::other("An index writer was killed.. A worker thread encountered an error");
        assert_eq!(in_words(&killed), "an index file could not be read or written");
    }
}
