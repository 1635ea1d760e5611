//! The files of the log: names, headers, what to do with one that is no segment.
//!
//! A segment is named by the sequence of the first record it may hold, so that a position finds its file
//! without reading any.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Bytes in front of the first frame.
pub const HEADER: u64 = 16;
const MAGIC: [u8; 8] = *b"LOGSEGMT";
const VERSION: u32 = 1;
const SUFFIX: &str = "log";
const BAD: &str = "bad";

/// One file of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Smallest sequence of the partition.
    pub first: u64,
    /// Path of the segment.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
}

/// Lists all segments of a directory, oldest first.
pub fn list(directory: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for (path, bytes) in files(directory, SUFFIX)? {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if let Some(first) = stem.and_then(|stem| stem.parse().ok()) {
            segments.push(Segment { first, path, bytes });
        }
    }
    segments.sort_by_key(|segment| segment.first);
    Ok(segments)
}

/// What has the name of a segment and is no file.
pub fn misplaced(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut misplaced = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_named = path.extension().is_some_and(|extension| extension == SUFFIX);
        if is_named && path.is_dir() {
            misplaced.push(path);
        }
    }
    Ok(misplaced)
}

/// Files set aside by [`quarantine`], by name.
pub fn quarantined(directory: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    files(directory, BAD)
}

fn files(directory: &Path, suffix: &str) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == suffix) && !path.is_dir() {
            // A file that vanishes meanwhile was removed by retention.
            found.push((path, entry.metadata().map_or(0, |metadata| metadata.len())));
        }
    }
    found.sort();
    Ok(found)
}

/// Starts a segment. A file that has its name already is set aside: nothing is overwritten.
pub fn create(directory: &Path, first: u64) -> io::Result<(Segment, File)> {
    let path = directory.join(format!("{first:020}.{SUFFIX}"));
    if path.exists() {
        quarantine(&path)?;
    }
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
    let mut header = [0; 16];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    if let Err(error) = file.write_all_at(&header, 0) {
        // A full disk may still have room for the name; an empty segment must not stay behind.
        drop(fs::remove_file(&path));
        return Err(error);
    }
    Ok((Segment { first, path, bytes: HEADER }, file))
}

/// What the beginning of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// This version reads it.
    Current,
    /// Written by another version.
    Other(u32),
    /// No header; there may be whole frames behind it all the same.
    Damaged,
}

/// Reads the header of a segment.
pub fn check(file: &File) -> Header {
    let mut header = [0; 16];
    if file.read_exact_at(&mut header, 0).is_err() || header[..8] != MAGIC {
        return Header::Damaged;
    }
    match u32::from_le_bytes([header[8], header[9], header[10], header[11]]) {
        VERSION => Header::Current,
        version => Header::Other(version),
    }
}

/// Sets a file aside under another name, for a person to look at.
pub fn quarantine(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    let mut attempt = 0;
    loop {
        target.set_extension(format!("{attempt}.{BAD}"));
        if !target.exists() {
            break;
        }
        attempt += 1;
    }
    fs::rename(path, &target)?;
    Ok(target)
}
