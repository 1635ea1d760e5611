//! The note beside a SQLite file that there was a database: a missing or empty one is then a loss, not a first
//! start, and creating another would hide it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{DatabaseUrl, Db, Error, MigrationError, OpenError, PoolSizes};

/// Ending of the note.
const ENDING: &str = ".created";
/// What it says to who finds it.
const TEXT: &str = "There is a MiniTwit database beside this file. While this file exists, the service does not \
    start on a missing or empty database; remove it to begin with a new one.\n";

/// There was a database, and now there is none.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database at {} {how}, and this directory had one: restore it with `minitwit restore <backup>`{}; \
     to begin with an empty database, remove {}",
    path.display(),
    hint(copies),
    marker.display()
)]
pub struct LostDatabase {
    path: PathBuf,
    /// `is missing` or `is empty`.
    how: &'static str,
    marker: PathBuf,
    /// Copies that may be restored, newest first.
    copies: Vec<PathBuf>,
}

fn hint(copies: &[PathBuf]) -> String {
    copies
        .first()
        .map(|copy| format!(" (the newest copy is {})", copy.display()))
        .unwrap_or_default()
}

/// The path of the note.
fn marker(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ENDING);
    name.into()
}

/// Fails where there was a database and the file is missing or has no page. To be called before SQLite opens the
/// file, which would create it.
fn check_file(path: &Path) -> Result<(), LostDatabase> {
    match fs::metadata(path) {
        Ok(found) if found.len() > 0 => Ok(()),
        Ok(_) => check(path, "is empty"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => check(path, "is missing"),
        // What it is SQLite says.
        Err(_) => Ok(()),
    }
}

fn check(path: &Path, how: &'static str) -> Result<(), LostDatabase> {
    let marker = marker(path);
    if !marker.exists() {
        return Ok(());
    }
    Err(LostDatabase { path: path.to_owned(), how, marker, copies: copies(path) })
}

/// Copies in the directory of the database and in its `backups`, newest first.
fn copies(path: &Path) -> Vec<PathBuf> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let files = |directory: &Path| fs::read_dir(directory).into_iter().flatten().flatten();
    let is_copy = |file: &str| {
        let of_this = file.strip_prefix(&name).unwrap_or_default();
        let is_backup = file.starts_with("minitwit-") && file.ends_with(".sqlite");
        is_backup || of_this.starts_with(".rescued-") || of_this.starts_with(".before-restore-")
    };
    let all = files(directory).chain(files(&directory.join("backups")));
    let found = all.filter(|file| file.file_name().to_str().is_some_and(is_copy));
    let mut found: Vec<_> = found
        .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path())))
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, path)| path).collect()
}

/// Why the service has no database.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There was one, and it is gone.
    #[error(transparent)]
    Lost(#[from] LostDatabase),
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be brought to this version.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// It cannot be asked.
    #[error(transparent)]
    Query(#[from] Error),
}

impl Db {
    /// Fails where a SQLite file is gone from where there was one. To be called before any pool of it is made,
    /// which would create it anew.
    pub fn check_created(url: &DatabaseUrl) -> Result<(), LostDatabase> {
        let DatabaseUrl::Sqlite(path) = url else { return Ok(()) };
        check_file(path)
    }

    /// Opens a database to serve it, creates it at a first start, and brings it to this version. A SQLite file
    /// that is gone from where there was one is not created anew.
    pub async fn open_or_create(url: &DatabaseUrl, sizes: PoolSizes) -> Result<Self, StartError> {
        Self::check_created(url)?;
        let db = Self::lazy(url, sizes)?;
        db.connect_or_create(url).await?;
        Ok(db)
    }

    /// The same for pools that are there already and have no connection yet.
    pub async fn connect_or_create(&self, url: &DatabaseUrl) -> Result<(), StartError> {
        self.connect(url).await?;
        let DatabaseUrl::Sqlite(path) = url else { return Ok(self.migrate().await?) };
        if !self.is_migrated().await? {
            // A file with a page and no table, for instance.
            check(path, "is empty")?;
        }
        self.migrate().await?;
        mark(path);
        Ok(())
    }
}

/// Notes that there is a database, once. A disk that takes no note is no reason not to start.
fn mark(path: &Path) {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(marker(path));
    let written = created.and_then(|mut file| file.write_all(TEXT.as_bytes()));
    if let Err(error) = written
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        tracing::warn!(
            error.message = %error,
            file.path = %marker(path).display(),
            "could not note that there is a database"
        );
    }
}
