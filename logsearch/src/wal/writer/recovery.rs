//! Opening a log: the lock, and what an earlier process left, whatever happened to it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{InUse, Writer};
use crate::wal::WalOptions;
use crate::wal::frame::{self, Parsed};
use crate::wal::segment::{self, Header, Segment};

/// How long, and how often, a lock is waited for when a log is opened.
const LOCK_TIMEOUT: Duration = Duration::from_millis(250);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

impl Writer {
    pub fn open(directory: &Path, options: WalOptions) -> Result<Self, InUse> {
        let mut writer = Self::new(directory, options);
        if let Err(error) = writer.lock_with_timeout()? {
            writer.fail("could not open the log", &error);
        }
        if let Err(error) = writer.recover() {
            writer.fail("could not read the log", &error);
            // The numbers in use are unknown; microseconds are far beyond any count of records.
            writer.next = writer.next.max(crate::clock::now().unsigned_abs());
        }
        (writer.written, writer.synced) = (writer.next, writer.next);
        Ok(writer)
    }

    /// A log of which the files are looked at and nothing is changed.
    pub fn open_read_only(directory: &Path, options: WalOptions) -> Self {
        let mut writer = Self::new(directory, options);
        writer.is_read_only = true;
        writer.segments = segment::list(directory).unwrap_or_default();
        writer.next = writer.segments.last().map_or(0, |segment| segment.first);
        (writer.written, writer.synced) = (writer.next, writer.next);
        writer
    }

    /// A program that starts others shares its open files with them for a moment, locks included.
    fn lock_with_timeout(&mut self) -> Result<io::Result<()>, InUse> {
        let start = Instant::now();
        loop {
            match self.lock() {
                Err(InUse) if start.elapsed() < LOCK_TIMEOUT => std::thread::sleep(LOCK_PAUSE),
                result => return result,
            }
        }
    }

    /// The outer result is about another process, the inner one about the disk.
    pub(super) fn lock(&mut self) -> Result<io::Result<()>, InUse> {
        let open = || {
            fs::create_dir_all(&self.directory)?;
            let path = self.directory.join("lock");
            OpenOptions::new().write(true).create(true).truncate(false).open(path)
        };
        let file = match open() {
            Ok(file) => file,
            Err(error) => return Ok(Err(error)),
        };
        // The kernel frees it with the process, so a lock is never stale.
        match file.try_lock() {
            Ok(()) => self.lock = Some(file),
            Err(fs::TryLockError::WouldBlock) => return Err(InUse),
            Err(fs::TryLockError::Error(error)) => return Ok(Err(error)),
        }
        Ok(Ok(()))
    }

    /// Finds the segments, sets aside what is none, and cuts a torn end off.
    fn recover(&mut self) -> io::Result<()> {
        for misplaced in segment::misplaced(&self.directory)? {
            let name = misplaced.display();
            self.note(match segment::quarantine(&misplaced) {
                Ok(target) => {
                    format!("set aside {name}, which is no file, as {}", target.display())
                }
                Err(error) => format!("{name} is no file and could not be set aside: {error}"),
            });
        }
        for segment in segment::list(&self.directory)? {
            match self.unreadable(&segment) {
                Ok(None) => self.segments.push(segment),
                Ok(Some(reason)) => self.set_aside(&segment, &reason),
                Err(error) => self.set_aside(&segment, &error.to_string()),
            }
        }
        if let Some(last) = self.segments.last().cloned() {
            self.next = self.next.max(last.first);
            self.recover_end(&last)?;
        }
        Ok(())
    }

    /// Why nothing can be read from a segment; `None` when something can.
    fn unreadable(&mut self, segment: &Segment) -> io::Result<Option<String>> {
        match segment::check(&File::open(&segment.path)?) {
            Header::Current => return Ok(None),
            Header::Other(version) => return Ok(Some(format!("format version {version}"))),
            Header::Damaged => {}
        }
        if frame::resync(&fs::read(&segment.path)?, 0).is_none() {
            return Ok(Some("it contains no records".to_owned()));
        }
        self.note(format!("the header of segment {} is corrupt", segment.first));
        Ok(None)
    }

    fn set_aside(&mut self, segment: &Segment, reason: &str) {
        let name = segment.path.display();
        self.note(match segment::quarantine(&segment.path) {
            Ok(target) => format!("quarantined {name} as {}: {reason}", target.display()),
            Err(error) => format!("could not read {name} ({reason}) or quarantine it: {error}"),
        });
        // Its numbers may be in an index already.
        self.next = self.next.max(segment.first);
    }

    /// Only the newest segment can end in the middle of a frame, or hold numbers not in a file name.
    fn recover_end(&mut self, last: &Segment) -> io::Result<()> {
        let bytes = fs::read(&last.path)?;
        let header = usize::try_from(segment::HEADER).unwrap_or_default();
        let (mut at, mut good) = (header, header);
        while at < bytes.len() {
            if let Parsed::Frame(frame) = frame::parse(&bytes[at..]) {
                self.next = self.next.max(frame.next);
                at += frame.length();
                good = at;
            } else if let Some(found) = frame::resync(&bytes, at + 1) {
                self.note(format!(
                    "{} corrupt bytes in the middle of segment {}",
                    found - at,
                    last.first
                ));
                at = found;
            } else {
                break;
            }
        }
        let torn = bytes.len() - good;
        if let Some(segment) = self.segments.last_mut() {
            segment.bytes = good as u64;
        }
        if let Err(error) = self.reopen(last, good as u64, torn) {
            // The numbers are known; records go to a new segment as soon as that works.
            self.fail("could not continue the log", &error);
        }
        Ok(())
    }

    fn reopen(&mut self, last: &Segment, good: u64, torn: usize) -> io::Result<()> {
        let file = OpenOptions::new().read(true).write(true).open(&last.path)?;
        if torn > 0 {
            file.set_len(good)?;
            self.note(format!(
                "truncated {torn} bytes of a torn write from segment {}",
                last.first
            ));
        }
        self.file = Some(Arc::new(file));
        Ok(())
    }

    /// Notices that somebody removed the file that is written to, or the directory, and starts again: what
    /// may not be on the disk is written once more, to a file of its own.
    pub fn look_for_removed(&mut self) {
        let is_removed = |file: &File| file.metadata().is_ok_and(|meta| meta.nlink() == 0);
        if self.lock.as_ref().is_some_and(is_removed) {
            self.lock = None;
        }
        if !self.file.as_ref().is_some_and(|file| is_removed(file)) {
            return;
        }
        self.note("the write-ahead log was removed; it was started again".to_owned());
        self.removals += 1;
        self.segments.retain(|segment| segment.path.exists());
        self.take_back();
    }
}
