//! Reading everything there is and comparing checksums: flipped bits inside a file are not noticed by
//! opening it. Also the way to build every index anew on request. Works on files; the running store
//! looks at one partition now and then itself.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::recovery;
use crate::embedded::OpenError;
use crate::embedded::disk::partition::{self, PartitionError, View, name_of};
use crate::embedded::disk::rows::Group;
use crate::embedded::options::{Options, Places};
use crate::shortage::in_words;
use crate::wal::{self, Wal};

/// Result of verifying a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// All partitions in order of arrival.
    pub partitions: Vec<VerifiedPartition>,
    /// Whole records of the write-ahead log.
    pub log_records: u64,
    /// Damage of the write-ahead log.
    pub log_damage: Vec<String>,
}

/// Result of verifying a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifiedPartition {
    /// The name of its directory.
    pub name: String,
    /// Searchable records of the partition.
    pub records: u64,
    /// Damage; empty if intact.
    pub damage: Vec<String>,
}

impl Verified {
    /// Whether everything is intact.
    pub fn is_sound(&self) -> bool {
        self.log_damage.is_empty() && self.partitions.iter().all(|found| found.damage.is_empty())
    }
}

/// Attempts at a log that a service writes meanwhile, and the time between two.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(300);

/// Reads all of a store and compares checksums. Changes nothing; a service may have it open: what looks
/// damaged is then read again, because it may have been written meanwhile. What the write-ahead log lost
/// after the index had it is no damage.
///
/// # Errors
/// When a directory cannot be read.
pub fn verify(root: &Path) -> io::Result<Verified> {
    let places = Places::of(root);
    let mut attempt = 1;
    loop {
        let verified = verify_once(&places)?;
        if verified.is_sound() || attempt == ATTEMPTS || !wal::is_locked(&places.wal) {
            return Ok(verified);
        }
        attempt += 1;
        std::thread::sleep(PAUSE);
    }
}

fn verify_once(places: &Places) -> io::Result<Verified> {
    let mut verified = Verified::default();
    let mut indexed = 0;
    for dir in recovery::list(&places.index)? {
        let name = name_of(&dir);
        // It begins behind what those before it have, of which some may have been deleted.
        indexed = indexed.max(name.trim_start_matches("p-").parse().unwrap_or(0));
        let (records, damage) = match partition::open(&dir) {
            Ok((view, _)) => {
                indexed = indexed.max(view.payload.next);
                (view.records(), damage_of(&view))
            }
            // Retention was faster.
            Err(_) if !dir.exists() => continue,
            Err(error) => (0, vec![in_words(&error)]),
        };
        verified.partitions.push(VerifiedPartition { name, records, damage });
    }
    if places.wal.is_dir() {
        let log = wal::verify(&places.wal)?;
        let is_damaged = !log.notices.is_empty() && wal::lost_from(&places.wal, indexed)? > 0;
        verified.log_records = log.records;
        verified.log_damage = if is_damaged { log.notices } else { Vec::new() };
    }
    Ok(verified)
}

/// Damage of a partition.
pub fn damage_of(view: &View) -> Vec<String> {
    let mut damage = Vec::new();
    match view.searcher.index().validate_checksum() {
        Ok(files) => {
            let wrong = |file: &std::path::PathBuf| format!("{} is corrupt", file.display());
            damage.extend(files.iter().map(wrong));
        }
        Err(error) => damage.push(in_words(&error)),
    }
    let rows = &view.partition.rows;
    let known = |first: u64| view.payload.lost.contains(&first);
    // Behind the last commit somebody may be writing.
    let is_committed = |group: &Group| group.end() <= view.payload.rows;
    let groups = rows.groups().into_iter().filter(is_committed);
    let broken = groups.filter(|group| !known(group.first));
    let broken = broken.filter(|group| rows.read(group).is_err());
    let lost: u64 = broken.map(|group| u64::from(group.count)).sum();
    if lost > 0 {
        damage.push(format!("{lost} records have corrupt rows"));
    }
    damage
}

/// Builds every index of a store anew from its rows, one after the other. `progress` is told the name
/// and the number of records of each. Nobody else may have the store open.
pub fn reindex(
    root: &Path,
    options: &Options,
    mut progress: impl FnMut(&str, u64),
) -> Result<(), ReindexError> {
    let places = Places::of(root);
    let _lock = Wal::open(&places.wal, options.wal.clone()).map_err(OpenError::from)?;
    for dir in recovery::partitions(&places.index)? {
        let index = dir.join("index");
        let old = index
            .exists()
            .then(|| recovery::quarantine(&places, &index, &format!("{}-index", name_of(&dir))))
            .transpose()?;
        let rebuilt = recovery::rebuild(&places, &dir, options.writer_bytes, || true)?;
        progress(&name_of(&dir), rebuilt.map_or(0, |rebuilt| rebuilt.view.records()));
        if let Some(old) = old {
            fs::remove_dir_all(old)?;
        }
    }
    Ok(())
}

/// Why indexes could not be built anew. What was done until then stays.
#[derive(Debug, thiserror::Error)]
pub enum ReindexError {
    /// The store could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An I/O error.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A partition could not be opened or read.
    #[error("an index could not be built")]
    Index(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<PartitionError> for ReindexError {
    fn from(error: PartitionError) -> Self {
        Self::Index(Box::new(error))
    }
}
