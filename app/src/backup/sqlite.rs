//! SQLite: a backup is a database file, and so is what a restore leaves aside.

use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::Context;
use jiff::Timestamp;

use super::files::{Part, directory_of, numbered, stamp, sync};
use super::{Restored, Verify, beside, check_version};
use crate::db::sqlite_file::{self, Check, FileError};

/// What SQLite keeps beside a database in use.
const SUFFIXES: [&str; 2] = ["-wal", "-shm"];

/// Copies a database and checks the copy.
pub async fn copy(database: &Path, to: &Path) -> anyhow::Result<()> {
    // Opening would say only "unable to open database file".
    anyhow::ensure!(database.is_file(), "no database found at {}", database.display());
    sqlite_file::copy(database, to).await?;
    sqlite_file::check(to, Check::Quick).await?;
    Ok(())
}

/// Puts a copy of `file` in the place of `database`.
pub async fn restore(
    database: &Path,
    file: &Path,
    verify: Verify,
    now: Timestamp,
) -> anyhow::Result<Restored> {
    if verify == Verify::All {
        check_version(sqlite_file::check(file, Check::Full).await?, file)?;
    }
    let part = Part::create(database)?;
    // A copy by SQLite, not of bytes: the file may have a write-ahead log of its own.
    sqlite_file::copy(file, part.path()).await?;
    let schema_version = sqlite_file::check(part.path(), Check::Quick).await?;
    check_version(schema_version, file)?;
    let aside = if database.exists() {
        Some(set_aside(database, now).await?)
    } else {
        // The log of a database that was removed would be applied to the restored one.
        Companions::keep(database, &aside_name(database, now))?.detach()?;
        None
    };
    part.finish()?;
    Ok(Restored { schema_version, has_checksum: false, aside })
}

/// Gives the present database a second name; the first goes to the restored one in a single step, so
/// that there is a database at every moment.
async fn set_aside(database: &Path, now: Timestamp) -> anyhow::Result<String> {
    let aside = aside_name(database, now);
    // Before SQLite opens the file: it removes the log of a database that has lost its pages.
    let companions = Companions::keep(database, &aside)?;
    let folded = if is_empty(database)? { None } else { Some(sqlite_file::fold(database).await) };
    match folded {
        Some(Ok(())) => {
            companions.discard()?;
            let reopened = SUFFIXES.iter().any(|suffix| beside(database, suffix).exists());
            anyhow::ensure!(!reopened, "{} is in use; stop the service first", database.display());
        }
        Some(Err(error @ FileError::InUse(_))) => {
            companions.discard()?;
            return Err(error.into());
        }
        // What is damaged is replaced for that reason, and kept as it is. One that was emptied has a log still,
        // which SQLite would neither read nor remove.
        Some(Err(_)) | None => companions.detach()?,
    }
    keep(database, &aside)?;
    sync(directory_of(database))?;
    Ok(aside.display().to_string())
}

fn is_empty(database: &Path) -> anyhow::Result<bool> {
    let metadata = fs::metadata(database);
    let metadata = metadata.with_context(|| format!("could not read {}", database.display()))?;
    Ok(metadata.len() == 0)
}

/// A name that nothing has.
fn aside_name(database: &Path, now: Timestamp) -> PathBuf {
    let is_free = |suffix: &str| {
        let name = beside(database, suffix);
        !name.exists() && SUFFIXES.iter().all(|suffix| !beside(&name, suffix).exists())
    };
    beside(database, &numbered(&format!(".before-restore-{}", stamp(now)), '-', is_free))
}

/// Second names of what SQLite keeps beside a database.
struct Companions {
    /// The first name and the second.
    kept: Vec<[PathBuf; 2]>,
}

impl Companions {
    fn keep(database: &Path, aside: &Path) -> anyhow::Result<Self> {
        let names = SUFFIXES.map(|suffix| [beside(database, suffix), beside(aside, suffix)]);
        let kept: Vec<_> = names.into_iter().filter(|[first, _]| first.exists()).collect();
        kept.iter().try_for_each(|[first, second]| keep(first, second))?;
        Ok(Self { kept })
    }

    /// The database needs none: its log is part of it, or goes on being used.
    fn discard(self) -> anyhow::Result<()> {
        self.kept.iter().try_for_each(|[_, second]| remove(second))
    }

    /// Left behind, the log of a damaged database would be applied to the restored one.
    fn detach(self) -> anyhow::Result<()> {
        self.kept.iter().try_for_each(|[first, _]| remove(first))
    }
}

fn keep(first: &Path, second: &Path) -> anyhow::Result<()> {
    fs::hard_link(first, second)
        .with_context(|| format!("could not rename {} to {}", first.display(), second.display()))
}

/// SQLite may have been faster.
fn remove(file: &Path) -> anyhow::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("could not remove {}", file.display()))
        }
        _ => Ok(()),
    }
}
