//! Backups that are made while the service works, and restores that keep what was there.

use std::path::{Path, PathBuf};
use std::process::Command;

use minitwit::db::{DatabaseUrl, Db, PoolSizes};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::harness::{TestApp, on_both_databases};
use crate::service::{Service, fails, minitwit, succeeds};

/// A command on a database.
fn command(words: &[&str], dir: &Path, url: &DatabaseUrl) -> Command {
    let mut command = minitwit();
    command.args(words).arg("--data-dir").arg(dir);
    if let DatabaseUrl::Postgres(url) = url {
        command.env("MINITWIT_DATABASE_URL", url);
    }
    command
}

async fn texts(url: &DatabaseUrl) -> Vec<String> {
    let sizes = PoolSizes { sqlite_readers: 1, postgres: 1 };
    let db = Db::open_existing(url, sizes).await.unwrap();
    let messages = db.dump_messages(0, 1_000).await.unwrap();
    db.close().await;
    messages.into_iter().map(|message| message.text).collect()
}

async fn a_backup_made_at_work_is_restored_and_the_old_data_kept(app: TestApp) {
    let (dir, url) = (app.dir().to_owned(), app.database_url().clone());
    app.user("a").await;
    app.message("a", "before").await;
    let file = dir.join("copies/backup");
    let to = ["backup", "--to", file.to_str().unwrap()];
    let writing = async {
        for number in 0..50 {
            app.message("a", &format!("meanwhile {number}")).await;
        }
    };
    let (said, ()) = tokio::join!(succeeds(command(&to, &dir, &url)), writing);
    assert_eq!(said.trim_end(), file.to_str().unwrap());
    let line = fails(command(&to, &dir, &url)).await;
    assert!(line.contains("already exists"), "{line}");

    app.message("a", "after").await;
    app.state.db.close().await;
    let restore = ["restore", file.to_str().unwrap()];
    let said = succeeds(command(&restore, &dir, &url)).await;
    let restored = texts(&url).await;
    assert!(restored.contains(&"before".to_owned()) && !restored.contains(&"after".to_owned()));
    assert_eq!(texts(&aside(&said, &url)).await.last().unwrap(), "after");
    // The restored database works, new ids included.
    let app = app.restart().await;
    app.message("a", "again").await;
    assert_eq!(texts(&url).await.last().unwrap(), "again");
}

/// Where a restore says the old data is.
fn aside(said: &str, url: &DatabaseUrl) -> DatabaseUrl {
    let (_, place) = said.trim_end().rsplit_once("is kept as ").unwrap();
    match url {
        DatabaseUrl::Sqlite(_) => DatabaseUrl::Sqlite(PathBuf::from(place)),
        DatabaseUrl::Postgres(url) => {
            let name = place.strip_prefix("the database ").unwrap();
            let (server, rest) = url.split_once("localhost/").unwrap();
            let (_, query) = rest.split_once('?').unwrap();
            DatabaseUrl::Postgres(format!("{server}localhost/{name}?{query}"))
        }
    }
}

/// The write-ahead log of a database that is a file.
fn log_of(url: &DatabaseUrl) -> PathBuf {
    let DatabaseUrl::Sqlite(file) = url else { panic!("{url:?} is not a file") };
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

async fn a_restore_refuses_what_is_in_use_or_damaged(app: TestApp) {
    let (dir, url) = (app.dir().to_owned(), app.database_url().clone());
    app.user("a").await;
    app.message("a", "kept").await;
    let file = dir.join("backup");
    let path = file.to_str().unwrap();
    succeeds(command(&["backup", "--to", path], &dir, &url)).await;
    let restore = || command(&["restore", path], &dir, &url);
    // This test itself has the database open.
    let line = fails(restore()).await;
    assert!(line.contains("in use"), "{line}");
    app.state.db.close().await;

    let whole = std::fs::read(&file).unwrap();
    for byte in [whole.len() / 3, whole.len() / 2, whole.len() - 30] {
        let mut flipped = whole.clone();
        flipped[byte] ^= 4;
        std::fs::write(&file, &flipped).unwrap();
        let line = fails(restore()).await;
        assert!(line.contains("checksum") && line.contains("--unverified"), "{line}");
    }
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let line = fails(restore()).await;
    assert!(line.contains("damaged"), "{line}");
    std::fs::write(&file, "not a backup").unwrap();
    let line = fails(restore()).await;
    assert!(line.contains("damaged"), "{line}");
    let line = fails(command(&["restore", "/nowhere"], &dir, &url)).await;
    assert!(line.contains("file not found: /nowhere"), "{line}");
    assert_eq!(texts(&url).await, ["kept"], "nothing of all that changed the database");
}

async fn a_damaged_backup_is_restored_when_that_is_asked_for(app: TestApp) {
    let (dir, url) = (app.dir().to_owned(), app.database_url().clone());
    app.user("a").await;
    app.message("a", "kept").await;
    app.state.db.close().await;
    let file = dir.join("backup");
    let path = file.to_str().unwrap();
    succeeds(command(&["backup", "--to", path], &dir, &url)).await;
    let mut whole = std::fs::read(&file).unwrap();
    let last = whole.len() - 2;
    whole[last] ^= 1;
    std::fs::write(&file, &whole).unwrap();
    fails(command(&["restore", path], &dir, &url)).await;
    succeeds(command(&["restore", "--unverified", path], &dir, &url)).await;
    assert_eq!(texts(&url).await, ["kept"]);
    // Nor does what has no checksum need the flag.
    let mark = whole.windows(16).rposition(|bytes| bytes == b"\nminitwit backup").unwrap();
    std::fs::write(&file, &whole[..mark]).unwrap();
    succeeds(command(&["restore", path], &dir, &url)).await;
}

/// What a restore that was killed leaves: a file, or a database of the server.
async fn the_next_restore_removes_what_a_killed_one_left(app: TestApp) {
    let (dir, url) = (app.dir().to_owned(), app.database_url().clone());
    app.user("a").await;
    let left = dir.join("minitwit.sqlite.1.part");
    let base: String = match &url {
        DatabaseUrl::Postgres(url) => {
            let name = url.split("localhost/").nth(1).unwrap().split('?').next().unwrap();
            name.chars().take(20).collect()
        }
        DatabaseUrl::Sqlite(_) => String::new(),
    };
    // Other tests restore theirs on the same server.
    let databases =
        &format!("SELECT datname FROM pg_database WHERE starts_with(datname, '{base}_restore_')");
    if matches!(url, DatabaseUrl::Postgres(_)) {
        let create = format!("CREATE DATABASE \"{base}_restore_20260101T000000Z\"");
        crate::raw_sql::Raw::connect(&app).await.execute(&create).await.unwrap();
        assert_eq!(crate::raw_sql::texts(&app, databases).await.len(), 1);
    } else {
        std::fs::write(&left, "").unwrap();
    }
    let path = dir.join("backup");
    let path = path.to_str().unwrap();
    succeeds(command(&["backup", "--to", path], &dir, &url)).await;
    app.state.db.close().await;
    succeeds(command(&["restore", path], &dir, &url)).await;
    assert!(!left.exists());
    if matches!(url, DatabaseUrl::Postgres(_)) {
        let app = app.restart().await;
        assert_eq!(crate::raw_sql::texts(&app, databases).await, [""; 0]);
    }
}

on_both_databases!(
    a_damaged_backup_is_restored_when_that_is_asked_for,
    the_next_restore_removes_what_a_killed_one_left,
    a_backup_made_at_work_is_restored_and_the_old_data_kept,
    a_restore_refuses_what_is_in_use_or_damaged,
);

async fn open(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

/// Marks a database as migrated by a later version of the program.
pub async fn pretend_newer(path: &Path) {
    let mut connection = open(path).await;
    let newer = "INSERT INTO _sqlx_migrations SELECT 9999, 'later', installed_on, TRUE, checksum, 0
                 FROM _sqlx_migrations LIMIT 1";
    sqlx::query(newer).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_foreign_or_newer_database_is_not_restored() {
    let dir = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(dir.path().join("minitwit.sqlite"));
    succeeds(command(&["init"], dir.path(), &url)).await;
    let foreign = dir.path().join("foreign");
    let mut connection = open(&foreign).await;
    sqlx::query("CREATE TABLE t (x)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let restore = |file: &Path| command(&["restore", file.to_str().unwrap()], dir.path(), &url);
    let line = fails(restore(&foreign)).await;
    assert!(line.contains("is not a MiniTwit database"), "{line}");

    let newer = dir.path().join("newer");
    let to = ["backup", "--to", newer.to_str().unwrap()];
    succeeds(command(&to, dir.path(), &url)).await;
    pretend_newer(&newer).await;
    let line = fails(restore(&newer)).await;
    assert!(line.contains("schema version 9999"), "{line}");
}

#[tokio::test]
async fn a_restore_refuses_while_a_service_holds_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), &[]).await;
    let url = DatabaseUrl::Sqlite(dir.path().join("minitwit.sqlite"));
    let said = succeeds(command(&["backup"], dir.path(), &url)).await;
    let file = said.trim_end();
    assert!(file.contains("/backups/minitwit-"), "{file}");
    let line = fails(command(&["restore", file], dir.path(), &url)).await;
    assert!(line.contains("another minitwit process is using"), "{line}");
    service.kill();
    let said = succeeds(command(&["restore", file], dir.path(), &url)).await;
    assert!(!log_of(&aside(&said, &url)).exists(), "the log is part of the database kept aside");
    Service::start(dir.path(), &[]).await;
}

#[tokio::test]
async fn a_damaged_database_is_replaced_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("minitwit.sqlite");
    let url = DatabaseUrl::Sqlite(database.clone());
    succeeds(command(&["init"], dir.path(), &url)).await;
    let file = dir.path().join("backup");
    let path = file.to_str().unwrap();
    succeeds(command(&["backup", "--to", path], dir.path(), &url)).await;
    std::fs::write(&database, "garbage").unwrap();
    std::fs::write(log_of(&url), "old log").unwrap();
    let said = succeeds(command(&["restore", path], dir.path(), &url)).await;
    let aside = aside(&said, &url);
    assert_eq!(std::fs::read_to_string(log_of(&aside)).unwrap(), "old log");
    let DatabaseUrl::Sqlite(aside) = aside else { unreachable!() };
    assert_eq!(std::fs::read_to_string(aside).unwrap(), "garbage");
    assert!(texts(&url).await.is_empty());
}
