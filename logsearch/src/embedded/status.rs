//! How the store is doing: what can be found, what it takes on the disk, what bounds it.

use std::path::Path;

use super::disk::partition::{View, name_of};
use super::disk::usage::free_bytes;
use super::shared::{Shared, State, Unindexed};
use crate::clock;
use crate::disk_status::{DiskStatus, Limits, PartitionState, PartitionStatus};
use crate::store::StoreStatus;

impl Shared {
    /// Returns the status of the store: size, lag, limits and notices.
    pub fn status(&self) -> StoreStatus {
        let wal = self.wal.status();
        let state = self.state.read();
        let views = || state.views.iter().filter(|view| view.failure().is_none());
        let oldest = views().filter(|view| view.records() > 0).map(|view| view.span.0);
        let mut notices: Vec<String> = state.notices.iter().cloned().collect();
        let trouble = state.trouble.as_ref();
        notices
            .extend(trouble.map(|(reason, _)| format!("log records wait to be indexed: {reason}")));
        notices.extend(wal.notices);
        let gap = state.tail.gap_from(state.next);
        StoreStatus {
            records: views().map(|view| view.records()).sum::<u64>()
                + state.tail.count_from(state.next),
            bytes: state.index_bytes + wal.bytes,
            oldest: oldest.chain(state.tail.oldest()).min(),
            // Records of the gap may have come in any order of time.
            searchable_until: gap.map_or_else(clock::now, |(oldest, _)| oldest.min(clock::now())),
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
