//! Reads the log from a position, also while it is written. Damage is skipped with a notice; bytes at
//! the very end that are no whole frame are taken for a write under way.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::frame::{self, Parsed};
use super::segment::{self, Header, Segment};
use crate::codec::{self, Batch};

/// At most so many notices are kept until they are taken.
const MAX_NOTICES: usize = 64;

/// Reads the log from a position on.
#[derive(Debug)]
pub struct Reader {
    directory: PathBuf,
    /// The sequence wanted next.
    position: u64,
    current: Option<Open>,
    buffer: Vec<u8>,
    notices: Vec<String>,
    corrupt: u64,
    lost: u64,
}

#[derive(Debug)]
struct Open {
    segment: Segment,
    file: File,
    offset: u64,
    /// The file had this size when nothing valid was found behind `offset`.
    fruitless: u64,
}

impl Reader {
    /// A reader of the records from sequence `from` on.
    pub fn new(directory: &Path, from: u64) -> Self {
        Self {
            directory: directory.to_owned(),
            position: from,
            current: None,
            buffer: Vec::new(),
            notices: Vec::new(),
            corrupt: 0,
            lost: 0,
        }
    }

    /// Every record before this sequence has been returned or is lost.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Damaged places skipped so far.
    pub fn corrupt(&self) -> u64 {
        self.corrupt
    }

    /// Wanted records that were missing or damaged so far.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// What was found missing or damaged since the last call.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// The next records, some hundred at a time; `None` when the end of the log is reached for now.
    pub fn next_batch(&mut self) -> io::Result<Option<Batch>> {
        loop {
            if self.current.is_none() && !self.open_next(None)? {
                return Ok(None);
            }
            if let Some(batch) = self.read_frame()? {
                if let Some(batch) = self.advance(batch) {
                    return Ok(Some(batch));
                }
                continue;
            }
            let Some(behind) = self.current.as_ref().map(|open| open.segment.first) else {
                return Ok(None);
            };
            if !self.open_next(Some(behind))? {
                return Ok(None);
            }
        }
    }

    /// Drops what was returned before; `None` when nothing is left.
    fn advance(&mut self, mut batch: Batch) -> Option<Batch> {
        if batch.next <= self.position {
            return None;
        }
        if batch.first < self.position {
            let known: usize = codec::records(&batch.bytes)
                .take_while(|record| record.sequence() < self.position)
                .map(|record| record.as_bytes().len())
                .sum();
            batch.bytes.drain(..known);
            batch.first = self.position;
        }
        self.position = batch.next;
        Some(batch)
    }

    /// Opens the segment that holds the position, or the one behind another; `false` if there is none.
    fn open_next(&mut self, behind: Option<u64>) -> io::Result<bool> {
        let segments = segment::list(&self.directory)?;
        let index = match behind {
            Some(behind) => segments.iter().position(|segment| segment.first > behind),
            None if segments.is_empty() => None,
            None => {
                let after = segments.partition_point(|segment| segment.first <= self.position);
                Some(after.saturating_sub(1))
            }
        };
        let Some(segment) = index.and_then(|index| segments.get(index)).cloned() else {
            return Ok(false);
        };
        self.note_torn_end()?;
        if segment.first > self.position {
            let (from, to) = (self.position, segment.first);
            self.note(format!("records {from} to {to} are missing from the log"));
            self.lost += to - from;
            self.position = to;
        }
        let file = match File::open(&segment.path) {
            Ok(file) => file,
            // Removed by retention between the listing and now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut offset = segment::HEADER;
        if let Header::Other(version) = segment::check(&file) {
            self.note(format!("skipped segment {} of format version {version}", segment.first));
            self.corrupt += 1;
            offset = u64::MAX;
        }
        self.current = Some(Open { segment, file, offset, fruitless: 0 });
        Ok(true)
    }

    /// A frame that never became whole although the log went on in another file.
    fn note_torn_end(&mut self) -> io::Result<()> {
        let Some(open) = &self.current else { return Ok(()) };
        let left = open.file.metadata()?.len().saturating_sub(open.offset);
        if left > 0 {
            let first = open.segment.first;
            self.note(format!("skipped {left} corrupt bytes at the end of segment {first}"));
            self.corrupt += 1;
        }
        Ok(())
    }

    /// The next whole frame of the open segment.
    fn read_frame(&mut self) -> io::Result<Option<Batch>> {
        let Some(open) = &mut self.current else { return Ok(None) };
        let size = open.file.metadata()?.len();
        let mut header = [0; frame::HEADER];
        let left = size.saturating_sub(open.offset);
        if left == 0 || size == open.fruitless {
            return Ok(None);
        }
        if left >= frame::HEADER as u64 {
            open.file.read_exact_at(&mut header, open.offset)?;
            if let Some(wanted) = frame::wanted(&header).filter(|wanted| *wanted as u64 <= left) {
                self.buffer.resize(wanted, 0);
                open.file.read_exact_at(&mut self.buffer, open.offset)?;
                if let Parsed::Frame(frame) = frame::parse(&self.buffer) {
                    open.offset += wanted as u64;
                    return Ok(Some(to_batch(&frame)));
                }
            }
        }
        self.skip_damage(size)
    }

    /// Looks for a whole frame behind the place where none is.
    fn skip_damage(&mut self, size: u64) -> io::Result<Option<Batch>> {
        let Some(open) = &mut self.current else { return Ok(None) };
        let left = usize::try_from(size - open.offset).unwrap_or(usize::MAX);
        let mut rest = vec![0; left];
        open.file.read_exact_at(&mut rest, open.offset)?;
        let found = frame::resync(&rest, 1);
        let Some((at, Parsed::Frame(frame))) = found.map(|at| (at, frame::parse(&rest[at..])))
        else {
            open.fruitless = size;
            return Ok(None);
        };
        open.offset += (at + frame.length()) as u64;
        let first = open.segment.first;
        self.corrupt += 1;
        let lost = frame.first.saturating_sub(self.position);
        self.lost += lost;
        self.note(format!(
            "skipped {at} corrupt bytes in segment {first}; up to {lost} records lost"
        ));
        Ok(Some(to_batch(&frame)))
    }

    fn note(&mut self, notice: String) {
        if self.notices.len() < MAX_NOTICES {
            self.notices.push(notice);
        }
    }
}

fn to_batch(frame: &frame::Frame<'_>) -> Batch {
    Batch { first: frame.first, next: frame.next, bytes: frame.records.to_vec() }
}
