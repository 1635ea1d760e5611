//! Rows on disk: files of checksummed frames that only grow. A file starts with the columns its rows
//! speak of, so each can be read alone and the oldest can go. What stands behind a damaged frame is cut
//! off and said; a new file gets its name when it is whole.
//!
//! ```text
//! file:  magic | frame…
//! frame: u32 length of the payload | u32 CRC-32 of it | payload
//! payload: 'c' column | 'n' i64 end, u32 milliseconds watched, cells
//!          | 'r' the same, of files that were begun before absent cells were counted
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::columns::{Column, Columns, MAX_COLUMNS};
use super::row::{Row, decode, decode_uncounted, encode};

const MAGIC: &[u8; 8] = b"metrics1";
/// Bytes in front of a payload.
const HEADER: usize = 8;
/// A longer payload is damage.
const MAX_PAYLOAD: usize = 64 * 1024;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A file of this size is followed by a new one.
    pub file: u64,
    /// All files together; the oldest go first.
    pub total: u64,
    /// Files whose newest row is older go, in microseconds before the newest row.
    pub age: i64,
}

/// A file that is complete, oldest first.
#[derive(Debug)]
struct Old {
    path: PathBuf,
    bytes: u64,
    newest: i64,
}

/// The files of one kind of rows.
#[derive(Debug)]
pub struct Segments {
    directory: PathBuf,
    name: &'static str,
    limits: Limits,
    old: Vec<Old>,
    current: Option<Current>,
    next: u64,
}

/// The file that grows.
#[derive(Debug)]
struct Current {
    file: File,
    path: PathBuf,
    bytes: u64,
    newest: i64,
    /// Columns it has, in order of their numbers in it.
    columns: Vec<usize>,
}

impl Segments {
    /// Reads the files of this name, oldest first; each row goes to `row` with columns as `columns`
    /// numbers them. Says what was lost.
    pub fn open(
        directory: &Path,
        name: &'static str,
        limits: Limits,
        columns: &mut Columns,
        mut row: impl FnMut(Row, &Columns),
    ) -> io::Result<(Self, Vec<String>)> {
        let mut notices = Vec::new();
        let mut files = numbered(directory, name)?;
        files.sort_unstable();
        let next = files.last().map_or(0, |(number, _)| number + 1);
        let mut segments = Self {
            directory: directory.to_owned(),
            name,
            limits,
            old: Vec::new(),
            current: None,
            next,
        };
        for (_, path) in files {
            let bytes = fs::read(&path)?;
            let read = Read::all(&bytes, columns, &mut row);
            if read.good < bytes.len() {
                let lost = bytes.len() - read.good;
                notices.push(format!(
                    "{lost} damaged bytes truncated at the end of {}",
                    path.display()
                ));
                OpenOptions::new().write(true).open(&path)?.set_len(read.good as u64)?;
            }
            segments.retire();
            if read.good < MAGIC.len() {
                fs::remove_file(&path)?;
                continue;
            }
            let file = OpenOptions::new().append(true).open(&path)?;
            let (columns, newest) = (read.columns, read.newest);
            segments.current =
                Some(Current { file, path, bytes: read.good as u64, newest, columns });
        }
        Ok((segments, notices))
    }

    /// What the rows are called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        let current = self.current.as_ref().map_or(0, |current| current.bytes);
        self.old.iter().map(|old| old.bytes).sum::<u64>() + current
    }

    /// Writes a row behind the others. After an error the next row starts a new file.
    pub fn append(&mut self, row: &Row, columns: &Columns) -> io::Result<()> {
        let result = self.try_append(row, columns);
        if result.is_err() {
            self.retire();
        }
        result
    }

    fn try_append(&mut self, row: &Row, columns: &Columns) -> io::Result<()> {
        if self.current.as_ref().is_some_and(|current| current.bytes >= self.limits.file) {
            if let Some(current) = &self.current {
                current.file.sync_data()?;
            }
            self.retire();
        }
        if self.current.is_none() {
            self.start(columns)?;
            self.drop_old(row.at);
        }
        let Some(current) = &mut self.current else { return Ok(()) };
        let mut out = Vec::new();
        define(&mut current.columns, columns, &mut out);
        frame(&row_payload(row, &current.columns, columns), &mut out);
        current.file.write_all(&out)?;
        current.bytes += out.len() as u64;
        current.newest = current.newest.max(row.at);
        Ok(())
    }

    /// Fsyncs all written rows.
    pub fn sync(&self) -> io::Result<()> {
        self.current.as_ref().map_or(Ok(()), |current| current.file.sync_data())
    }

    fn retire(&mut self) {
        if let Some(Current { path, bytes, newest, .. }) = self.current.take() {
            self.old.push(Old { path, bytes, newest });
        }
    }

    /// A new file with the columns known by now; it has its name only when it is whole.
    fn start(&mut self, columns: &Columns) -> io::Result<()> {
        let path = self.directory.join(format!("{}-{:08}.log", self.name, self.next));
        let unfinished = path.with_extension("new");
        let mut out = MAGIC.to_vec();
        let mut numbers = Vec::new();
        define(&mut numbers, columns, &mut out);
        let mut file = File::create(&unfinished)?;
        file.write_all(&out)?;
        file.sync_data()?;
        fs::rename(&unfinished, &path)?;
        let file = OpenOptions::new().append(true).open(&path)?;
        self.next += 1;
        let bytes = out.len() as u64;
        self.current = Some(Current { file, path, bytes, newest: i64::MIN, columns: numbers });
        Ok(())
    }

    fn drop_old(&mut self, now: i64) {
        let horizon = now.saturating_sub(self.limits.age);
        while self
            .old
            .first()
            .is_some_and(|oldest| oldest.newest < horizon || self.bytes() > self.limits.total)
        {
            let oldest = self.old.remove(0);
            // One that cannot be removed is tried again at the next start.
            let _gone = fs::remove_file(oldest.path);
        }
    }
}

/// Files of this name with their numbers; unfinished ones are removed.
fn numbered(directory: &Path, name: &str) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let Some(file) = path.file_name().and_then(|file| file.to_str()) else { continue };
        let Some(rest) = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')) else {
            continue;
        };
        match rest.split_once('.') {
            Some((number, "log")) => found.extend(number.parse().ok().map(|number| (number, path))),
            Some((_, "new")) => fs::remove_file(path)?,
            _ => {}
        }
    }
    Ok(found)
}

/// Frames of the columns that a file does not have yet.
fn define(known: &mut Vec<usize>, columns: &Columns, out: &mut Vec<u8>) {
    for (number, column) in columns.all().iter().enumerate() {
        if !known.contains(&number) {
            known.push(number);
            let mut payload = vec![b'c'];
            payload.extend_from_slice(&column.to_bytes());
            frame(&payload, out);
        }
    }
}

fn frame(payload: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
    out.extend_from_slice(payload);
}

/// A row in the numbering of a file.
fn row_payload(row: &Row, numbers: &[usize], columns: &Columns) -> Vec<u8> {
    let mut values = vec![None; columns.all().len()];
    // Rows come from `encode` and are whole.
    let _whole = decode(&row.cells, |column, value| {
        if let Some(cell) = values.get_mut(column) {
            *cell = Some(value);
        }
    });
    let cells: Vec<_> =
        numbers.iter().map(|number| values.get(*number).copied().flatten()).collect();
    let mut payload = vec![b'n'];
    payload.extend_from_slice(&row.at.to_le_bytes());
    let covered = u32::try_from(row.covered / 1_000).unwrap_or(u32::MAX);
    payload.extend_from_slice(&covered.to_le_bytes());
    payload.extend_from_slice(&encode(&cells));
    payload
}

/// What was read of a file.
struct Read {
    /// Bytes up to the first that cannot be read.
    good: usize,
    columns: Vec<usize>,
    newest: i64,
}

impl Read {
    fn all(bytes: &[u8], columns: &mut Columns, row: &mut impl FnMut(Row, &Columns)) -> Self {
        let mut read = Self { good: 0, columns: Vec::new(), newest: i64::MIN };
        if !bytes.starts_with(MAGIC) {
            return read;
        }
        read.good = MAGIC.len();
        while let Some(payload) = payload(&bytes[read.good..]) {
            if read.take(payload, columns, row).is_none() {
                break;
            }
            read.good += HEADER + payload.len();
        }
        read
    }

    fn take(
        &mut self,
        payload: &[u8],
        columns: &mut Columns,
        row: &mut impl FnMut(Row, &Columns),
    ) -> Option<()> {
        let (kind, rest) = payload.split_first()?;
        match kind {
            b'c' => {
                // More columns than can be kept are read and left out.
                let number = columns.number(&Column::of_bytes(rest)?).unwrap_or(MAX_COLUMNS);
                self.columns.push(number);
            }
            b'n' | b'r' => {
                let found = self.row(rest, columns, *kind == b'n')?;
                self.newest = self.newest.max(found.at);
                row(found, columns);
            }
            _ => return None,
        }
        Some(())
    }

    fn row(&self, bytes: &[u8], columns: &Columns, is_counted: bool) -> Option<Row> {
        let (at, rest) = bytes.split_first_chunk()?;
        let (covered, rest) = rest.split_first_chunk()?;
        let mut cells = vec![None; columns.all().len()];
        let mut is_known = true;
        let each = |column: usize, value| match self.columns.get(column) {
            Some(number) if *number < cells.len() => cells[*number] = Some(value),
            Some(_) => {}
            None => is_known = false,
        };
        if is_counted {
            decode(rest, each)?;
        } else {
            decode_uncounted(rest, each)?;
        }
        let covered = i64::from(u32::from_le_bytes(*covered)) * 1_000;
        is_known.then(|| Row { at: i64::from_le_bytes(*at), covered, cells: encode(&cells) })
    }
}

/// The payload of a whole and sound frame.
fn payload(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (checksum, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let payload = rest.get(..length).filter(|_| length <= MAX_PAYLOAD)?;
    (crc32fast::hash(payload) == u32::from_le_bytes(*checksum)).then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::super::columns::Fold;
    use super::*;

    const LIMITS: Limits = Limits { file: 400, total: 2_000, age: 1_000 };

    fn columns(number: usize) -> Columns {
        let mut columns = Columns::default();
        for at in 0..number {
            let (group, bound) = (String::new(), String::new());
            columns.number(&Column { track: at.to_string(), group, bound, fold: Fold::Sum });
        }
        columns
    }

    fn row(at: i64, cells: &[f64]) -> Row {
        let cells: Vec<_> = cells.iter().copied().map(Some).collect();
        Row { at, covered: 10_000, cells: encode(&cells) }
    }

    fn open(directory: &Path, columns: &mut Columns) -> (Segments, Vec<Row>, Vec<String>) {
        let mut rows = Vec::new();
        let opened = Segments::open(directory, "m", LIMITS, columns, |row, _| rows.push(row));
        let (segments, notices) = opened.unwrap();
        (segments, rows, notices)
    }

    #[test]
    fn rows_are_read_back_over_files_and_with_columns_in_another_order() {
        let directory = tempfile::tempdir().unwrap();
        let mut known = columns(2);
        let (mut segments, rows, _) = open(directory.path(), &mut known);
        assert!(rows.is_empty());
        for at in 0..20 {
            segments.append(&row(at, &[1.0, 2.5]), &known).unwrap();
        }
        let mut known = Columns::default();
        for track in ["x", "1"] {
            let (group, bound) = (String::new(), String::new());
            known.number(&Column { track: track.to_owned(), group, bound, fold: Fold::Sum });
        }
        let (mut segments, rows, notices) = open(directory.path(), &mut known);
        assert_eq!((rows.len(), notices.len()), (20, 0));
        assert_eq!(rows[7].cells, encode(&[None, Some(2.5), Some(1.0)]));
        // A restarted process goes on in the same file, with a column more.
        segments.append(&row(20, &[3.0, 4.0, 5.0]), &known).unwrap();
        assert!(segments.old.len() < 20, "{}", segments.old.len());
        let (_, rows, _) = open(directory.path(), &mut known);
        assert_eq!(rows.last(), Some(&row(20, &[3.0, 4.0, 5.0])));
    }

    #[test]
    fn old_files_go_by_age_and_by_size() {
        let directory = tempfile::tempdir().unwrap();
        let known = columns(2);
        let (mut segments, ..) = open(directory.path(), &mut columns(2));
        for at in 0..500 {
            segments.append(&row(at, &[0.123, 0.456]), &known).unwrap();
            assert!(segments.bytes() <= LIMITS.total + LIMITS.file, "{}", segments.bytes());
        }
        let (.., rows, _) = open(directory.path(), &mut columns(2));
        assert!(rows.len() > 20 && rows[0].at > 400, "{} {}", rows.len(), rows[0].at);
        for at in 5_000..5_030 {
            segments.append(&row(at, &[0.123, 0.456]), &known).unwrap();
        }
        let (.., rows, _) = open(directory.path(), &mut columns(2));
        assert!(rows.iter().all(|row| row.at >= 5_000 - LIMITS.age), "{}", rows[0].at);
    }

    #[test]
    fn whatever_byte_is_damaged_the_rows_before_it_stay_and_it_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let known = columns(2);
        let (mut segments, ..) = open(directory.path(), &mut columns(2));
        for at in 0..5 {
            segments.append(&row(at, &[1.0, 0.5]), &known).unwrap();
        }
        let path = segments.current.as_ref().unwrap().path.clone();
        drop(segments);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x41;
            fs::write(&path, &damaged).unwrap();
            let (mut segments, rows, notices) = open(directory.path(), &mut columns(2));
            assert_eq!(notices.len(), 1, "byte {at}");
            let behind = whole.len() - at;
            assert!(
                rows.len() < 5 && rows.len() + behind / 20 + 1 >= 5,
                "byte {at}: {}",
                rows.len()
            );
            // The file goes on behind what was sound.
            segments.append(&row(9, &[7.0, 7.0]), &known).unwrap();
            let (_, again, notices) = open(directory.path(), &mut columns(2));
            assert_eq!((again.len(), notices.len()), (rows.len() + 1, 0), "byte {at}");
            for entry in fs::read_dir(directory.path()).unwrap() {
                fs::remove_file(entry.unwrap().path()).unwrap();
            }
        }
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let (_, rows, _) = open(directory.path(), &mut columns(2));
            assert!(rows.len() < 5);
        }
    }
}
