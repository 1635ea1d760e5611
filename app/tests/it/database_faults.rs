//! What happens to requests while the database is held, full or away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use minitwit::db::{self, DatabaseUrl};
use serde_json::json;

use crate::harness::{Backend, TestApp, eventually, on};
use crate::postgres;
use crate::raw_sql::{Raw, texts};

#[tokio::test]
async fn a_writer_that_holds_sqlite_does_not_stop_readers() {
    on(Backend::Sqlite, async |app| {
        app.user("a").await;
        let mut raw = Raw::connect(&app).await;
        raw.execute("BEGIN IMMEDIATE").await.unwrap();
        let api = app.simulator();
        let writing = async {
            let posts = (0..3).map(|_| api.post("/msgs/a", json!({"content": "x"})));
            futures_util::future::join_all(posts).await
        };
        let reading = async {
            let started = Instant::now();
            for _ in 0..20 {
                api.get("/msgs").await.is(200);
            }
            assert!(started.elapsed() < Duration::from_secs(2), "readers waited for the writer");
        };
        let (answers, ()) = tokio::join!(writing, reading);
        for answer in answers {
            answer.is(503);
            assert_eq!(answer.header("retry-after"), "1");
        }
        raw.execute("ROLLBACK").await.unwrap();
        api.post("/msgs/a", json!({"content": "x"})).await.is(204);
    })
    .await;
}

#[tokio::test]
async fn a_pool_without_a_free_connection_is_a_503_soon() {
    let Some(app) = TestApp::start_with(Backend::Postgres, &["--postgres-connections", "1"]).await
    else {
        return;
    };
    let mut raw = Raw::connect(&app).await;
    raw.execute("BEGIN; LOCK TABLE simulator_latest").await.unwrap();
    let api = app.simulator();
    let started = Instant::now();
    // The second has to wait for the connection and then for the lock, longer than a request waits in all.
    let waiting = async { tokio::join!(app.state.db.set_latest(1), app.state.db.set_latest(2)) };
    let refused = async {
        let answer = api.get("/latest").await;
        (answer, started.elapsed())
    };
    let ((blocked, _), (answer, after)) = tokio::join!(waiting, refused);
    answer.is(503);
    assert_eq!(answer.header("retry-after"), "1");
    assert!(after < Duration::from_millis(1800), "{after:?}");
    assert!(matches!(blocked, Err(db::Error::Unavailable(_))), "{blocked:?}");
    assert!(app.metric("db_pool_timeouts_total", &[("pool", "main")]) > 0.5);
    raw.execute("ROLLBACK").await.unwrap();
    api.get("/latest").await.is(200);
}

/// Posts until told to stop; the texts that were acknowledged, and how long refusals took at most.
async fn post_all_along(app: &TestApp, stop: &std::cell::Cell<bool>) -> (Vec<String>, Duration) {
    let (mut acknowledged, mut slowest) = (Vec::new(), Duration::ZERO);
    let api = app.simulator();
    for n in 0.. {
        if stop.get() {
            break;
        }
        let text = format!("message {n}");
        let started = Instant::now();
        let answer = api.post("/msgs/a", json!({"content": text})).await;
        match answer.status.as_u16() {
            204 => acknowledged.push(text),
            503 => slowest = slowest.max(started.elapsed()),
            other => panic!("{other}: {}", answer.text()),
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    (acknowledged, slowest)
}

#[tokio::test]
async fn postgres_may_crash_and_come_back() {
    let Some(cluster) = postgres::Cluster::start() else { return };
    let cluster = Arc::new(cluster);
    let url = DatabaseUrl::Postgres(cluster.url("postgres"));
    let app = TestApp::start_on(url, &[]).await;
    app.user("a").await;
    let stop = std::cell::Cell::new(false);
    let crashing = async {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let cluster = Arc::clone(&cluster);
            tokio::task::spawn_blocking(move || cluster.restart_immediately()).await.unwrap();
            let back = Instant::now();
            eventually("the service reads again", async || {
                app.browser().get("/public").await.status == 200
            })
            .await;
            assert!(back.elapsed() < Duration::from_secs(2), "{:?}", back.elapsed());
        }
        stop.set(true);
    };
    let ((acknowledged, slowest), ()) = tokio::join!(post_all_along(&app, &stop), crashing);
    assert!(acknowledged.len() > 20, "{} messages", acknowledged.len());
    assert!(slowest < Duration::from_millis(1800), "{slowest:?}");
    let stored: BTreeMap<_, _> = texts(&app, "SELECT text FROM messages").await.into_iter().fold(
        BTreeMap::new(),
        |mut counts, text| {
            *counts.entry(text).or_insert(0) += 1;
            counts
        },
    );
    for text in &acknowledged {
        assert_eq!(stored.get(text), Some(&1), "{text}");
    }
    assert!(app.metric("minitwit_panics_total", &[]).abs() < 0.1);
}
