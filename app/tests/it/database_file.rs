//! The file of SQLite under a running service: removed, replaced, emptied, cut. It is noticed within seconds,
//! nothing more is acknowledged that would be lost, and what was there can be restored.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http_body_util::Full;
use minitwit::client;
use rustix::process::Signal;
use serde_json::json;
use sqlx::{Connection, SqliteConnection};

use crate::harness::{DEADLINE, eventually};
use crate::service::{Service, fails, messages, minitwit, post, succeeds};

/// A service with a user and a message, and the path of its database.
async fn service(dir: &Path) -> (Service, PathBuf) {
    let service = Service::start(dir, &[]).await;
    let user = json!({"username": "a", "email": "a@b", "pwd": "p"});
    assert_eq!(post(service.api(), "/register", user).await.unwrap(), 204);
    say(&service, 204).await;
    (service, dir.join("minitwit.sqlite"))
}

async fn say(service: &Service, expected: u16) {
    let status = post(service.api(), "/msgs/a", json!({"content": "kept"})).await.unwrap();
    assert_eq!(status, expected);
}

async fn becomes(service: &Service, status: u16) {
    eventually("the readiness changes", async || service.readiness().await == Some(status)).await;
}

async fn get(service: &Service, path: &str) -> u16 {
    let request = http::Request::get(path).header(HOST, "localhost");
    let request = request.body(Full::<Bytes>::default()).unwrap();
    client::send(service.site.unwrap(), request, DEADLINE).await.unwrap().status.as_u16()
}

fn start(dir: &Path) -> std::process::Command {
    let mut command = minitwit();
    let port = "127.0.0.1:0";
    command.args(["--site", port, "--api", port, "--ops", port, "--log-format", "json"]);
    command.arg("--data-dir").arg(dir);
    command
}

/// The copy that the service made of what it still had.
fn rescued(dir: &Path) -> Option<PathBuf> {
    let mut files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    files.find(|path| path.to_string_lossy().contains(".rescued-"))
}

async fn restores(dir: &Path, backup: &Path) {
    let mut restore = minitwit();
    restore.arg("restore").arg(backup).arg("--data-dir").arg(dir);
    succeeds(restore).await;
    let service = Service::start(dir, &[]).await;
    assert_eq!(messages(service.api()).await, ["kept"]);
    say(&service, 204).await;
}

#[tokio::test]
async fn a_removed_database_is_noticed_rescued_and_not_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (mut service, database) = service(dir.path()).await;
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(format!("{}{suffix}", database.display())).unwrap();
    }
    becomes(&service, 503).await;
    say(&service, 503).await;
    say(&service, 503).await;
    assert_eq!(get(&service, "/public").await, 200);
    eventually("what is left is copied", async || {
        service.said().contains("copied what the lost database file held")
    })
    .await;
    assert_eq!(
        service.said().to_lowercase().matches("\"level\":\"error\"").count(),
        1,
        "{}",
        service.said()
    );
    assert!(service.said().contains("the database file was removed"), "{}", service.said());
    let copy = rescued(dir.path()).unwrap();
    service.signal(Signal::TERM);
    assert!(service.ended(DEADLINE).await.success());

    let line = fails(start(dir.path())).await;
    for part in ["is missing", "minitwit restore", copy.to_str().unwrap(), ".created"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    assert!(!database.exists());
    restores(dir.path(), &copy).await;
}

#[tokio::test]
async fn a_replaced_database_is_noticed_and_the_former_one_is_used_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let (mut service, database) = service(dir.path()).await;
    let away = dir.path().join("away");
    fs::rename(&database, &away).unwrap();
    fs::copy(&away, &database).unwrap();
    becomes(&service, 503).await;
    say(&service, 503).await;
    eventually("it is said", async || service.said().contains("was replaced")).await;
    fs::rename(&away, &database).unwrap();
    becomes(&service, 200).await;
    say(&service, 204).await;
    assert!(rescued(dir.path()).is_some());
}

/// What is in the write-ahead log gets into the file, which is a page long before.
async fn checkpoint(database: &Path) {
    let mut other =
        SqliteConnection::connect(&format!("sqlite:{}", database.display())).await.unwrap();
    sqlx::raw_sql("PRAGMA wal_checkpoint(PASSIVE)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
}

#[tokio::test]
async fn a_database_that_lost_its_end_is_noticed_and_does_not_end_the_service() {
    for rest in [0, 4096] {
        let dir = tempfile::tempdir().unwrap();
        let (service, database) = service(dir.path()).await;
        // Nobody is misled by a file that got longer within the second in which it was cut.
        checkpoint(&database).await;
        service.kill();
        let mut service = Service::start(dir.path(), &[]).await;
        let mut backup = minitwit();
        let copy = dir.path().join("copy");
        backup.arg("backup").arg("--to").arg(&copy).arg("--data-dir").arg(dir.path());
        succeeds(backup).await;
        File::options().write(true).open(&database).unwrap().set_len(rest).unwrap();
        becomes(&service, 503).await;
        say(&service, 503).await;
        assert_eq!(get(&service, "/public").await, 503);
        eventually("it is said", async || service.said().contains("was cut short")).await;
        service.signal(Signal::KILL);
        service.ended(DEADLINE).await;
        if rest == 0 {
            // SQLite may have removed it: a log belongs to a file that is not empty.
            let _gone = fs::remove_file(format!("{}-wal", database.display()));
            let line = fails(start(dir.path())).await;
            assert!(line.contains("is empty") && line.contains("minitwit restore"), "{line}");
        }
        restores(dir.path(), &copy).await;
    }
}

#[tokio::test]
async fn a_write_ahead_log_that_is_gone_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (service, database) = service(dir.path()).await;
    fs::remove_file(format!("{}-wal", database.display())).unwrap();
    becomes(&service, 503).await;
    say(&service, 503).await;
    eventually("what is left is copied", async || rescued(dir.path()).is_some()).await;
}

#[tokio::test]
async fn an_empty_database_is_begun_where_there_was_none_or_the_note_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("minitwit.sqlite");
    File::create(&database).unwrap();
    let service = Service::start(dir.path(), &[]).await;
    service.kill();
    for suffix in ["", "-wal", "-shm"] {
        // The last two may be gone.
        let _gone = fs::remove_file(format!("{}{suffix}", database.display()));
    }
    let mut migrate = minitwit();
    migrate.arg("migrate").arg("--data-dir").arg(dir.path());
    let line = fails(migrate).await;
    assert!(line.contains("is missing"), "{line}");
    fs::remove_file(dir.path().join("minitwit.sqlite.created")).unwrap();
    Service::start(dir.path(), &[]).await;
}

#[tokio::test]
async fn the_write_ahead_log_gets_small_again_when_a_reader_has_left() {
    const LIMIT: u64 = 8 << 20;
    let dir = tempfile::tempdir().unwrap();
    let (_service, database) = service(dir.path()).await;
    let url = format!("sqlite:{}", database.display());
    let mut reader = SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT COUNT(*) FROM messages").execute(&mut reader).await.unwrap();
    let mut writer = SqliteConnection::connect(&url).await.unwrap();
    let insert = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000) \
        INSERT INTO messages (author_id, text, pub_date) SELECT 1, hex(randomblob(60)), n FROM n";
    sqlx::raw_sql(insert).execute(&mut writer).await.unwrap();
    let length = || fs::metadata(format!("{}-wal", database.display())).unwrap().len();
    assert!(length() > LIMIT, "{}", length());
    reader.close().await.unwrap();
    let shrinks = async {
        while length() > LIMIT {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_mins(1), shrinks).await.is_ok(), "{}", length());
}

#[tokio::test]
async fn what_is_created_in_an_open_directory_is_private_and_the_directory_is_warned_about() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    DirBuilder::new().mode(0o755).create(&data).unwrap();
    let (mut service, _) = service(&data).await;
    assert!(service.said().contains("other users of this machine may read"), "{}", service.said());
    let mut backup = minitwit();
    backup.arg("backup").arg("--data-dir").arg(&data);
    succeeds(backup).await;
    let mut folders = vec![data.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // Some live for a moment.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            let mode = metadata.permissions().mode() & 0o777;
            assert_eq!(mode & 0o077, 0, "{} has {mode:o}", path.display());
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
}
