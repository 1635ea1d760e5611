//! The data directory: made when missing, private, and used by one process at a time.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::fs::{FlockOperation, flock};

/// An open data directory. The kernel frees the lock when the process ends, however it ends.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Opens the directory for this process alone.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        create(path)?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.with_context(|| {
            let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
            format!(
                "could not write to the data directory {} (--data-dir) as user {user}, group {group}",
                path.display()
            )
        })?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            anyhow::bail!(
                "another minitwit process is using the data directory {}; stop it or choose another one (--data-dir)",
                path.display()
            );
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Creates the directory and its parents; others may not look into a new one.
pub fn create(path: &Path) -> anyhow::Result<()> {
    let created = DirBuilder::new().recursive(true).mode(0o700).create(path);
    created.with_context(|| format!("could not create the data directory {}", path.display()))?;
    let metadata = fs::metadata(path)?;
    anyhow::ensure!(metadata.is_dir(), "the data directory {} is not a directory", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_refused_and_a_later_one_is_not() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("a/b");
        let first = DataDir::open(&path).unwrap();
        let error = DataDir::open(&path).unwrap_err().to_string();
        assert!(error.contains("another minitwit"), "{error}");
        drop(first);
        assert_eq!(DataDir::open(&path).unwrap().path(), path);
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = format!("{:#}", DataDir::open(file.path()).unwrap_err());
        assert!(error.contains(file.path().to_str().unwrap()), "{error}");
    }
}
