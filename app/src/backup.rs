//! Backups: consistent copies of a database that goes on working, kept in a directory by number, and
//! putting one back. SQLite's are database files; PostgreSQL's are archives of `pg_dump`.

mod files;
mod postgres;
mod sqlite;

use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;

use crate::db::DatabaseUrl;

pub use files::{name, rotate};

/// A file ending, which says how a backup was made.
pub fn extension(url: &DatabaseUrl) -> &'static str {
    match url {
        DatabaseUrl::Sqlite(_) => "sqlite",
        DatabaseUrl::Postgres(_) => "dump",
    }
}

/// A required program is not installed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{0} is not installed; it is part of the PostgreSQL client tools")]
pub struct ToolMissing(pub &'static str);

/// Writes a backup into a file that does not exist yet: complete, checked and on disk, or not at all.
/// Fails with [`ToolMissing`] where `pg_dump` is needed and not installed.
pub async fn write(url: &DatabaseUrl, file: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(!file.exists(), "{} already exists", file.display());
    let part = files::Part::create(file)?;
    match url {
        DatabaseUrl::Sqlite(database) => sqlite::copy(database, part.path()).await,
        DatabaseUrl::Postgres(url) => postgres::dump(url, part.path()).await,
    }
    .with_context(|| format!("could not back up to {}", file.display()))?;
    part.finish()
}

/// What a restore did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Of the backup; a start of the service brings it to its own.
    pub schema_version: i64,
    /// Where the data that was there before is now: a file, or a database on the same server.
    pub aside: Option<String>,
}

/// Puts a backup in the place of the database, which is kept aside. The backup is checked first, and
/// nobody may use the database.
pub async fn restore(url: &DatabaseUrl, file: &Path, now: Timestamp) -> anyhow::Result<Restored> {
    anyhow::ensure!(file.is_file(), "file not found: {}", file.display());
    match url {
        DatabaseUrl::Sqlite(database) => sqlite::restore(database, file, now).await,
        DatabaseUrl::Postgres(url) => postgres::restore(url, file, now).await,
    }
}

/// A backup of a newer program cannot be read by this one.
fn check_version(found: i64, file: &Path) -> anyhow::Result<()> {
    let known = crate::db::known_version();
    anyhow::ensure!(
        found <= known,
        "{} has schema version {found}, but this version supports only {known}; restore it with the newer version",
        file.display()
    );
    Ok(())
}

/// `<path>` with something behind its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
