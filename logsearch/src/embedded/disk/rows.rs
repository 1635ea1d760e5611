//! The rows of a partition: every record, whole, in groups of a few hundred, column by column and
//! compressed. The index finds sequences; this file turns them back into records, and everything in
//! the index can be rebuilt from it. It knows nothing of queries.
//!
//! ```text
//! file:   "lsrows\0\1" then groups
//! group:  header (64 bytes, own checksum) then the compressed columns (own checksum)
//! ```
//!
//! Columns instead of whole records: values of one field next to each other compress to about half
//! of what the same records take one after the other.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use super::columns::{Columns, ColumnsWriter};
use crate::codec::RecordView;

const FILE_MAGIC: &[u8; 8] = b"lsrows\0\x01";
const GROUP_MAGIC: u32 = 0x5047_524c;
const HEADER: usize = 64;
/// Encoded bytes of a group. Larger groups compress better and cost more to open for one record.
const GROUP_BYTES: usize = 96 * 1024;
/// Records of a group, for the same reason.
const GROUP_RECORDS: usize = 512;
const ZSTD_LEVEL: i32 = 4;
/// A header that asks for more is damaged: a group has at most this and one record more.
const MAX_GROUP: u32 = 1024 * 1024;

/// Location and records of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    offset: u64,
    stored: u32,
    raw: u32,
    checksum: u32,
    /// Number of records.
    pub count: u32,
    /// Sequence of its first record.
    pub first: u64,
    /// Sequence of its last record.
    pub last: u64,
    /// Oldest timestamp.
    pub oldest: i64,
    /// Newest timestamp.
    pub newest: i64,
}

impl Group {
    /// Where it starts in its file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the next one starts.
    pub fn end(&self) -> u64 {
        self.offset + HEADER as u64 + u64::from(self.stored)
    }

    fn header(&self) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            header[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        put(&GROUP_MAGIC.to_le_bytes());
        put(&self.stored.to_le_bytes());
        put(&self.raw.to_le_bytes());
        put(&self.checksum.to_le_bytes());
        put(&self.count.to_le_bytes());
        put(&self.first.to_le_bytes());
        put(&self.last.to_le_bytes());
        put(&self.oldest.to_le_bytes());
        put(&self.newest.to_le_bytes());
        let own = crc32fast::hash(&header[..HEADER - 4]);
        header[HEADER - 4..].copy_from_slice(&own.to_le_bytes());
        header
    }

    fn parse(header: &[u8; HEADER], offset: u64) -> Option<Self> {
        let u32_at = |at: usize| -> u32 {
            header[at..].first_chunk().copied().map_or(0, u32::from_le_bytes)
        };
        let u64_at = |at: usize| -> u64 {
            header[at..].first_chunk().copied().map_or(0, u64::from_le_bytes)
        };
        let whole = u32_at(0) == GROUP_MAGIC
            && u32_at(HEADER - 4) == crc32fast::hash(&header[..HEADER - 4])
            && u32_at(4) <= MAX_GROUP
            && u32_at(8) <= MAX_GROUP;
        whole.then(|| Self {
            offset,
            stored: u32_at(4),
            raw: u32_at(8),
            checksum: u32_at(12),
            count: u32_at(16),
            first: u64_at(20),
            last: u64_at(28),
            oldest: u64_at(36).cast_signed(),
            newest: u64_at(44).cast_signed(),
        })
    }
}

/// What a scan of a row file found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Groups that can be read, in order.
    pub groups: Vec<Group>,
    /// Bytes between groups that are no group.
    pub skipped: u64,
    /// The end of the last whole group.
    pub end: u64,
}

/// Reads the headers of all groups, skipping over damage.
fn scan(file: &File) -> io::Result<Found> {
    let length = file.metadata()?.len();
    let mut found = Found { end: FILE_MAGIC.len() as u64, ..Found::default() };
    let mut offset = found.end;
    let mut header = [0; HEADER];
    while offset + HEADER as u64 <= length {
        file.read_exact_at(&mut header, offset)?;
        match Group::parse(&header, offset).filter(|group| group.end() <= length) {
            Some(group) => {
                found.skipped += offset - found.end;
                offset = group.end();
                found.end = offset;
                found.groups.push(group);
            }
            None => match next_magic(file, offset + 1, length)? {
                Some(next) => offset = next,
                None => break,
            },
        }
    }
    Ok(found)
}

/// The next place at or behind `from` where a group may start.
fn next_magic(file: &File, from: u64, length: u64) -> io::Result<Option<u64>> {
    let magic = GROUP_MAGIC.to_le_bytes();
    let mut buffer = vec![0; 64 * 1024];
    let mut offset = from;
    while offset + magic.len() as u64 <= length {
        let wanted = usize::try_from(length - offset).unwrap_or(buffer.len()).min(buffer.len());
        file.read_exact_at(&mut buffer[..wanted], offset)?;
        if let Some(at) = buffer[..wanted].windows(magic.len()).position(|bytes| bytes == magic) {
            return Ok(Some(offset + at as u64));
        }
        offset += (wanted - magic.len() + 1) as u64;
    }
    Ok(None)
}

/// Reads groups of a row file. Groups appear as the writer adds them.
#[derive(Debug)]
pub struct Rows {
    /// Tells the groups of this file from those of others.
    id: u64,
    file: File,
    groups: RwLock<Vec<Group>>,
    /// Bytes that were no group when the file was opened.
    pub skipped: u64,
}

impl Rows {
    /// Opens a row file for reading.
    pub fn open(path: &Path) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let file = File::open(path)?;
        check_magic(&file)?;
        let found = scan(&file)?;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { id, file, groups: RwLock::new(found.groups), skipped: found.skipped })
    }

    /// A number no other open row file of this process has.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// A copy of the table of groups.
    pub fn groups(&self) -> Vec<Group> {
        self.groups.read().clone()
    }

    /// The end of the last whole group.
    pub fn end(&self) -> u64 {
        self.groups.read().last().map_or(FILE_MAGIC.len() as u64, Group::end)
    }

    /// The group that has this sequence.
    pub fn group_of(&self, sequence: u64) -> Option<Group> {
        let groups = self.groups.read();
        let at = groups.partition_point(|group| group.last < sequence);
        groups.get(at).filter(|group| group.first <= sequence).copied()
    }

    /// Reads and checks one group.
    pub fn read(&self, group: &Group) -> io::Result<Arc<Columns>> {
        let mut stored = vec![0; group.stored as usize];
        self.file.read_exact_at(&mut stored, group.offset + HEADER as u64)?;
        if crc32fast::hash(&stored) != group.checksum {
            return Err(damaged("checksum mismatch in a row group"));
        }
        let raw = zstd::bulk::decompress(&stored, group.raw as usize)?;
        let columns = Columns::parse(&raw).ok_or_else(|| damaged("malformed row group"))?;
        Ok(Arc::new(columns))
    }

    fn add(&self, group: Group) {
        self.groups.write().push(group);
    }
}

/// Appends groups to a row file.
#[derive(Debug)]
pub struct RowsWriter {
    file: File,
    end: u64,
    reader: Arc<Rows>,
    pending: ColumnsWriter,
    compressed: Vec<u8>,
}

impl RowsWriter {
    /// Creates an empty row file; it must not exist.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(FILE_MAGIC)?;
        file.sync_all()?;
        Self::resume(path, FILE_MAGIC.len() as u64)
    }

    /// Continues a row file behind `end`; what follows was never committed and is cut off.
    pub fn resume(path: &Path, end: u64) -> io::Result<Self> {
        let end = end.max(FILE_MAGIC.len() as u64);
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(end)?;
        let reader = Arc::new(Rows::open(path)?);
        let (pending, compressed) = (ColumnsWriter::default(), Vec::new());
        Ok(Self { file, end, reader, pending, compressed })
    }

    /// The reader that sees what this writes.
    pub fn reader(&self) -> Arc<Rows> {
        Arc::clone(&self.reader)
    }

    /// Adds a record behind the others; groups are written as they fill.
    pub fn push(&mut self, view: &RecordView<'_>) -> io::Result<()> {
        self.pending.push(view);
        if self.pending.bytes() >= GROUP_BYTES || self.pending.len() >= GROUP_RECORDS {
            self.write_group()?;
        }
        Ok(())
    }

    /// Writes what is pending and makes all of it durable. Returns the length to remember.
    pub fn commit(&mut self) -> io::Result<u64> {
        self.write_group()?;
        self.file.sync_data()?;
        Ok(self.end)
    }

    fn write_group(&mut self) -> io::Result<()> {
        if self.pending.len() == 0 {
            return Ok(());
        }
        let raw = self.pending.finish();
        self.compressed.resize(zstd::zstd_safe::compress_bound(raw.bytes.len()), 0);
        let stored = zstd::bulk::compress_to_buffer(&raw.bytes, &mut self.compressed, ZSTD_LEVEL)?;
        let payload = &self.compressed[..stored];
        let group = Group {
            offset: self.end,
            stored: to_u32(stored),
            raw: to_u32(raw.bytes.len()),
            checksum: crc32fast::hash(payload),
            count: raw.count,
            first: raw.first,
            last: raw.last,
            oldest: raw.oldest,
            newest: raw.newest,
        };
        self.file.write_all_at(&group.header(), group.offset)?;
        self.file.write_all_at(payload, group.offset + HEADER as u64)?;
        self.end = group.end();
        self.reader.add(group);
        Ok(())
    }
}

fn check_magic(file: &File) -> io::Result<()> {
    let mut magic = [0; 8];
    file.read_exact_at(&mut magic, 0)?;
    if &magic == FILE_MAGIC { Ok(()) } else { Err(damaged("not a row file")) }
}

fn damaged(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

fn to_u32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
