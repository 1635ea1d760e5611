//! SQLite: a backup is a database file, and so is what a restore leaves aside.

use std::fs;
use std::path::Path;

use anyhow::Context;
use jiff::Timestamp;

use super::files::{Part, directory_of, stamp, sync};
use super::{Restored, beside, check_version};
use crate::db::sqlite_file::{self, Check, FileError};

/// What SQLite keeps beside a database in use.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// Copies a database and checks the copy.
pub async fn copy(database: &Path, to: &Path) -> anyhow::Result<()> {
    // Opening would say only "unable to open database file".
    anyhow::ensure!(database.is_file(), "there is no database at {}", database.display());
    sqlite_file::copy(database, to).await?;
    sqlite_file::check(to, Check::Quick).await?;
    Ok(())
}

/// Puts a copy of `file` in the place of `database`.
pub async fn restore(database: &Path, file: &Path, now: Timestamp) -> anyhow::Result<Restored> {
    let schema_version = sqlite_file::check(file, Check::Full).await?;
    check_version(schema_version, file)?;
    let part = Part::create(database)?;
    // A copy by SQLite, not of bytes: the file may have a write-ahead log of its own.
    sqlite_file::copy(file, part.path()).await?;
    sqlite_file::check(part.path(), Check::Quick).await?;
    let aside = if database.exists() { Some(set_aside(database, now).await?) } else { None };
    part.finish()?;
    Ok(Restored { schema_version, aside })
}

/// Gives the present database a second name; the first goes to the restored one in a single step, so
/// that there is a database at every moment.
async fn set_aside(database: &Path, now: Timestamp) -> anyhow::Result<String> {
    let aside = beside(database, &format!(".before-restore-{}", stamp(now)));
    let is_whole = match sqlite_file::fold(database).await {
        Ok(()) => true,
        Err(error @ FileError::InUse(_)) => return Err(error.into()),
        // What is damaged is replaced for that reason, and kept as it is.
        Err(_) => false,
    };
    fs::hard_link(database, &aside)
        .with_context(|| format!("could not keep the old database as {}", aside.display()))?;
    for suffix in COMPANIONS {
        let companion = beside(database, suffix);
        if companion.exists() {
            // Left behind, the log of the damaged database would be applied to the restored one.
            anyhow::ensure!(!is_whole, "{} is in use; stop the service first", database.display());
            fs::rename(&companion, beside(&aside, suffix))
                .with_context(|| format!("could not set {} aside", companion.display()))?;
        }
    }
    sync(directory_of(database))?;
    Ok(aside.display().to_string())
}
