//! Opening what a previous process left, whatever happened to it. A partition whose index is broken
//! loses the index and gets a new one from its rows; one whose rows are gone too is set aside. Nothing
//! is ever created in a directory that has something in it, and nothing is deleted here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock;
use crate::codec::{self, Batch};
use crate::embedded::disk::partition::{self, Opened, PartitionError, View, name_of};
use crate::embedded::disk::rows::Rows;
use crate::embedded::disk::usage::clear;
use crate::embedded::disk::writer::PartitionWriter;
use crate::embedded::options::Places;
use crate::embedded::shared::Unindexed;
use crate::shortage::{Shortage, in_words};
use crate::wal::Reader;

/// Records between two commits of a rebuild.
const REBUILD_COMMIT: u64 = 200_000;
/// Microseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// Result of the scan.
#[derive(Default)]
pub struct Found {
    /// Partitions that can be searched, in the order of arrival.
    pub views: Vec<(Arc<View>, Opened)>,
    /// Partitions that need a new index.
    pub rebuild: Vec<Unindexed>,
    /// The first sequence that is in no partition.
    pub next: u64,
    /// Notices for operators.
    pub notices: Vec<String>,
}

/// Opens every partition.
pub fn open_all(places: &Places) -> io::Result<Found> {
    let mut found = Found::default();
    for dir in partitions(&places.index)? {
        let name = name_of(&dir);
        match partition::open(&dir) {
            Ok((view, opened)) => {
                found.next = found.next.max(view.payload.next);
                found.views.push((view, opened));
            }
            // Nothing is known to be damaged: the index thread tries again.
            Err(error) if dir.is_dir() && Shortage::of(&error).is_some() => {
                found
                    .notices
                    .push(format!("could not open partition {name}: {}", in_words(&error)));
                found.rebuild.push(Unindexed::new(dir, &[]));
            }
            Err(error) => set_aside(places, &dir, &name, &error, &mut found),
        }
    }
    Ok(found)
}

/// The directories of partitions in the order of arrival. Clears away what an interrupted removal left.
pub fn partitions(index: &Path) -> io::Result<Vec<PathBuf>> {
    for gone in with_prefix(index, "gone-")? {
        // It was removed; what could not be deleted then may be possible now.
        let _ = clear(&gone);
    }
    list(index)
}

/// The directories of partitions in the order of arrival.
pub fn list(index: &Path) -> io::Result<Vec<PathBuf>> {
    with_prefix(index, "p-")
}

fn with_prefix(index: &Path, prefix: &str) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(index) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry?.path());
    }
    paths.retain(|path| name_of(path).starts_with(prefix));
    paths.sort();
    Ok(paths)
}

fn set_aside(places: &Places, dir: &Path, name: &str, error: &PartitionError, found: &mut Found) {
    let groups = Rows::open(&dir.join("rows")).map(|rows| (rows.groups(), rows.skipped));
    match groups {
        Ok((groups, skipped)) if !groups.is_empty() => {
            found.next = found.next.max(groups.last().map_or(0, |group| group.last + 1));
            if skipped > 0 {
                let notice = format!("partition {name}: skipped {skipped} bytes of corrupt rows");
                found.notices.push(notice);
            }
            let error = in_words(error);
            let notice = format!("rebuilding the index of partition {name} from its rows: {error}");
            found.notices.push(notice);
            found.rebuild.push(Unindexed::new(dir.to_owned(), &groups));
        }
        _ => found.notices.push(match quarantine(places, dir, name) {
            Ok(_) => format!("quarantined partition {name}: {}", in_words(error)),
            Err(failure) => {
                let error = in_words(error);
                format!("could not open partition {name} ({error}) or quarantine it ({failure})")
            }
        }),
    }
}

/// Moves something out of the way, for a person to look at.
pub fn quarantine(places: &Places, path: &Path, name: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(&places.broken)?;
    let stamp = clock::now() / 1_000_000;
    let free = (0..).map(|n| match n {
        0 => places.broken.join(format!("{name}.bad-{stamp}")),
        n => places.broken.join(format!("{name}.bad-{stamp}-{n}")),
    });
    let target = free.into_iter().find(|target| !target.exists()).unwrap_or_default();
    fs::rename(path, &target)?;
    partition::sync_dir(&places.broken)?;
    Ok(target)
}

/// Builds the index of a partition anew from its rows, after setting the one aside that is there.
/// `keep_going` is asked now and then; when it says no, the rebuild is abandoned and will start over
/// the next time.
pub fn rebuild(
    places: &Places,
    dir: &Path,
    writer_bytes: usize,
    keep_going: impl Fn() -> bool,
) -> Result<Option<Rebuilt>, PartitionError> {
    let index = dir.join("index");
    if index.exists() {
        quarantine(places, &index, &format!("{}-index", name_of(dir)))?;
    }
    let rebuilt = build_aside(dir, writer_bytes, keep_going);
    if !matches!(rebuilt, Ok(Some(_))) {
        // What is half built takes room that may be what is missing.
        let _ = fs::remove_dir_all(dir.join("index.new"));
    }
    rebuilt
}

fn build_aside(
    dir: &Path,
    writer_bytes: usize,
    keep_going: impl Fn() -> bool,
) -> Result<Option<Rebuilt>, PartitionError> {
    let day = partition::Format::read(dir).map_or(0, |format| format.day);
    let mut writer = PartitionWriter::rebuild(dir, day, writer_bytes)?;
    let rows = Arc::clone(&writer.view().partition.rows);
    let mut lost = 0;
    for group in rows.groups() {
        if !keep_going() {
            return Ok(None);
        }
        let Ok(columns) = rows.read(&group) else {
            lost += u64::from(group.count);
            writer.note_lost(group.first, group.last + 1);
            continue;
        };
        let mut bytes = Vec::new();
        (0..columns.len())
            .filter_map(|at| columns.record(at))
            .for_each(|record| codec::encode(&record, &mut bytes));
        let batch = Arc::new(Batch { first: group.first, next: group.last + 1, bytes });
        let mut at = 0;
        for view in batch.records() {
            writer.add(&batch, at, &view)?;
            at += view.as_bytes().len();
        }
        if writer.pending() >= REBUILD_COMMIT {
            writer.commit()?;
        }
    }
    writer.commit()?;
    writer.finish_rebuild()?;
    let (view, _) = partition::open_rebuilt(dir)?;
    Ok(Some(Rebuilt { view, lost }))
}

/// Writes a partition that was removed once more, from what the write-ahead log still has of it. `None`
/// when that is nothing, or the attempt was abandoned.
pub fn restore(
    dir: &Path,
    (first, next): (u64, u64),
    mut log: Reader,
    writer_bytes: usize,
    keep_going: impl Fn() -> bool,
) -> Result<Option<Arc<View>>, PartitionError> {
    let mut writer: Option<PartitionWriter> = None;
    while let Some(batch) = log.next_batch()?.map(Arc::new) {
        if !keep_going() || batch.first >= next {
            break;
        }
        let mut at = 0;
        for view in batch.records() {
            if (first..next).contains(&view.sequence()) {
                if writer.is_none() {
                    dir.parent().map_or(Ok(()), fs::create_dir_all)?;
                    let day = view.timestamp().div_euclid(DAY);
                    writer = Some(PartitionWriter::create(dir, day, writer_bytes)?);
                }
                if let Some(writer) = &mut writer {
                    writer.add(&batch, at, &view)?;
                }
            }
            at += view.as_bytes().len();
        }
    }
    let Some(mut writer) = writer else { return Ok(None) };
    writer.commit()?;
    writer.seal()?;
    Ok(Some(Arc::clone(writer.view())))
}

/// A partition with its new index.
pub struct Rebuilt {
    /// View of the partition for searches.
    pub view: Arc<View>,
    /// Records whose rows could not be read.
    pub lost: u64,
}
