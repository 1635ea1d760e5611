//! Nothing that was acknowledged is lost: many writers at once, and processes that are killed.
//!
//! Every message has a text of its own. One that was answered with 2xx has to be found once; one that
//! was sent and not answered may be there or not; nothing else may be there.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use minitwit::db::{DatabaseUrl, Db, PoolSizes};
use serde_json::json;
use tokio::task::JoinSet;

use crate::service::{Service, messages, post};

const WRITERS: usize = 16;

/// What was sent, and what of it was acknowledged.
#[derive(Default)]
struct Ledger {
    sent: BTreeSet<String>,
    acknowledged: BTreeSet<String>,
    refused: Vec<u16>,
}

impl Ledger {
    fn add(&mut self, other: Self) {
        self.sent.extend(other.sent);
        self.acknowledged.extend(other.acknowledged);
        self.refused.extend(other.refused);
    }

    /// Compares with what is found.
    fn settle(&self, found: &[String]) {
        let mut counts: HashMap<&str, u32> = HashMap::new();
        for text in found {
            *counts.entry(text).or_default() += 1;
        }
        let lost: Vec<_> =
            self.acknowledged.iter().filter(|text| !counts.contains_key(text.as_str())).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
        assert!(counts.values().all(|count| *count == 1), "stored twice");
        let invented: Vec<_> = counts.keys().filter(|text| !self.sent.contains(**text)).collect();
        assert!(invented.is_empty(), "never sent: {invented:?}");
    }
}

/// Posts one message after the other, until so many are sent or nobody answers.
async fn write(api: SocketAddr, name: String, count: usize) -> Ledger {
    let mut ledger = Ledger::default();
    for number in 0..count {
        let text = format!("{name} {number}");
        ledger.sent.insert(text.clone());
        match post(api, "/msgs/writer", json!({ "content": text })).await {
            Ok(204) => _ = ledger.acknowledged.insert(text),
            Ok(status) => ledger.refused.push(status),
            Err(_) => break,
        }
    }
    ledger
}

fn start_writers(api: SocketAddr, round: usize, count: usize) -> JoinSet<Ledger> {
    (0..WRITERS).map(|writer| write(api, format!("{round}/{writer}"), count)).collect()
}

async fn ledger_of(writers: JoinSet<Ledger>) -> Ledger {
    let mut ledger = Ledger::default();
    writers.join_all().await.into_iter().for_each(|part| ledger.add(part));
    ledger
}

async fn register(api: SocketAddr) {
    let writer = json!({"username": "writer", "email": "w@x", "pwd": "p"});
    assert_eq!(post(api, "/register", writer).await.unwrap(), 204);
}

#[tokio::test]
async fn sixteen_writers_at_once_are_all_served_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), &[]).await;
    register(service.api()).await;
    let ledger = ledger_of(start_writers(service.api(), 0, 40)).await;
    assert_eq!((ledger.acknowledged.len(), ledger.refused.len()), (WRITERS * 40, 0));
    ledger.settle(&messages(service.api()).await);
}

#[tokio::test]
async fn killed_at_any_moment_it_keeps_what_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::default();
    // Moments in which it is warm, busy, and has just begun.
    for (round, millis) in [150, 40, 260].into_iter().enumerate() {
        let service = Service::start(dir.path(), &[]).await;
        if round == 0 {
            register(service.api()).await;
        }
        let writers = start_writers(service.api(), round, usize::MAX);
        tokio::time::sleep(Duration::from_millis(millis)).await;
        service.kill();
        ledger.add(ledger_of(writers).await);
        assert_eq!(ledger.refused, [0_u16; 0]);
    }
    let service = Service::start(dir.path(), &[]).await;
    ledger.settle(&messages(service.api()).await);
    assert!(!ledger.acknowledged.is_empty());

    // And by the database itself, without the service.
    service.kill();
    let url = DatabaseUrl::Sqlite(dir.path().join("minitwit.sqlite"));
    let db = Db::open_existing(&url, PoolSizes { sqlite_readers: 1, postgres: 1 }).await.unwrap();
    let stored = db.dump_messages(0, i64::MAX).await.unwrap();
    ledger.settle(&stored.into_iter().map(|message| message.text).collect::<Vec<_>>());
    db.close().await;
}
