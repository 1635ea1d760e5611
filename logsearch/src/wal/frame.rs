//! A frame: records of one write with a checksum, and how to find the next whole one in damaged bytes.
//!
//! ```text
//! magic | u32 length of the records | u32 CRC-32 of what follows | u64 first | u64 next | records
//! ```

use crate::codec;

/// Bytes in front of the records.
pub const HEADER: usize = 28;
/// Records of a frame, except that one record is never split: what one damaged byte can cost.
pub const TARGET: usize = 256 * 1024;
/// No valid frame has more bytes of records; a larger length is damage.
const MAX: usize = TARGET + codec::MAX_RECORD;
/// Starts with a byte that cannot occur in UTF-8, so that text is never taken for a frame.
const MAGIC: [u8; 4] = *b"\xf5LSF";

/// What stands at some place of a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// A complete frame.
    Frame(Frame<'a>),
    /// The beginning of what may become one.
    Incomplete,
    /// Invalid bytes.
    Corrupt,
}

/// A complete frame with a valid checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The sequence of its first record.
    pub first: u64,
    /// Sequence after the last record.
    pub next: u64,
    /// Encoded records.
    pub records: &'a [u8],
}

impl Frame<'_> {
    /// Bytes it takes in the file.
    pub fn length(&self) -> usize {
        HEADER + self.records.len()
    }
}

/// Appends these records as frames of about [`TARGET`] bytes.
pub fn write(records: &[u8], out: &mut Vec<u8>) {
    let (mut start, mut end, mut first, mut next) = (0, 0, 0, 0);
    for view in codec::records(records) {
        let length = view.as_bytes().len();
        if end > start && end - start + length > TARGET {
            write_one(&records[start..end], first, next, out);
            start = end;
        }
        if start == end {
            first = view.sequence();
        }
        next = view.sequence().saturating_add(1);
        end += length;
    }
    if end > start {
        write_one(&records[start..end], first, next, out);
    }
}

fn write_one(records: &[u8], first: u64, next: u64, out: &mut Vec<u8>) {
    let length = u32::try_from(records.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&checksum(length, first, next, records).to_le_bytes());
    out.extend_from_slice(&first.to_le_bytes());
    out.extend_from_slice(&next.to_le_bytes());
    out.extend_from_slice(records);
}

/// The length is part of the checksum: a flipped bit in it must not read as a shorter valid frame.
fn checksum(length: u32, first: u64, next: u64, records: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(&first.to_le_bytes());
    hasher.update(&next.to_le_bytes());
    hasher.update(records);
    hasher.finalize()
}

/// How many bytes the frame with this beginning needs in all; `None` when it is no frame.
pub fn wanted(header: &[u8; HEADER]) -> Option<usize> {
    let length = usize::try_from(u32_at(header, 4)).ok()?;
    (header[..4] == MAGIC && length <= MAX).then_some(HEADER + length)
}

/// Reads the frame at the start of `bytes`.
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    let Some(header) = bytes.first_chunk::<HEADER>() else {
        let known = bytes.len().min(4);
        let begins = bytes[..known] == MAGIC[..known];
        return if begins { Parsed::Incomplete } else { Parsed::Corrupt };
    };
    let Some(wanted) = wanted(header) else { return Parsed::Corrupt };
    let Some(records) = bytes.get(HEADER..wanted) else { return Parsed::Incomplete };
    let (first, next) = (u64_at(header, 12), u64_at(header, 20));
    if checksum(u32_at(header, 4), first, next, records) != u32_at(header, 8) {
        return Parsed::Corrupt;
    }
    Parsed::Frame(Frame { first, next, records })
}

/// Where the first whole frame at or behind `from` starts.
pub fn resync(bytes: &[u8], from: usize) -> Option<usize> {
    let last = bytes.len().checked_sub(HEADER)?;
    (from..=last)
        .find(|&at| bytes[at] == MAGIC[0] && matches!(parse(&bytes[at..]), Parsed::Frame(_)))
}

fn u32_at(bytes: &[u8; HEADER], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8; HEADER], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
