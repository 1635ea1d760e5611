//! Clients that do not wait: what they asked to change is changed all the same, and who gave up a late
//! service counts as a failure of the service.

use std::time::Duration;

use axum::body::Body;
use futures_util::stream;
use http::Request;
use http::header::{CONTENT_TYPE, HOST};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower::ServiceExt;
use tracing::Level;

use crate::harness::{Backend, TestApp, eventually, on, on_both_databases};
use crate::raw_sql::Raw;
use crate::records::Record;

on_both_databases!(a_registration_survives_the_client);

async fn a_registration_survives_the_client(app: TestApp) {
    let body = r#"{"username":"impatient","email":"i@example.com","pwd":"secret"}"#;
    let request = Request::post("/register?latest=7").header(HOST, "localhost");
    let answer = app.api.clone().oneshot(request.body(Body::from(body)).unwrap());
    // Hashing alone takes longer: the client is gone before there is an answer.
    let gone = tokio::time::timeout(Duration::ZERO, answer).await;
    assert!(gone.is_err(), "the answer came too early for this test");
    eventually("the user is registered", async || {
        app.state.db.user_exists("impatient").await.unwrap()
    })
    .await;
    assert_eq!(app.state.db.latest().await.unwrap(), Some(7));
}

/// What the simulator does: 300 ms, and it is gone.
const PATIENCE: Duration = Duration::from_millis(300);
const REQUESTS: &str = "minitwit_http_requests_total";

/// The record of a message posted by a client that leaves after `patience`.
async fn post_and_leave(app: &TestApp, patience: Duration) -> Record {
    app.records().take();
    let api = app.simulator();
    let post = api.post("/msgs/a?latest=1", json!({"content": "x"}));
    let left = tokio::time::timeout(patience, post).await;
    assert!(left.is_err(), "the answer came too early for this test");
    app.records().requests().pop().unwrap()
}

fn number(record: &Record, name: &str) -> u64 {
    record.field(name).parse().unwrap()
}

#[tokio::test]
async fn a_client_that_gives_up_a_locked_database_is_a_failure() {
    on(Backend::Sqlite, async |app| {
        app.user("a").await;
        let mut raw = Raw::connect(&app).await;
        raw.execute("BEGIN IMMEDIATE").await.unwrap();
        let record = post_and_leave(&app, PATIENCE).await;
        assert_eq!((record.level, record.message.as_str()), (Level::WARN, "POST /msgs/a 499"));
        assert_eq!(record.field("error.type"), "abandoned");
        assert!(record.field("error.message").contains("statement simulator_latest.set"));
        // The wait for the lock is the database's, although the statement has not ended.
        assert_eq!(record.field("db.count"), "1");
        let (took, database) = (number(&record, "duration_us"), number(&record, "db.duration_us"));
        assert!((200_000..=took).contains(&database), "{database} of {took}");
        let counted = |outcome| app.metric(REQUESTS, &[("surface", "api"), ("outcome", outcome)]);
        assert!((counted("abandoned") - 1.0).abs() < 0.1);
        assert!(counted("failed").abs() < 0.1);

        // What came of it is told when it is known.
        eventually("the change has ended", async || {
            let records = app.records().all();
            let after = records.iter().find(|record| record.message.starts_with("finished after"));
            after.is_some_and(|after| {
                assert_eq!(after.level, Level::WARN);
                assert!(after.message.ends_with("503"), "{after:?}");
                assert_eq!(after.field("http.request.id"), record.field("http.request.id"));
                number(after, "db.duration_us") > database
            })
        })
        .await;
        let simulator = [("action", "tweet"), ("outcome", "abandoned")];
        assert!((app.metric("minitwit_simulator_requests_total", &simulator) - 1.0).abs() < 0.1);
        raw.execute("ROLLBACK").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_ends_while_the_database_is_locked_is_a_failure() {
    on(Backend::Sqlite, async |app| {
        app.user("a").await;
        let served = app.serve().await;
        let mut raw = Raw::connect(&app).await;
        raw.execute("BEGIN IMMEDIATE").await.unwrap();
        let body = r#"{"content":"x"}"#;
        let post = format!(
            "POST /msgs/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(served.api).await.unwrap();
        stream.write_all(post.as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE, stream.read_u8()).await;
        assert!(answer.is_err(), "the answer came too early for this test");
        drop(stream);
        eventually("the client is seen to leave", async || {
            let counted = app.metric(REQUESTS, &[("surface", "api"), ("outcome", "abandoned")]);
            (counted - 1.0).abs() < 0.1
        })
        .await;
        raw.execute("ROLLBACK").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_early_is_no_failure() {
    on(Backend::Sqlite, async |app| {
        app.user("a").await;
        let mut raw = Raw::connect(&app).await;
        raw.execute("BEGIN IMMEDIATE").await.unwrap();
        // The database is held, but so short a time says nothing of it.
        let record = post_and_leave(&app, Duration::from_millis(30)).await;
        raw.execute("ROLLBACK").await.unwrap();
        assert_eq!((record.level, record.field("error.type")), (Level::INFO, ""));
        eventually("the message is stored", async || {
            app.simulator().get("/msgs/a").await.text().contains('x')
        })
        .await;
        assert!(app.metric(REQUESTS, &[("outcome", "abandoned")]).abs() < 0.1);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_the_client_does_not_send_is_its_own_delay() {
    on(Backend::Sqlite, async |app| {
        let body = Body::from_stream(stream::pending::<Result<&str, std::io::Error>>());
        let form = "application/x-www-form-urlencoded";
        let request = Request::post("/login").header(HOST, "localhost").header(CONTENT_TYPE, form);
        let answer = app.site.clone().oneshot(request.body(body).unwrap());
        assert!(tokio::time::timeout(PATIENCE, answer).await.is_err());
        let record = app.records().requests().pop().unwrap();
        assert_eq!(record.field("http.response.status_code"), "499");
        assert_eq!(record.level, Level::INFO, "the service waited for its client");
    })
    .await;
}

#[tokio::test]
async fn a_read_that_is_given_up_tells_what_it_waited_for() {
    let Some(app) = TestApp::start_with(Backend::Postgres, &["--postgres-connections", "2"]).await
    else {
        return;
    };
    let mut raw = Raw::connect(&app).await;
    raw.execute("BEGIN; LOCK TABLE messages").await.unwrap();
    let answer = app
        .site
        .clone()
        .oneshot(Request::get("/public").header(HOST, "localhost").body(Body::empty()).unwrap());
    assert!(tokio::time::timeout(PATIENCE, answer).await.is_err());
    let record = app.records().requests().pop().unwrap();
    assert_eq!((record.level, record.field("error.type")), (Level::WARN, "abandoned"));
    assert!(record.field("error.message").contains("statement messages.public"), "{record:?}");
    assert!(number(&record, "db.duration_us") > 200_000, "{record:?}");
    raw.execute("ROLLBACK").await.unwrap();
}
