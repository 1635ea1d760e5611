//! What a log that is opened finds of the one before: whole segments, damaged ones, a torn end.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::sync::Arc;

use super::Writer;
use crate::wal::frame::{self, Parsed};
use crate::wal::segment::{self, Header, Segment};

impl Writer {
    /// Finds the segments, sets aside what is none, and cuts a torn end off.
    pub(super) fn recover(&mut self) -> io::Result<()> {
        for segment in segment::list(&self.directory)? {
            match self.unreadable(&segment)? {
                None => self.segments.push(segment),
                Some(reason) => self.set_aside(&segment, &reason),
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
}
