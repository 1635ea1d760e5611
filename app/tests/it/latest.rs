//! `latest`: the last command that was processed, over refusals, restarts and processes.

use http::Method;
use serde_json::json;

use crate::harness::{TestApp, on_both_databases};
use crate::simulator::{refused, user};

on_both_databases!(
    latest_is_minus_one_before_the_first_command,
    latest_is_the_last_command_not_the_largest,
    latest_ignores_what_is_no_integer,
    latest_is_recorded_before_anything_is_refused,
    latest_survives_a_restart,
    latest_is_shared_by_two_processes,
);

async fn latest_is_minus_one_before_the_first_command(app: TestApp) {
    let api = app.simulator();
    let answer = api.send(Method::GET, "/latest", None, "".into()).await;
    assert_eq!(answer.is(200).json(), json!({"latest": -1}));
}

async fn latest_is_the_last_command_not_the_largest(app: TestApp) {
    let api = app.simulator();
    for latest in [1337, 1, 2, 0, i64::MAX, i64::MIN, 7] {
        api.get(&format!("/msgs?latest={latest}")).await.is(200);
        assert_eq!(api.latest().await, latest);
    }
}

async fn latest_ignores_what_is_no_integer(app: TestApp) {
    let api = app.simulator();
    api.get("/msgs?latest=5").await.is(200);
    for text in ["", "abc", "-1", "1.5", "1e3", "9223372036854775808", "%00", "%FF", "0x10"] {
        api.post(&format!("/register?latest={text}"), user(&format!("user {text}"))).await;
        assert_eq!(api.latest().await, 5, "{text:?}");
    }
    api.get("/msgs?LATEST=9").await;
    api.get("/latest?latest=9").await;
    assert_eq!(api.latest().await, 5);
    api.get("/msgs?latest=6&latest=7").await;
    assert_eq!(api.latest().await, 6, "the first of two counts");
}

async fn latest_is_recorded_before_anything_is_refused(app: TestApp) {
    app.user("a").await;
    let api = app.simulator();
    refused(&api.send(Method::GET, "/msgs?latest=1", None, "".into()).await, 403);
    assert_eq!(api.latest().await, 1);
    refused(&api.send(Method::POST, "/msgs/a?latest=2", Some("nonsense"), "".into()).await, 403);
    assert_eq!(api.latest().await, 2);
    refused(&api.get("/msgs/nobody?latest=3").await, 404);
    assert_eq!(api.latest().await, 3);
    refused(&api.post("/msgs/nobody?latest=4", json!({"content": "x"})).await, 404);
    assert_eq!(api.latest().await, 4);
    refused(&api.post("/register?latest=5", json!({})).await, 400);
    assert_eq!(api.latest().await, 5);
    refused(&api.post("/fllws/a?latest=6", json!({})).await, 400);
    assert_eq!(api.latest().await, 6);
    refused(&api.send(Method::POST, "/register?latest=7", None, "{".into()).await, 400);
    assert_eq!(api.latest().await, 7);
}

async fn latest_survives_a_restart(app: TestApp) {
    app.simulator().get("/msgs?latest=4711").await.is(200);
    let app = app.restart().await;
    assert_eq!(app.simulator().latest().await, 4711);
    assert!((app.metric("minitwit_simulator_latest", &[]) - 4711.0).abs() < 0.5);
}

async fn latest_is_shared_by_two_processes(app: TestApp) {
    let other = app.twin().await;
    app.simulator().get("/msgs?latest=1").await.is(200);
    assert_eq!(other.simulator().latest().await, 1);
    other.simulator().get("/msgs?latest=2").await.is(200);
    app.simulator().get("/msgs?latest=-1").await.is(200);
    assert_eq!(app.simulator().latest().await, 2);
}
