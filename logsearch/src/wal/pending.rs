//! What was written and is not known to be on the disk yet.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::backlog::Backlog;
use crate::codec::Batch;

/// Files and records that await a sync.
#[derive(Debug, Default)]
pub struct Pending {
    /// Segments that are closed and not synced, oldest first, by the name of each.
    closed: Vec<(u64, Arc<File>)>,
    /// A segment was created whose name may be lost with the power.
    new_name: bool,
    /// The records, in case the sync fails.
    records: Backlog,
}

/// What one sync has to do. It borrows nothing, so that the log goes on meanwhile.
#[derive(Debug)]
pub struct Work {
    directory: Option<PathBuf>,
    files: Vec<Arc<File>>,
    /// Every record before this sequence is safe after it.
    pub next: u64,
}

impl Work {
    /// Runs the sync.
    pub fn run(&self) -> io::Result<()> {
        if let Some(directory) = &self.directory {
            File::open(directory)?.sync_all()?;
        }
        self.files.iter().try_for_each(|file| file.sync_data())
    }
}

impl Pending {
    /// A segment was closed.
    pub fn close(&mut self, segment: u64, file: Arc<File>) {
        self.closed.push((segment, file));
    }

    /// A segment was removed. Its space is free only when it is open no more.
    pub fn forget(&mut self, segment: u64) {
        self.closed.retain(|(known, _)| *known != segment);
    }

    /// Whether a closed segment awaits its sync.
    pub fn has_closed(&self) -> bool {
        !self.closed.is_empty()
    }

    /// A segment was created.
    pub fn created(&mut self) {
        self.new_name = true;
    }

    /// Records were written. With a slow disk the oldest could then not be written a second time.
    pub fn wrote(&mut self, batch: &Arc<Batch>, limit: usize) {
        self.records.push(batch);
        while self.records.bytes() > limit {
            self.records.pop();
        }
    }

    /// What makes everything before `next` safe; `None` when there is no file it could be in.
    pub fn work(&self, directory: &Path, current: Option<&Arc<File>>, next: u64) -> Option<Work> {
        let closed = self.closed.iter().map(|(_, file)| file);
        let files: Vec<_> = closed.chain(current).map(Arc::clone).collect();
        let directory = self.new_name.then(|| directory.to_owned());
        (!files.is_empty()).then_some(Work { directory, files, next })
    }

    /// Marks the work as done; later additions stay.
    pub fn done(&mut self, work: &Work) {
        self.closed.retain(|(_, file)| !work.files.iter().any(|done| Arc::ptr_eq(done, file)));
        self.new_name &= work.directory.is_none();
        while self.records.front().is_some_and(|batch| batch.next <= work.next) {
            self.records.pop();
        }
    }

    /// Gives up, and gives back the records, to be written once more.
    pub fn fail(&mut self) -> Backlog {
        self.closed.clear();
        std::mem::take(&mut self.records)
    }

    /// Whether no record waits.
    pub fn is_empty(&self) -> bool {
        self.records.front().is_none()
    }
}
