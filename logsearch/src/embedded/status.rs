//! How the store is doing: what can be found, what it takes on the disk, what bounds it.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::disk::partition::{View, name_of};
use super::disk::usage::free_bytes;
use super::shared::{Shared, State, Unindexed};
use crate::clock;
use crate::store::StoreStatus;

/// How an embedded store lies on its disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskStatus {
    /// Pieces the index is in.
    pub segments: u64,
    /// The parts that are removed as a whole, the oldest first.
    pub partitions: Vec<PartitionStatus>,
    /// What bounds the store.
    pub limits: Limits,
    /// Records that can be found and that a power failure would take.
    pub unsynced: u64,
}

/// A part of a store that is removed as a whole when it is too old or there is no room for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionStatus {
    /// The name of its directory.
    pub name: String,
    /// Timestamps of its oldest and its newest record in microseconds; `None` while it has none.
    pub span: Option<(i64, i64)>,
    /// Its records, also those that cannot be found at the moment.
    pub records: u64,
    /// Bytes on disk when last measured.
    pub bytes: u64,
    /// Number of index segments.
    pub segments: u64,
    /// State of the partition.
    pub state: PartitionState,
}

/// State of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartitionState {
    /// Accepts new records.
    Active,
    /// Complete and read-only.
    Closed,
    /// Its index is built anew from its records, which cannot be found until then.
    Rebuilding,
    /// Corrupt and not searched.
    Damaged,
}

/// Limits of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Age at which partitions are deleted.
    pub max_age: Duration,
    /// Size limit of the store in bytes.
    pub max_bytes: u64,
    /// While the disk has fewer bytes free, the oldest partition goes.
    pub min_free_bytes: u64,
    /// Bytes free on the disk; `None` when the system does not say.
    pub free_bytes: Option<u64>,
}

impl Shared {
    /// Returns the status of the store: size, lag, limits and notices.
    pub fn status(&self) -> StoreStatus {
        let wal = self.wal.status();
        let state = self.state.read();
        let views = || state.views.iter().filter(|view| view.failure().is_none());
        let oldest = views().filter(|view| view.records() > 0).map(|view| view.span.0);
        let mut notices: Vec<String> = state.notices.iter().cloned().collect();
        notices.extend(state.trouble.clone());
        notices.extend(wal.notices);
        let gap = state.tail.has_gap_from(state.next);
        StoreStatus {
            records: views().map(|view| view.records()).sum::<u64>()
                + state.tail.count_from(state.next),
            bytes: state.index_bytes + wal.bytes,
            oldest: oldest.chain(state.tail.oldest()).min(),
            // With a gap, only what is indexed is complete.
            searchable_until: if gap {
                views().map(|view| view.span.1).max().unwrap_or(0)
            } else {
                clock::now()
            },
            notices,
        }
    }

    /// What is on the disk.
    pub fn disk_status(&self) -> DiskStatus {
        let wal = self.wal.status();
        let state = self.state.read();
        let views = state.views.iter().filter(|view| view.failure().is_none());
        DiskStatus {
            segments: views.map(|view| segments(view)).sum(),
            partitions: state.partitions(),
            limits: self.limits(),
            unsynced: wal.next.saturating_sub(wal.synced),
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            max_age: self.options.max_age,
            max_bytes: self.options.max_bytes,
            min_free_bytes: self.options.min_free_bytes,
            free_bytes: free_bytes(&self.places.index).ok(),
        }
    }
}

impl State {
    /// All partitions in the order of arrival, which their names tell.
    fn partitions(&self) -> Vec<PartitionStatus> {
        let searched = self.views.iter().map(|view| self.searched(view));
        let waiting = self.rebuild.iter().map(|one| self.waiting(one));
        let mut partitions: Vec<PartitionStatus> = searched.chain(waiting).collect();
        partitions.sort_by(|a, b| a.name.cmp(&b.name));
        partitions
    }

    fn searched(&self, view: &View) -> PartitionStatus {
        let dir = &view.partition.dir;
        let state = match (view.failure(), self.writing.as_ref() == Some(dir)) {
            (Some(_), _) => PartitionState::Damaged,
            (None, true) => PartitionState::Active,
            (None, false) => PartitionState::Closed,
        };
        PartitionStatus {
            name: view.partition.name(),
            span: (view.span.0 <= view.span.1).then_some(view.span),
            records: view.records(),
            bytes: self.bytes_of(dir),
            segments: segments(view),
            state,
        }
    }

    fn waiting(&self, one: &Unindexed) -> PartitionStatus {
        PartitionStatus {
            name: name_of(&one.dir),
            span: (one.span.0 <= one.span.1).then_some(one.span),
            records: one.records,
            bytes: self.bytes_of(&one.dir),
            segments: 0,
            state: PartitionState::Rebuilding,
        }
    }

    fn bytes_of(&self, dir: &Path) -> u64 {
        self.sizes.get(dir).copied().unwrap_or(0)
    }
}

fn segments(view: &View) -> u64 {
    view.searcher.segment_readers().len() as u64
}
