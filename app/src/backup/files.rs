//! Names of backups, files that appear whole or not at all, and how many are kept.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;

use super::beside;
use crate::data_dir;

const PREFIX: &str = "minitwit-";
/// Suffix of files that are being written.
const PART: &str = ".part";
/// What a crashed backup left is nobody's after this long.
const STALE_PART: Duration = Duration::from_hours(24);

/// `minitwit-20260131T031000Z.<extension>`: in the order of names is in the order of time.
pub fn name(now: Timestamp, extension: &str) -> String {
    format!("{PREFIX}{}.{extension}", stamp(now))
}

/// Formats a time for use in file names.
pub fn stamp(now: Timestamp) -> String {
    now.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// A file under a temporary name; removed unless finished.
pub struct Part {
    temporary: PathBuf,
    file: PathBuf,
    finished: bool,
}

impl Part {
    /// Creates the temporary file, empty and readable by its owner alone, and its directory.
    pub fn create(file: &Path) -> anyhow::Result<Self> {
        let directory = directory_of(file);
        data_dir::create(directory)?;
        let temporary = beside(file, &format!(".{}{PART}", std::process::id()));
        let mut options = OpenOptions::new();
        let created = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary);
        created.with_context(|| format!("could not write {}", temporary.display()))?;
        Ok(Self { temporary, file: file.to_owned(), finished: false })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Gives it its name once it is on disk, in place of what has that name.
    pub fn finish(mut self) -> anyhow::Result<()> {
        let named = sync(&self.temporary).and_then(|()| fs::rename(&self.temporary, &self.file));
        let named = named.and_then(|()| sync(directory_of(&self.file)));
        named.with_context(|| format!("could not write {}", self.file.display()))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.finished {
            // It is in nobody's way, and the rotation removes it later.
            let _left_behind = fs::remove_file(&self.temporary);
        }
    }
}

/// The directory a file is in.
pub fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Waits until a file or directory is on disk.
pub fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Removes all but the newest `keep` backups of the extension, and what crashed ones left. Never
/// touches a file whose name it did not give. The number of removed backups.
pub fn rotate(directory: &Path, extension: &str, keep: usize) -> anyhow::Result<usize> {
    let reading = || format!("could not read the backups in {}", directory.display());
    let mut backups = Vec::new();
    for entry in fs::read_dir(directory).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if is_backup(&name, extension) {
            backups.push(entry.path());
        } else if name.starts_with(PREFIX) && name.ends_with(PART) && is_stale(&entry) {
            remove(&entry.path())?;
        }
    }
    backups.sort();
    let surplus = backups.len().saturating_sub(keep);
    backups[..surplus].iter().try_for_each(|path| remove(path))?;
    Ok(surplus)
}

fn remove(path: &Path) -> anyhow::Result<()> {
    fs::remove_file(path).with_context(|| format!("could not remove {}", path.display()))
}

fn is_stale(entry: &fs::DirEntry) -> bool {
    let modified = entry.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > STALE_PART))
}

fn is_backup(name: &str, extension: &str) -> bool {
    let inner = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(extension));
    let Some(stamp) = inner.and_then(|rest| rest.strip_suffix('.')) else { return false };
    let shape = |(at, byte): (usize, u8)| match at {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    stamp.len() == 16 && stamp.bytes().enumerate().all(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_foreign_files_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let at = |day: i64| Timestamp::from_second(1_600_000_000 + day * 86_400).unwrap();
        for day in 0..5 {
            fs::write(directory.path().join(name(at(day), "sqlite")), "").unwrap();
        }
        let foreign = ["minitwit-notes.sqlite", "minitwit-20200913T122640Z.dump", "x.part"];
        for name in foreign {
            fs::write(directory.path().join(name), "").unwrap();
        }
        assert_eq!(rotate(directory.path(), "sqlite", 2).unwrap(), 3);
        let left: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap()).collect();
        assert_eq!(left.len(), 2 + foreign.len());
        for kept in [name(at(3), "sqlite"), name(at(4), "sqlite")] {
            assert!(directory.path().join(&kept).exists(), "{kept}");
        }
        assert_eq!(rotate(directory.path(), "sqlite", 2).unwrap(), 0);
    }

    #[test]
    fn an_unfinished_part_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("new/backup");
        drop(Part::create(&file).unwrap());
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 0);
        let part = Part::create(&file).unwrap();
        fs::write(part.path(), "whole").unwrap();
        part.finish().unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "whole");
    }
}
