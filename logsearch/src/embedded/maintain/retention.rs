//! Keeping within age, size and free disk by removing whole partitions, the oldest first. Files set
//! aside count, and go before anything that can be searched.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::clock::{Clock, JUMP};
use crate::clock;
use crate::embedded::disk::partition::{View, name_of};
use crate::embedded::disk::usage::{directory_bytes, free_bytes};
use crate::embedded::options::Options;
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
    pub fn new(views: &[Arc<View>]) -> Self {
        let now = clock::now();
        let newest = views.iter().filter_map(|view| newest_until(&groups(view), now)).max();
        let clock = Clock::new(newest, now, Instant::now());
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
            let expired = now.and_then(|now| expired(&kept, now, &shared.options));
            let reason = match expired {
                Some(_) => Reason::Age,
                None => match Self::reason(shared, bytes) {
                    Some(reason) => reason,
                    None => return false,
                },
            };
            if reason != Reason::Age && remove_oldest_broken(shared) {
                continue;
            }
            let Some(oldest) = expired.or(kept.first()) else { return false };
            if reason == Reason::Disk {
                shared.wal.shrink();
                if kept.len() == 1 {
                    return false;
                }
            }
            if writing == Some(oldest.dir.as_path()) {
                return reason != Reason::Disk && oldest.records > 0;
            }
            if let Err(error) = self.remove(shared, oldest, reason) {
                let name = name_of(&oldest.dir);
                let trouble = format!("could not delete partition {name}: {error}");
                shared.state.write().note(trouble);
                return false;
            }
        }
    }

    /// Why the oldest partition has to go, its age left aside.
    fn reason(shared: &Shared, index_bytes: u64) -> Option<Reason> {
        let options = &shared.options;
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
    /// Oldest and newest timestamps of its groups of rows.
    spans: Vec<(i64, i64)>,
    records: u64,
    /// Its size does not change.
    is_at_rest: bool,
}

/// All partitions in the order of arrival, which their names tell.
fn kept(state: &State) -> Vec<Kept> {
    let searched = state.views.iter().map(|view| Kept {
        dir: view.partition.dir.clone(),
        spans: groups(view),
        records: view.records(),
        is_at_rest: true,
    });
    let waiting = state.rebuild.iter().map(|one| Kept {
        dir: one.dir.clone(),
        spans: vec![one.span],
        records: one.records,
        is_at_rest: false,
    });
    let mut kept: Vec<Kept> = searched.chain(waiting).collect();
    kept.sort_by(|a, b| a.dir.cmp(&b.dir));
    kept
}

fn groups(view: &View) -> Vec<(i64, i64)> {
    let groups = view.partition.rows.groups();
    groups.iter().map(|group| (group.oldest, group.newest)).collect()
}

/// The newest timestamp that is not in the future. A clock that was ahead, or a host that made one up,
/// says nothing about the age of what came beside it.
fn newest_until(spans: &[(i64, i64)], now: i64) -> Option<i64> {
    let latest = now.saturating_add(JUMP);
    let sane =
        |(oldest, newest): &(i64, i64)| [*newest, *oldest].into_iter().find(|at| *at <= latest);
    spans.iter().filter_map(sane).max()
}

/// The first partition of which all records are too old. One that has only records of the future is as
/// old as the one that came behind it.
fn expired<'a>(kept: &'a [Kept], now: i64, options: &Options) -> Option<&'a Kept> {
    let age = i64::try_from(options.max_age.as_micros()).unwrap_or(i64::MAX);
    let limit = now.saturating_sub(age);
    let mut behind = None;
    let mut found = None;
    for one in kept.iter().rev().filter(|one| one.records > 0) {
        let newest = newest_until(&one.spans, now).or(behind);
        if newest.is_some_and(|newest| newest < limit) {
            found = Some(one);
        }
        behind = newest;
    }
    found
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DAY: i64 = 24 * 60 * 60 * 1_000_000;
    const NOW: i64 = 20_000 * DAY;
    const YEARS: i64 = 20 * 365 * DAY;

    fn kept(spans: &[&[(i64, i64)]]) -> Vec<Kept> {
        let one = |(at, spans): (usize, &&[(i64, i64)])| Kept {
            dir: PathBuf::from(format!("p-{at}")),
            spans: spans.to_vec(),
            records: 1,
            is_at_rest: true,
        };
        spans.iter().enumerate().map(one).collect()
    }

    fn goes(spans: &[&[(i64, i64)]]) -> Option<String> {
        let options = Options { max_age: Duration::from_hours(24), ..Options::default() };
        expired(&kept(spans), NOW, &options).map(|one| name_of(&one.dir))
    }

    #[test]
    fn an_odd_timestamp_changes_nothing() {
        let (old, fresh) = ((NOW - 3 * DAY, NOW - 2 * DAY), (NOW - DAY / 2, NOW));
        let ahead = (NOW + YEARS, NOW + YEARS);
        assert_eq!(goes(&[&[old], &[fresh]]).as_deref(), Some("p-0"));
        assert_eq!(goes(&[&[ahead, old], &[fresh]]).as_deref(), Some("p-0"));
        assert_eq!(goes(&[&[(NOW - 3 * DAY, NOW + YEARS)], &[fresh]]).as_deref(), Some("p-0"));
        assert_eq!(goes(&[&[ahead], &[old], &[fresh]]).as_deref(), Some("p-0"));
        assert_eq!(goes(&[&[fresh], &[old], &[fresh]]).as_deref(), Some("p-1"));
        assert_eq!(goes(&[&[ahead], &[fresh]]), None);
        assert_eq!(goes(&[&[(0, 0), fresh], &[fresh]]), None);
        assert_eq!(goes(&[&[(0, 0)], &[fresh]]).as_deref(), Some("p-0"));
        assert_eq!(goes(&[&[ahead]]), None);
    }
}
