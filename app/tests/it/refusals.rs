//! The record of a request that was refused says why, in the word that the metric has.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::json;

use crate::harness::{TestApp, on_both_databases};
use crate::records::Record;

on_both_databases!(
    a_refusal_is_counted_and_its_record_says_why,
    who_logs_in_is_on_record_and_so_is_who_could_not,
);

fn rejected(app: &TestApp, reason: &str) -> f64 {
    app.metric("minitwit_http_rejected_total", &[("reason", reason)])
}

fn only(app: &TestApp) -> Record {
    let mut records = app.records().requests();
    assert_eq!(records.len(), 1, "{records:?}");
    records.remove(0)
}

async fn a_refusal_is_counted_and_its_record_says_why(app: TestApp) {
    app.user("a").await;
    let mut browser = app.browser_of("a").await;
    let api = app.simulator();
    for reason in ["csrf", "bad_auth", "body_too_large", "bad_request"] {
        let before = rejected(&app, reason);
        app.records().take();
        match reason {
            "csrf" => {
                let name = HeaderName::from_static("sec-fetch-site");
                browser.headers.insert(name.clone(), HeaderValue::from_static("cross-site"));
                browser.post("/add_message", &[("text", "x")]).await.is(403);
                browser.headers.remove(name);
            }
            "bad_auth" => {
                api.send(Method::GET, "/msgs", None, Body::empty()).await.is(403);
            }
            "body_too_large" => {
                api.post("/msgs/a", json!({ "content": " ".repeat(65 * 1024) })).await.is(413);
            }
            _ => {
                browser.get(&format!("/{}", "x".repeat(9_000))).await.is(414);
            }
        }
        assert_eq!(only(&app).field("error.type"), reason);
        assert!((rejected(&app, reason) - before - 1.0).abs() < 0.1, "{reason}");
    }
    // What a handler answers is no refusal; its status says enough.
    app.records().take();
    browser.get("/nobody").await.is(404);
    assert_eq!(only(&app).field("error.type"), "");
}

async fn who_logs_in_is_on_record_and_so_is_who_could_not(app: TestApp) {
    let registration = json!({ "username": "a", "email": "a@example.com", "pwd": "right" });
    app.simulator().post("/register", registration).await.is(204);
    let log_in = async |username: &str, password: &str| {
        app.records().take();
        let form = [("username", username), ("password", password)];
        let answer = app.browser().post("/login", &form).await;
        let record = only(&app);
        let [who, why] = ["user.name", "error.type"].map(|name| record.field(name).to_owned());
        (answer.status, who, why)
    };
    let is = |status: StatusCode, who: &str, why: &str| (status, who.to_owned(), why.to_owned());
    assert_eq!(log_in("a", "wrong").await, is(StatusCode::OK, "a", "bad_password"));
    // Somebody may have typed a password there.
    assert_eq!(log_in("s3cret", "x").await, is(StatusCode::OK, "", "unknown_user"));
    assert_eq!(log_in("a", "right").await, is(StatusCode::FOUND, "a", ""));
    for _ in 0..5 {
        log_in("a", "wrong").await;
    }
    let before = rejected(&app, "rate_limited");
    let throttled = is(StatusCode::TOO_MANY_REQUESTS, "", "rate_limited");
    assert_eq!(log_in("a", "wrong").await, throttled);
    assert!((rejected(&app, "rate_limited") - before - 1.0).abs() < 0.1);
}
