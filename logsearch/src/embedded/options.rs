//! Sizes, times and limits of the embedded store.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::disk::usage::disk_bytes;
use crate::clock;
use crate::metrics::own::{self, Names};
use crate::wal::WalOptions;

/// Fewer bytes hold nothing worth a search.
const LEAST_BYTES: u64 = 2 * 1024 * 1024;

/// See each field. The defaults suit a service of some thousand records a second on a small machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// Age at which whole partitions are deleted.
    pub max_age: Duration,
    /// Index and write-ahead log never have more bytes; the oldest partition goes first.
    pub max_bytes: u64,
    /// While the disk has fewer bytes free, the oldest partition goes, also when it is young.
    pub min_free_bytes: u64,
    /// A partition is closed when it has so many records.
    pub partition_records: u64,
    /// A partition is closed when it has so many bytes.
    pub partition_bytes: u64,
    /// Records become part of the index after at most this time. They are found before.
    pub commit_interval: Duration,
    /// Records become part of the index when there are so many.
    pub commit_records: u64,
    /// Memory of the index writer; with little of it indexing costs much more.
    pub writer_bytes: usize,
    /// Memory for records that are not indexed yet. When indexing falls further behind, the oldest of
    /// them cannot be found until it has caught up.
    pub tail_bytes: usize,
    /// Searches that run at the same time; others wait.
    pub searches: usize,
    /// A query that takes longer is answered in part, or not at all if it has no parts.
    pub deadline: Duration,
    /// The write-ahead log.
    pub wal: WalOptions,
    /// Names of its metrics.
    pub metrics: &'static Names,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_age: Duration::from_hours(14 * 24),
            max_bytes: 2 * 1024 * 1024 * 1024,
            min_free_bytes: 256 * 1024 * 1024,
            partition_records: 2_000_000,
            partition_bytes: 512 * 1024 * 1024,
            commit_interval: Duration::from_secs(10),
            commit_records: 50_000,
            writer_bytes: 64 * 1024 * 1024,
            tail_bytes: 32 * 1024 * 1024,
            searches: 2,
            deadline: Duration::from_secs(5),
            wal: WalOptions::default(),
            metrics: &own::PIPELINE,
        }
    }
}

impl Options {
    /// A disk that is hardly larger than what has to stay free is shared with others: an eighth of it at
    /// most is for logs, so that what they describe has the rest.
    pub(super) fn fit_disk(&mut self, root: &Path) {
        if let Ok(disk) = disk_bytes(root)
            && disk < self.min_free_bytes.saturating_mul(2)
        {
            self.max_bytes = self.max_bytes.min(disk / 8).max(LEAST_BYTES);
        }
    }

    /// Retention removes whole partitions, so that one must be a small part of what may be kept.
    pub(super) fn largest_partition(&self) -> u64 {
        self.partition_bytes.min(self.max_bytes / 8).max(1)
    }
}

/// Paths of a store.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub wal: PathBuf,
    pub index: PathBuf,
    pub broken: PathBuf,
}

impl Places {
    pub fn of(root: &Path) -> Self {
        Self { wal: root.join("wal"), index: root.join("index"), broken: root.join("quarantine") }
    }

    /// Creates the directory of the index. Something else in the place of a directory, or of the lock, is
    /// renamed; returns what there is to tell about it. A disk that takes no directory is no reason not to
    /// go on, and without one for the write-ahead log that log lives in memory.
    ///
    /// # Errors
    /// When something is in the way and cannot be renamed.
    pub fn prepare(&self) -> io::Result<Vec<String>> {
        let mut notices = Vec::new();
        let root = self.wal.parent().unwrap_or(&self.wal);
        for place in [root, &self.index, &self.broken] {
            if !place.is_dir() && place.symlink_metadata().is_ok() {
                notices.push(set_aside(place, "is no directory")?);
            }
        }
        // Tried again when something is to be written.
        let _ = fs::create_dir_all(&self.index);
        let lock = self.wal.join("lock");
        if lock.is_dir() {
            notices.push(set_aside(&lock, "is no file")?);
        }
        Ok(notices)
    }
}

/// Renames something that is in the way, and says so.
fn set_aside(path: &Path, reason: &str) -> io::Result<String> {
    let mut target = path.as_os_str().to_owned();
    target.push(format!(".misplaced-{}", clock::now() / 1_000_000));
    fs::rename(path, &target)?;
    let (path, target) = (path.display(), Path::new(&target).display().to_string());
    Ok(format!("{path} {reason}; it was set aside as {target}"))
}
