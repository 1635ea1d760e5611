//! Names of backups, files that appear whole or not at all, and how many are kept.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rustix::fs::{FlockOperation, flock};

use super::beside;
use crate::data_dir;

const PREFIX: &str = "minitwit-";
/// Suffix of files that are being written.
const PART: &str = ".part";
/// Suffix of what SQLite keeps beside a file that it is writing.
const JOURNAL: &str = "-journal";

/// `minitwit-20260131T031000Z.<extension>`: in the order of names is in the order of time.
pub fn name(now: Timestamp, extension: &str) -> String {
    format!("{PREFIX}{}.{extension}", stamp(now))
}

/// Formats a time for use in file names.
pub fn stamp(now: Timestamp) -> String {
    now.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// The first of `name`, `name<separator>2` and so on that is free: the second restore within a second finds the name
/// of the first one taken.
pub fn numbered(name: &str, separator: char, is_free: impl Fn(&str) -> bool) -> String {
    let later = (2..=u32::MAX).map(|number| format!("{name}{separator}{number}"));
    let found = std::iter::once(name.to_owned()).chain(later).find(|name| is_free(name));
    found.unwrap_or_else(|| name.to_owned())
}

/// A file under a temporary name; removed unless finished. Locked as long as this lives, so that what a killed
/// process left can be told from what is being written, in whatever container.
pub struct Part {
    temporary: PathBuf,
    _lock: File,
    file: PathBuf,
    finished: bool,
}

impl Part {
    /// Creates the temporary file, empty and readable by its owner alone, and its directory.
    pub fn create(file: &Path) -> anyhow::Result<Self> {
        let directory = directory_of(file);
        data_dir::create(directory)?;
        remove_abandoned(directory);
        let temporary = beside(file, &format!(".{}{PART}", std::process::id()));
        let context = || format!("could not write {}", temporary.display());
        let mut options = OpenOptions::new();
        let created = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary);
        let lock = created.with_context(context)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).with_context(context)?;
        Ok(Self { temporary, _lock: lock, file: file.to_owned(), finished: false })
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
            // The next one removes what is left.
            let _left_behind = fs::remove_file(beside(&self.temporary, JOURNAL));
            let _left_behind = fs::remove_file(&self.temporary);
        }
    }
}

/// Removes unfinished files that nobody writes any more, and the journals of SQLite beside them. One that
/// cannot be removed is in nobody's way.
fn remove_abandoned(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let part = name.strip_suffix(JOURNAL).unwrap_or(&name);
        if is_part(part) && !is_being_written(&directory.join(part)) {
            match fs::remove_file(entry.path()) {
                Ok(()) => {
                    tracing::info!(file.path = %entry.path().display(), "removed an unfinished file");
                }
                Err(error) => tracing::warn!(
                    error.message = %error,
                    file.path = %entry.path().display(),
                    "could not remove an unfinished file"
                ),
            }
        }
    }
}

/// Whether that is a name of [`Part`]: a process id before the ending.
fn is_part(name: &str) -> bool {
    let process = name.strip_suffix(PART).and_then(|rest| rest.rsplit_once('.'));
    process.is_some_and(|(file, id)| {
        !file.is_empty() && !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_being_written(part: &Path) -> bool {
    let Ok(file) = File::open(part) else { return false };
    flock(&file, FlockOperation::NonBlockingLockShared).is_err()
}

/// The directory a file is in.
pub fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Waits until a file or directory is on disk.
pub fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Removes all but the newest `keep` backups of the extension. Never touches a file whose name it did not give.
/// The number of removed backups.
pub fn rotate(directory: &Path, extension: &str, keep: usize) -> anyhow::Result<usize> {
    let reading = || format!("could not read the backups in {}", directory.display());
    let mut backups = Vec::new();
    for entry in fs::read_dir(directory).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if is_backup(&name, extension) {
            backups.push(entry.path());
        }
    }
    backups.sort();
    let surplus = backups.len().saturating_sub(keep);
    backups[..surplus].iter().try_for_each(|path| remove(path))?;
    Ok(surplus)
}

/// Time in microseconds and bytes of the newest backup of the extension; `None` without one.
pub fn newest(directory: &Path, extension: &str) -> anyhow::Result<Option<(i64, u64)>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let reading = format!("could not read the backups in {}", directory.display());
            return Err(error).context(reading);
        }
    };
    let mut newest = None;
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Some(at) = is_backup(&name, extension).then(|| made_at(&name)).flatten() else {
            continue;
        };
        // Rotated away meanwhile, if it has no size.
        let Ok(file) = entry.metadata() else { continue };
        newest = newest.max(Some((at, file.len())));
    }
    Ok(newest)
}

/// The time in the name of a backup, in microseconds.
fn made_at(name: &str) -> Option<i64> {
    let stamp = name.strip_prefix(PREFIX)?.split('.').next()?;
    let time = DateTime::strptime("%Y%m%dT%H%M%SZ", stamp).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

fn remove(path: &Path) -> anyhow::Result<()> {
    fs::remove_file(path).with_context(|| format!("could not remove {}", path.display()))
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
    fn what_a_killed_process_left_is_removed_and_what_is_being_written_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let left = [
            "minitwit.sqlite.7.part",
            "minitwit.sqlite.7.part-journal",
            "b.1.part",
            "c.9.part-journal",
        ];
        let foreign = ["x.part", ".part", "x.y.part", "x.7.partial", "x-journal", "7.part"];
        for name in left.into_iter().chain(foreign) {
            fs::write(at(name), "").unwrap();
        }
        let held = Part::create(&at("held")).unwrap();
        fs::write(beside(held.path(), JOURNAL), "").unwrap();
        let next = Part::create(&at("next")).unwrap();
        assert!(held.path().exists() && beside(held.path(), JOURNAL).exists());
        assert!(left.iter().all(|name| !at(name).exists()));
        assert!(foreign.iter().all(|name| at(name).exists()));
        drop((held, next));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), foreign.len());
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
