//! Backups: consistent copies of a database that goes on working, kept in a directory by number, and
//! putting one back. SQLite's are database files; PostgreSQL's are archives of `pg_dump`.

mod checksum;
mod files;
mod postgres;
mod sqlite;

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;

use crate::db::{DatabaseUrl, sqlite_file};
use checksum::Checksum;

pub use files::{name, newest, rotate};

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

/// Writes a backup into a file that does not exist yet: complete, checked, with its checksum and on disk, or not
/// at all. Removes what killed ones left unfinished in the same directory.
/// Fails with [`ToolMissing`] where `pg_dump` is needed and not installed.
pub async fn write(url: &DatabaseUrl, file: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(!file.exists(), "{} already exists", file.display());
    let part = files::Part::create(file)?;
    match url {
        DatabaseUrl::Sqlite(database) => sqlite::copy(database, part.path()).await,
        DatabaseUrl::Postgres(url) => postgres::dump(url, part.path()).await,
    }
    .with_context(|| format!("could not back up to {}", file.display()))?;
    let path = part.path().to_owned();
    blocking(move || checksum::append(&path))
        .await
        .with_context(|| format!("could not write {}", file.display()))?;
    part.finish()
}

/// How much of a backup is checked before it is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Its checksum, if it has one, and its structure.
    All,
    /// Nothing that can be left out: what can be read of a damaged backup is better than none.
    Nothing,
}

/// What a restore did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Of the backup; a start of the service brings it to its own.
    pub schema_version: i64,
    /// Whether the backup was compared with a checksum.
    pub has_checksum: bool,
    /// Where the data that was there before is now: a file, or a database on the same server.
    pub aside: Option<String>,
}

/// Puts a backup in the place of the database, which is kept aside. The backup is checked first, and
/// nobody may use the database.
pub async fn restore(
    url: &DatabaseUrl,
    file: &Path,
    verify: Verify,
    now: Timestamp,
) -> anyhow::Result<Restored> {
    anyhow::ensure!(file.is_file(), "file not found: {}", file.display());
    let has_checksum = verify == Verify::All && check_checksum(url, file).await?;
    let restored = match url {
        DatabaseUrl::Sqlite(database) => sqlite::restore(database, file, verify, now).await,
        DatabaseUrl::Postgres(url) => postgres::restore(url, file, verify, now).await,
    };
    Ok(Restored { has_checksum, ..restored? })
}

/// Whether a backup has a checksum; fails where that differs.
async fn check_checksum(url: &DatabaseUrl, file: &Path) -> anyhow::Result<bool> {
    let path = file.to_owned();
    let found = blocking(move || checksum::verify(&path)).await;
    match found.with_context(|| format!("could not read {}", file.display()))? {
        Checksum::Matches => Ok(true),
        Checksum::Missing => Ok(false),
        Checksum::Differs => {
            // A later version that changed the backup is the better reason.
            if matches!(url, DatabaseUrl::Sqlite(_))
                && let Ok(version) = sqlite_file::check(file, sqlite_file::Check::Quick).await
            {
                check_version(version, file)?;
            }
            anyhow::bail!(
                "{} is damaged: its checksum does not match; restore another backup, or this one anyway \
                 with --unverified",
                file.display()
            )
        }
    }
}

/// Reads or writes a whole file beside the runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
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
