//! Keeping within age, size and free disk by removing whole partitions, the oldest first. Files set
//! aside count, and go before anything that can be searched.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::clock::Clock;
use crate::clock;
use crate::embedded::disk::partition::name_of;
use crate::embedded::disk::usage::{directory_bytes, free_bytes};
use crate::embedded::shared::{Shared, State};

/// Deletes whole partitions, oldest first, to stay within the limits of age, size and free disk.
pub struct Retention {
    clock: Clock,
    /// Bytes of partitions that do not grow any more.
    sizes: HashMap<PathBuf, u64>,
}

/// Why a partition is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Age,
    Size,
    Disk,
}

impl Retention {
    /// Retention over these partitions.
    pub fn new(newest: Option<i64>) -> Self {
        let clock = Clock::new(newest, clock::now(), Instant::now());
        Self { clock, sizes: HashMap::new() }
    }

    /// Removes what has to go. Returns whether the partition that is being written is the only one
    /// left and has to be closed, so that it can go too. A disk that others fill never costs the last
    /// partition: that would leave nothing to find and hardly help them.
    pub fn enforce(&mut self, shared: &Shared, writing: Option<&Path>) -> bool {
        let now = self.clock.trusted(clock::now(), Instant::now());
        loop {
            let kept = kept(&shared.state.read());
            let bytes = self.measure(shared, &kept, writing);
            {
                let mut state = shared.state.write();
                state.index_bytes = bytes;
                state.sizes.clone_from(&self.sizes);
                state.writing = writing.map(Path::to_path_buf);
            }
            let Some(reason) = Self::reason(shared, kept.first(), bytes, now) else {
                return false;
            };
            if reason != Reason::Age && remove_oldest_broken(shared) {
                continue;
            }
            let Some(oldest) = kept.first() else { return false };
            if reason == Reason::Disk && kept.len() == 1 {
                return false;
            }
            if writing == Some(oldest.dir.as_path()) {
                return reason == Reason::Size && oldest.records > 0;
            }
            if let Err(error) = self.remove(shared, oldest, reason) {
                let name = name_of(&oldest.dir);
                let trouble = format!("could not delete partition {name}: {error}");
                shared.state.write().note(trouble);
                return false;
            }
        }
    }

    fn reason(
        shared: &Shared,
        oldest: Option<&Kept>,
        index_bytes: u64,
        now: Option<i64>,
    ) -> Option<Reason> {
        let options = &shared.options;
        let age = i64::try_from(options.max_age.as_micros()).unwrap_or(i64::MAX);
        let limit = now.map_or(i64::MIN, |now| now.saturating_sub(age));
        if oldest.is_some_and(|kept| kept.records > 0 && kept.newest < limit) {
            return Some(Reason::Age);
        }
        if index_bytes + shared.wal.status().bytes > options.max_bytes {
            return Some(Reason::Size);
        }
        let low = free_bytes(&shared.places.index).is_ok_and(|free| free < options.min_free_bytes);
        low.then_some(Reason::Disk)
    }

    fn measure(&mut self, shared: &Shared, kept: &[Kept], writing: Option<&Path>) -> u64 {
        let mut sum = directory_bytes(&shared.places.broken);
        for Kept { dir, is_at_rest, .. } in kept {
            sum += match self.sizes.get(dir) {
                Some(bytes) if *is_at_rest && writing != Some(dir) => *bytes,
                _ => {
                    let bytes = directory_bytes(dir);
                    self.sizes.insert(dir.clone(), bytes);
                    bytes
                }
            };
        }
        sum
    }

    fn remove(&mut self, shared: &Shared, kept: &Kept, reason: Reason) -> io::Result<()> {
        let Kept { dir, records, .. } = kept;
        let gone = dir.with_file_name(format!("gone-{}", name_of(dir)));
        // Renamed first: a half deleted partition must not be opened by the next start.
        fs::rename(dir, &gone)?;
        self.sizes.remove(dir);
        {
            let mut state = shared.state.write();
            state.views.retain(|view| view.partition.dir != *dir);
            state.rebuild.retain(|one| one.dir != *dir);
            match reason {
                Reason::Age => {}
                Reason::Size => state.note(format!(
                    "deleted the {records} oldest records to stay within the size limit"
                )),
                Reason::Disk => state.note(format!(
                    "deleted the {records} oldest records because the disk is almost full"
                )),
            }
        }
        fs::remove_dir_all(&gone)
    }
}

/// A partition, whether it can be searched at the moment or waits for its index.
struct Kept {
    dir: PathBuf,
    newest: i64,
    records: u64,
    /// Its size does not change.
    is_at_rest: bool,
}

/// All partitions in the order of arrival, which their names tell.
fn kept(state: &State) -> Vec<Kept> {
    let searched = state.views.iter().map(|view| Kept {
        dir: view.partition.dir.clone(),
        newest: view.span.1,
        records: view.records(),
        is_at_rest: true,
    });
    let waiting = state.rebuild.iter().map(|one| Kept {
        dir: one.dir.clone(),
        newest: one.span.1,
        records: one.records,
        is_at_rest: false,
    });
    let mut kept: Vec<Kept> = searched.chain(waiting).collect();
    kept.sort_by(|a, b| a.dir.cmp(&b.dir));
    kept
}

/// Removes the oldest thing set aside; `false` when there is none.
fn remove_oldest_broken(shared: &Shared) -> bool {
    let Ok(entries) = fs::read_dir(&shared.places.broken) else { return false };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort_by_key(|path| fs::metadata(path).and_then(|meta| meta.modified()).ok());
    let Some(oldest) = paths.first() else { return false };
    let removed =
        if oldest.is_dir() { fs::remove_dir_all(oldest) } else { fs::remove_file(oldest) };
    let name = name_of(oldest);
    shared.state.write().note(format!("deleted quarantined {name} to free disk space"));
    removed.is_ok()
}
