//! Where batches go, as the writer sees it.

use std::sync::Arc;
use std::time::Duration;

use crate::codec::Batch;
use crate::report::Report;
use crate::wal::{SyncListener, Wal};

/// Receiver of batches.
pub trait Destination: Send + 'static {
    /// Numbers and keeps encoded records.
    fn append(&mut self, records: Vec<u8>) -> Arc<Batch>;

    /// Called at least once a second.
    fn tick(&mut self) {}

    /// Makes everything appended durable; `false` when that failed or took longer.
    fn sync(&mut self, _timeout: Duration) -> bool {
        true
    }

    /// Every record before this sequence is durable.
    fn synced(&self) -> u64 {
        u64::MAX
    }

    /// Calls back whenever more is durable, with the sequence behind it, and when the disk fails.
    fn on_sync(&mut self, _listener: SyncListener) {}

    /// Records it lost so far because of the disk, and because they were evicted, by level.
    fn lost(&self) -> [[u64; 5]; 2] {
        [[0; 5]; 2]
    }

    /// Tries to write what waits for the disk, however shortly ago that failed.
    fn retry(&mut self) {}

    /// Records that wait for the disk and would be lost with the process, by level.
    fn unwritten(&self) -> [u64; 5] {
        [0; 5]
    }

    /// What happened since the last call and is to be recorded.
    fn take_reports(&mut self) -> Vec<Report> {
        Vec::new()
    }
}

impl Destination for Wal {
    fn append(&mut self, records: Vec<u8>) -> Arc<Batch> {
        Self::append(self, records)
    }

    fn tick(&mut self) {
        Self::tick(self);
    }

    fn sync(&mut self, timeout: Duration) -> bool {
        Self::sync(self, timeout)
    }

    fn synced(&self) -> u64 {
        Self::synced(self)
    }

    fn on_sync(&mut self, listener: SyncListener) {
        Self::on_sync(self, listener);
    }

    fn lost(&self) -> [[u64; 5]; 2] {
        let status = self.status();
        [status.lost_unwritten, status.lost_evicted]
    }

    fn retry(&mut self) {
        Self::retry(self);
    }

    fn unwritten(&self) -> [u64; 5] {
        Self::unwritten(self)
    }
}
