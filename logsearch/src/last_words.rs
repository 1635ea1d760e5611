//! What a process could not write when it was shut down, kept for the next one: a few bytes in a file that is
//! as long as it will ever be, so that a full disk takes them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

const NAME: &str = "lost-at-shutdown";
/// A number of 20 digits and the end of the line.
const LENGTH: usize = 21;

/// The file, open.
#[derive(Debug)]
pub struct LastWords(Option<File>);

impl LastWords {
    /// Opens the file of a directory, and takes out how many records the last process lost. A directory
    /// that cannot be written has none.
    pub fn open(directory: &Path) -> (Self, u64) {
        match Self::try_open(&directory.join(NAME)) {
            Ok((file, lost)) => (Self(Some(file)), lost),
            Err(_) => (Self(None), 0),
        }
    }

    fn try_open(path: &Path) -> io::Result<(File, u64)> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        let mut text = [0; LENGTH];
        let lost = match file.read_exact_at(&mut text, 0) {
            Ok(()) => std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok()),
            Err(_) => None,
        };
        file.write_all_at(format!("{:020}\n", 0).as_bytes(), 0)?;
        Ok((file, lost.unwrap_or(0)))
    }

    /// Keeps how many records were lost.
    pub fn keep(&self, lost: u64) {
        if let Self(Some(file)) = self {
            // Where even this fails, standard error has been told.
            let _ = file.write_all_at(format!("{lost:020}\n").as_bytes(), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_out_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let (words, lost) = LastWords::open(directory.path());
        assert_eq!(lost, 0);
        words.keep(324);
        assert_eq!(LastWords::open(directory.path()).1, 324);
        assert_eq!(LastWords::open(directory.path()).1, 0);
    }
}
