//! The history as one file, so that charts go on after a restart. It is written whole beside the one
//! before and takes its name when it is on the disk: a process that is killed leaves the last one.
//! There is no log of what came since; a restart loses that, and a chart shows a gap.
//!
//! ```text
//! file:   "history1" | columns | samples | minutes | u32 CRC-32 of all before
//! list:   u32 number of items, items
//! column: u32 length, as `Column::to_bytes` writes it
//! row:    i64 end, i64 microseconds watched, u32 length, cells
//! ```

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::columns::{Column, Columns, MAX_COLUMNS};
use super::ring::Ring;
use super::row::{self, Row};

const MAGIC: &[u8; 8] = b"history1";
/// More is no snapshot: the rings hold 11 MB, and columns are few.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Where snapshots are kept.
#[derive(Clone, Debug)]
pub struct SnapshotFile(PathBuf);

impl SnapshotFile {
    /// In this directory, which is made when it is missing.
    pub fn new(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self(directory.join("history.snapshot")))
    }

    /// The bytes of the last snapshot, at most one more than it may have; `None` where there is none.
    pub fn read(&self) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Puts a snapshot in place of the one before, which stays when this fails.
    pub fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.0.with_extension("new");
        let written = File::create(&unfinished).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        let placed = written.and_then(|()| fs::rename(&unfinished, &self.0));
        if placed.is_err() {
            // On a full disk it is in the way; where it was never made there is nothing to remove.
            let _gone = fs::remove_file(&unfinished);
        }
        placed
    }

    /// Renames what is there, for a person to look at, and says to what.
    pub fn set_aside(&self) -> io::Result<PathBuf> {
        let aside = self.0.with_extension("damaged");
        fs::rename(&self.0, &aside)?;
        Ok(aside)
    }
}

/// A snapshot as bytes.
pub fn encode(columns: &[Column], samples: &Ring, minutes: &Ring) -> Vec<u8> {
    let mut out = Vec::with_capacity(samples.bytes() + minutes.bytes());
    out.extend_from_slice(MAGIC);
    length(columns.len(), &mut out);
    for column in columns {
        field(&column.to_bytes(), &mut out);
    }
    for ring in [samples, minutes] {
        length(ring.rows().len(), &mut out);
        for row in ring.rows() {
            out.extend_from_slice(&row.at.to_le_bytes());
            out.extend_from_slice(&row.covered.to_le_bytes());
            field(&row.cells, &mut out);
        }
    }
    let checksum = crc32fast::hash(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

fn length(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

fn field(bytes: &[u8], out: &mut Vec<u8>) {
    length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// What a snapshot holds.
#[derive(Debug)]
pub struct Snapshot {
    /// The columns that rows speak of; those of series that are gone are left out.
    pub columns: Columns,
    /// Oldest first.
    pub samples: Vec<Row>,
    /// Oldest first.
    pub minutes: Vec<Row>,
}

impl Snapshot {
    /// From bytes; `None` when they are no sound snapshot.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (content, checksum) = bytes.split_last_chunk()?;
        let is_sound = crc32fast::hash(content) == u32::from_le_bytes(*checksum);
        if bytes.len() > MAX_BYTES || !is_sound {
            return None;
        }
        let mut reader = Reader(content.strip_prefix(MAGIC)?);
        let names = reader.list(|reader| Column::of_bytes(reader.field()?))?;
        let mut numbering =
            Numbering { numbers: vec![None; names.len()], names, columns: Columns::default() };
        let samples = reader.list(|reader| reader.row(&mut numbering))?;
        let minutes = reader.list(|reader| reader.row(&mut numbering))?;
        reader.0.is_empty().then_some(Self { columns: numbering.columns, samples, minutes })
    }
}

/// Gives a column a number when the first row speaks of it.
struct Numbering {
    names: Vec<Column>,
    numbers: Vec<Option<usize>>,
    columns: Columns,
}

impl Numbering {
    /// The number of a column of the file, beyond the last where there is no room for it; `None` when
    /// the file has no such column.
    fn number(&mut self, column: usize) -> Option<usize> {
        let name = self.names.get(column)?;
        let number = self.numbers.get_mut(column)?;
        Some(*number.get_or_insert_with(|| self.columns.number(name).unwrap_or(MAX_COLUMNS)))
    }
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (chunk, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*chunk)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.chunk()?)).ok()
    }

    fn field(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        let (field, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(field)
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..self.length()?).map(|_| item(self)).collect()
    }

    fn row(&mut self, numbering: &mut Numbering) -> Option<Row> {
        let at = i64::from_le_bytes(self.chunk()?);
        let covered = i64::from_le_bytes(self.chunk()?);
        let mut cells = Vec::new();
        let mut is_known = true;
        row::decode(self.field()?, |column, value| match numbering.number(column) {
            Some(MAX_COLUMNS) => {}
            Some(number) => {
                cells.resize(cells.len().max(number + 1), None);
                cells[number] = Some(value);
            }
            None => is_known = false,
        })?;
        is_known.then(|| Row { at, covered, cells: row::encode(&cells) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::columns::Fold;
    use super::*;

    fn columns(tracks: &[&str]) -> Columns {
        let mut columns = Columns::default();
        for track in tracks {
            let (group, bound) = (String::new(), String::new());
            columns.number(&Column { track: (*track).to_owned(), group, bound, fold: Fold::Sum });
        }
        columns
    }

    fn ring(rows: &[(i64, &[Option<f64>])]) -> Ring {
        let mut ring = Ring::new(100, 100_000);
        for (at, cells) in rows {
            ring.push(Row { at: *at, covered: 10, cells: row::encode(cells) });
        }
        ring
    }

    /// Two columns of which one has no cell any more.
    fn bytes() -> Vec<u8> {
        let samples = ring(&[(1, &[None, Some(2.5)]), (2, &[None, Some(-1.0)])]);
        let minutes = ring(&[(0, &[None, Some(7.0)])]);
        encode(columns(&["gone", "b"]).all(), &samples, &minutes)
    }

    #[test]
    fn a_snapshot_is_read_as_written_without_columns_that_no_row_speaks_of() {
        let snapshot = Snapshot::decode(&bytes()).unwrap();
        assert_eq!(snapshot.columns.all(), columns(&["b"]).all());
        let cells = |rows: &[Row]| rows.iter().map(|row| row.cells.clone()).collect::<Vec<_>>();
        let wanted = [2.5, -1.0, 7.0].map(|value| row::encode(&[Some(value)]));
        assert_eq!(cells(&snapshot.samples), wanted[..2]);
        assert_eq!(cells(&snapshot.minutes), wanted[2..]);
        assert_eq!((snapshot.samples[1].at, snapshot.samples[1].covered), (2, 10));
    }

    #[test]
    fn no_damaged_or_shortened_snapshot_is_taken() {
        let whole = bytes();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x41;
            assert!(Snapshot::decode(&damaged).is_none(), "byte {at}");
            assert!(Snapshot::decode(&whole[..at]).is_none(), "{at} bytes");
        }
    }

    #[test]
    fn a_snapshot_that_cannot_be_written_leaves_the_one_before() {
        let directory = tempfile::tempdir().unwrap();
        let file = SnapshotFile::new(&directory.path().join("metrics")).unwrap();
        assert_eq!(file.read().unwrap(), None);
        file.write(b"first").unwrap();
        let unfinished = file.0.with_extension("new");
        fs::create_dir(&unfinished).unwrap();
        file.write(b"second").unwrap_err();
        assert_eq!(file.read().unwrap().unwrap(), b"first");
        fs::remove_dir(&unfinished).unwrap();
        file.write(b"second").unwrap();
        assert_eq!(file.read().unwrap().unwrap(), b"second");
        assert!(!unfinished.exists());
    }

    proptest! {
        #[test]
        fn any_content_under_a_right_checksum_is_survived(
            content in proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), any::<u8>()], 0..120),
        ) {
            let mut bytes = [MAGIC.as_slice(), &content].concat();
            bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
            if let Some(snapshot) = Snapshot::decode(&bytes) {
                prop_assert!(snapshot.samples.len() + snapshot.minutes.len() < 20);
            }
        }
    }
}
