//! An optional rotating text file next to the log, one JSON object a line, for people with grep. It is a
//! copy: failures are counted and do not disturb the log.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::codec::Batch;
use crate::json::Line;

/// After a failure the file is left alone for so long.
const RETRY: Duration = Duration::from_secs(1);

/// Path and limits of the file.
#[derive(Clone, Debug)]
pub struct FileOptions {
    /// The newest file; older ones have `.1`, `.2` and so on behind its name.
    pub path: PathBuf,
    /// Maximum size of a file in bytes.
    pub bytes: u64,
    /// Number of files, the newest included.
    pub files: usize,
}

impl FileOptions {
    /// Five files of 5 MiB.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), bytes: 5 * 1024 * 1024, files: 5 }
    }
}

/// A rotating file.
#[derive(Debug)]
pub struct FileSink {
    options: FileOptions,
    file: Option<File>,
    size: u64,
    failed: Option<Instant>,
    lost: Arc<AtomicU64>,
    lines: Vec<u8>,
}

impl FileSink {
    /// A sink that opens its file when the first record comes.
    pub fn new(options: FileOptions) -> Self {
        Self { options, file: None, size: 0, failed: None, lost: Arc::default(), lines: Vec::new() }
    }

    /// Counts the records the file did not take.
    pub fn lost(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.lost)
    }

    /// Appends the records of a batch, a line each.
    pub fn write(&mut self, batch: &Batch) {
        self.lines.clear();
        let mut records = 0;
        for record in batch.records() {
            let start = self.lines.len();
            // Writing to memory fails for no record.
            let _ = serde_json::to_writer(&mut self.lines, &Line(&record));
            self.lines.push(b'\n');
            if start > 0 && self.size + self.lines.len() as u64 > self.options.bytes {
                let behind = self.lines.split_off(start);
                self.write_lines(records);
                self.lines = behind;
                records = 0;
            }
            records += 1;
        }
        self.write_lines(records);
    }

    /// Writes the collected lines, or counts their records as lost.
    fn write_lines(&mut self, records: u64) {
        let waiting = self.failed.is_some_and(|since| since.elapsed() < RETRY);
        if !waiting {
            let result = self.try_write_lines();
            self.failed = result.is_err().then(Instant::now);
        }
        if self.failed.is_some() {
            self.file = None;
            self.lost.fetch_add(records, Ordering::Relaxed);
        }
        self.lines.clear();
    }

    fn try_write_lines(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            self.open()?;
        }
        let length = self.lines.len() as u64;
        if self.size > 0 && self.size + length > self.options.bytes {
            self.file = None;
            self.rotate()?;
            self.open()?;
        }
        if let Some(file) = &mut self.file {
            file.write_all(&self.lines)?;
            self.size += length;
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<()> {
        let file = OpenOptions::new().append(true).create(true).open(&self.options.path)?;
        self.size = file.metadata()?.len();
        self.file = Some(file);
        Ok(())
    }

    /// Moves every file one further; the oldest is overwritten.
    fn rotate(&self) -> io::Result<()> {
        let last = self.options.files.saturating_sub(1);
        if last == 0 {
            return fs::remove_file(&self.options.path);
        }
        for number in (1..last).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.options.path, self.numbered(1))
    }

    fn numbered(&self, number: usize) -> PathBuf {
        let mut name = self.options.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}
