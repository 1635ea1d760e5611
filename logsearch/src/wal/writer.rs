//! The writing half of the log: segments, bounds, failures.

mod recovery;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backlog::Backlog;
use super::frame;
use super::pending::{Pending, Work};
use super::reader::Reader;
use super::segment::{self, Segment};
use super::{WalOptions, WalStatus};
use crate::codec::Batch;

/// At most so many notices are kept; the oldest go.
const MAX_NOTICES: usize = 32;

/// Time between two looks for files that somebody removed.
const LOOK: Duration = Duration::from_secs(1);

/// A segment with fewer bytes is not worth a new file.
const SMALL: u64 = 1024 * 1024;

/// The lock is held by another process.
#[derive(Debug)]
pub struct InUse;

pub struct Writer {
    directory: PathBuf,
    options: WalOptions,
    /// Held for as long as the log is open; `None` when the directory cannot be written.
    lock: Option<File>,
    /// Oldest first; the last one is written to when `file` is there.
    segments: Vec<Segment>,
    file: Option<Arc<File>>,
    next: u64,
    written: u64,
    synced: u64,
    released: u64,
    backlog: Backlog,
    pending: Pending,
    failure: Option<(String, Instant)>,
    lost_unwritten: [u64; 5],
    lost_evicted: [u64; 5],
    notices: VecDeque<String>,
    frames: Vec<u8>,
    /// Nothing is written, not even a lock.
    is_read_only: bool,
    /// How often the file that was written to was found removed.
    pub removals: u64,
    looked_at: Instant,
}

impl Writer {
    pub(super) fn new(directory: &Path, options: WalOptions) -> Self {
        Self {
            directory: directory.to_owned(),
            options,
            lock: None,
            segments: Vec::new(),
            file: None,
            next: 0,
            written: 0,
            synced: 0,
            released: 0,
            backlog: Backlog::default(),
            pending: Pending::default(),
            failure: None,
            lost_unwritten: [0; 5],
            lost_evicted: [0; 5],
            notices: VecDeque::new(),
            frames: Vec::new(),
            is_read_only: false,
            removals: 0,
            looked_at: Instant::now(),
        }
    }

    pub fn next(&self) -> u64 {
        self.next
    }

    pub fn synced(&self) -> u64 {
        self.synced
    }

    /// Whether something waits because the disk does not take it.
    pub fn is_failing(&self) -> bool {
        self.failure.is_some()
    }

    pub fn append(&mut self, batch: &Arc<Batch>) {
        if self.is_read_only {
            return;
        }
        self.next = batch.next;
        self.backlog.push(batch);
        if self.may_write() {
            self.drain();
        }
        self.shed();
    }

    pub fn tick(&mut self) {
        if self.looked_at.elapsed() >= LOOK {
            self.looked_at = Instant::now();
            self.look_for_removed();
        }
        if self.backlog.front().is_some() && self.may_write() {
            self.drain();
        }
    }

    /// Tries to write what waits, however shortly ago that failed.
    pub fn retry(&mut self) {
        self.look_for_removed();
        if self.backlog.front().is_some() {
            self.drain();
        }
    }

    /// Records at or behind a sequence that wait for the disk, by level.
    pub fn unwritten_from(&self, sequence: u64) -> [u64; 5] {
        self.backlog.records_from(sequence)
    }

    pub fn advance_to(&mut self, sequence: u64) {
        if sequence <= self.next {
            return;
        }
        self.next = sequence;
        if self.backlog.front().is_none() {
            self.written = sequence;
        }
        if self.pending.is_empty() {
            self.synced = self.written;
        }
        // The new numbers start in a file of their own, so that a file's name tells what is in it.
        self.close();
    }

    pub fn release(&mut self, before: u64) {
        self.released = self.released.max(before);
        if !self.is_read_only {
            self.enforce();
        }
    }

    /// Gives up all space that is not needed: released segments, and the newest one as soon as it is.
    pub fn shrink(&mut self) {
        while self.remove_released() {}
        if self.released >= self.next && self.bytes() > SMALL && self.file.is_some() {
            self.close();
        }
    }

    pub fn status(&self) -> WalStatus {
        WalStatus {
            bytes: self.bytes(),
            segments: self.segments.len(),
            first: self.segments.first().map_or(self.next, |segment| segment.first),
            next: self.next,
            written: self.written,
            synced: self.synced,
            waiting_bytes: self.backlog.bytes(),
            failure: self.failure.as_ref().map(|(reason, _)| reason.clone()),
            lost_unwritten: self.lost_unwritten,
            lost_evicted: self.lost_evicted,
            notices: self.notices.iter().cloned().collect(),
        }
    }

    pub fn note(&mut self, notice: String) {
        if self.notices.len() == MAX_NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back(notice);
    }

    fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    fn may_write(&self) -> bool {
        self.failure.as_ref().is_none_or(|(_, since)| since.elapsed() >= self.options.retry)
    }

    /// Writes everything that waits, oldest first, until the disk refuses.
    fn drain(&mut self) {
        while let Some(batch) = self.backlog.front().cloned() {
            if let Err(error) = self.write_or_make_room(&batch) {
                self.fail("could not write the log", &error);
                return;
            }
            self.backlog.pop();
            self.written = batch.next;
            self.pending.wrote(&batch, self.options.backlog_bytes);
        }
        self.written = self.next;
        if let Some((reason, _)) = self.failure.take() {
            self.note(format!("log writes recovered after: {reason}"));
        }
    }

    fn write_or_make_room(&mut self, batch: &Batch) -> io::Result<()> {
        loop {
            match self.write(batch) {
                Err(error) if is_full(&error) && self.remove_released() => {}
                result => return result,
            }
        }
    }

    fn write(&mut self, batch: &Batch) -> io::Result<()> {
        if self.lock.is_none() {
            // The directory may have become writable; another process may have been faster.
            match self.lock() {
                Ok(result) => result?,
                Err(InUse) => return Err(io::Error::other("another process is writing this log")),
            }
        }
        self.frames.clear();
        frame::write(&batch.bytes, &mut self.frames);
        let full =
            self.segments.last().is_some_and(|last| last.bytes >= self.options.segment_bytes);
        if full || self.file.is_none() {
            self.rotate(batch.first)?;
        }
        let (Some(file), Some(last)) = (&self.file, self.segments.last_mut()) else {
            return Err(io::Error::other("no segment is open"));
        };
        // At a position, so that a write after a failed one overwrites what that one left behind.
        if let Err(error) = file.write_all_at(&self.frames, last.bytes) {
            // Without this, half a frame stays for readers to trip over should the process die now.
            let _ = file.set_len(last.bytes);
            return Err(error);
        }
        last.bytes += self.frames.len() as u64;
        self.enforce();
        Ok(())
    }

    /// Starts a segment for records from `first` on. The old one is synced in the background.
    fn rotate(&mut self, first: u64) -> io::Result<()> {
        self.close();
        // After a failed sync: these have what is written again now, and the last segment has to be the
        // one with the newest numbers.
        while let Some(last) = self.segments.last().filter(|last| last.first >= first) {
            match segment::quarantine(&last.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.segments.pop(),
            };
        }
        let (segment, file) = segment::create(&self.directory, first)?;
        self.segments.push(segment);
        self.file = Some(Arc::new(file));
        self.pending.created();
        self.bound_quarantine();
        Ok(())
    }

    /// Leaves the newest segment as it is; the next record starts another one.
    fn close(&mut self) {
        if let (Some(closed), Some(newest)) = (self.file.take(), self.segments.last()) {
            self.pending.close(newest.first, closed);
        }
    }

    /// Whether a sync should not wait for its time.
    pub fn wants_sync(&self) -> bool {
        self.pending.has_closed()
    }

    /// Files to sync; `None` if there is nothing to do.
    pub fn unsynced(&self) -> Option<Work> {
        if self.synced >= self.written {
            return None;
        }
        self.pending.work(&self.directory, self.file.as_ref(), self.written)
    }

    /// A sync has ended.
    pub fn finish_sync(&mut self, work: &Work, result: io::Result<()>) {
        match result {
            Ok(()) => {
                self.synced = self.synced.max(work.next);
                self.pending.done(work);
            }
            Err(error) => {
                let removals = self.removals;
                self.look_for_removed();
                // What was removed cannot be synced, which says nothing about the disk.
                if self.removals == removals {
                    self.write_again(&error);
                }
            }
        }
    }

    /// After a failed sync the kernel may have dropped the pages and reports success the next time, so
    /// what is not known to be on the disk is written once more, to a file of its own. Readers skip
    /// what they have seen.
    fn write_again(&mut self, error: &io::Error) {
        self.take_back();
        self.fail("could not sync the log", error);
        self.shed();
    }

    /// Lets what is not known to be on the disk wait to be written once more.
    pub(super) fn take_back(&mut self) {
        let mut again = self.pending.fail();
        let first = again.front().map_or(self.written, |batch| batch.first);
        if first > self.synced {
            let synced = self.synced;
            self.note(format!("records {synced} to {first} may not have reached the disk"));
        }
        while let Some(batch) = self.backlog.pop() {
            again.push(&batch);
        }
        self.backlog = again;
        self.file = None;
    }

    fn shed(&mut self) {
        let waiting = self.backlog.front().is_some();
        self.backlog.shed(self.options.backlog_bytes, &mut self.lost_unwritten);
        if waiting && self.backlog.front().is_none() {
            self.written = self.next;
        }
    }

    pub(super) fn fail(&mut self, what: &str, error: &io::Error) {
        let reason = format!("{what} at {}: {error}", self.directory.display());
        if self.failure.is_none() {
            self.note(reason.clone());
        }
        self.failure = Some((reason, Instant::now()));
    }

    /// Enforces the limits of the log.
    fn enforce(&mut self) {
        while self.bytes() > self.options.keep_bytes && self.remove_released() {}
        while self.bytes() > self.options.max_bytes && self.segments.len() > 1 {
            let oldest = self.segments[0].clone();
            self.count_evicted(&oldest);
            if !self.remove_oldest() {
                break;
            }
        }
    }

    /// Removes the oldest segment if nobody needs it.
    fn remove_released(&mut self) -> bool {
        let needless = self.segments.get(1).is_some_and(|second| second.first <= self.released);
        needless && self.remove_oldest()
    }

    fn remove_oldest(&mut self) -> bool {
        let oldest = self.segments.remove(0);
        self.pending.forget(oldest.first);
        match fs::remove_file(&oldest.path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => {
                self.note(format!("could not remove {}: {error}", oldest.path.display()));
                self.segments.insert(0, oldest);
                false
            }
        }
    }

    fn count_evicted(&mut self, oldest: &Segment) {
        let end = self.segments.get(1).map_or(self.next, |second| second.first);
        let from = self.released.max(oldest.first);
        let mut reader = Reader::new(&self.directory, from);
        while let Ok(Some(batch)) = reader.next_batch() {
            for record in batch.records().filter(|record| record.sequence() < end) {
                self.lost_evicted[record.level() as usize] += 1;
            }
            if batch.next >= end {
                break;
            }
        }
        self.note(format!(
            "records {from} to {end} were evicted from the log before they were indexed"
        ));
    }

    /// Files set aside are for people, but they must not fill the disk.
    fn bound_quarantine(&mut self) {
        let Ok(files) = segment::quarantined(&self.directory) else { return };
        let mut bytes: u64 = files.iter().map(|(_, bytes)| bytes).sum();
        for (path, size) in files {
            if bytes <= self.options.max_bytes / 4 {
                break;
            }
            if fs::remove_file(&path).is_ok() {
                bytes -= size;
                self.note(format!("deleted quarantined {}", path.display()));
            }
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
