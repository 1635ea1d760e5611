//! Clients that do not wait: what they asked to change is changed all the same.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use http::header::HOST;
use tower::ServiceExt;

use crate::harness::{TestApp, eventually, on_both_databases};

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
