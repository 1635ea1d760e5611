//! Bringing partitions back that cannot be searched: opened again, with a new index from their rows, or
//! written again from the write-ahead log.

use std::path::Path;
use std::sync::Arc;

use super::recovery;
use crate::embedded::disk::partition::{self, PartitionError, View, name_of};
use crate::embedded::shared::{Shared, State, Unindexed};
use crate::shortage::in_words;

/// How a partition came back.
enum Back {
    /// Nothing was wrong with it.
    Opened(Arc<View>),
    /// With a new index; so many records could not be read.
    Rebuilt(Arc<View>, u64),
    /// From the log.
    Restored(Arc<View>),
    /// Neither files nor log have anything of it.
    Gone,
    /// The store is closing.
    Abandoned,
}

/// Brings back one partition. One that fails is tried again later, and its span is known to be incomplete
/// until then.
pub fn rebuild_next(shared: &Shared) {
    let due = shared.state.read().rebuild.iter().rev().find(|one| one.is_due()).cloned();
    let Some(one) = due else { return };
    let back = bring_back(shared, &one);
    let mut state = shared.state.write();
    let name = name_of(&one.dir);
    match back {
        Ok(Back::Abandoned) => {}
        Ok(Back::Opened(view)) => state.came_back(&one.dir, view),
        Ok(Back::Rebuilt(view, lost)) => {
            state.came_back(&one.dir, view);
            state.note(match lost {
                0 => format!("rebuilt the index of partition {name}"),
                lost => format!("rebuilt the index of partition {name}; {lost} records were lost"),
            });
        }
        Ok(Back::Restored(view)) => {
            let lost = one.records.saturating_sub(view.records());
            state.came_back(&one.dir, view);
            state.removed += lost;
            state.note(match lost {
                0 => format!("partition {name} was removed and restored from the write-ahead log"),
                lost => format!(
                    "partition {name} was removed; {lost} of its records were lost, the others were \
                     restored from the write-ahead log"
                ),
            });
        }
        Ok(Back::Gone) => {
            state.rebuild.retain(|other| other.dir != one.dir);
            state.removed += one.records;
            let records = one.records;
            state.note(format!("partition {name} was removed; its {records} records are lost"));
        }
        Err(error) => {
            let failed = state.rebuild.iter_mut().filter(|other| other.dir == one.dir);
            failed.for_each(Unindexed::failed);
            let error = in_words(&error);
            state.note(format!(
                "could not rebuild the index of partition {name}, will retry: {error}"
            ));
        }
    }
}

fn bring_back(shared: &Shared, one: &Unindexed) -> Result<Back, PartitionError> {
    let (heap, keep_going) = (shared.options.writer_bytes, || !shared.is_stopping());
    if !one.dir.join("rows").exists() {
        if one.dir.exists() {
            // Without rows an index finds nothing.
            recovery::quarantine(&shared.places, &one.dir, &name_of(&one.dir))?;
        }
        let log = shared.wal.reader(one.sequences.0);
        let restored = recovery::restore(&one.dir, one.sequences, log, heap, keep_going)?;
        return Ok(match restored {
            Some(view) => Back::Restored(view),
            None if shared.is_stopping() => Back::Abandoned,
            None => Back::Gone,
        });
    }
    if one.was_unreadable()
        && let Ok((view, _)) = partition::open(&one.dir)
    {
        return Ok(Back::Opened(view));
    }
    let rebuilt = recovery::rebuild(&shared.places, &one.dir, heap, keep_going)?;
    Ok(rebuilt.map_or(Back::Abandoned, |rebuilt| Back::Rebuilt(rebuilt.view, rebuilt.lost)))
}

impl State {
    /// A partition can be searched again.
    fn came_back(&mut self, dir: &Path, view: Arc<View>) {
        self.rebuild.retain(|one| one.dir != dir);
        self.views.push(view);
        self.views.sort_by(|a, b| a.partition.dir.cmp(&b.partition.dir));
    }
}
