//! The description of the API against the running API, both ways: every answer is described, and every
//! described answer can be had.

use std::collections::BTreeSet;

use axum::body::Body;
use http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, SIMULATOR, TestApp, on_both_databases};

on_both_databases!(answers_are_as_described, the_page_shows_every_operation);

/// Method, described path, address, whether with credentials, body, status.
type Call = (&'static str, &'static str, &'static str, bool, &'static str, u16);

const CALLS: &[Call] = &[
    ("get", "/latest", "/latest", false, "", 200),
    (
        "post",
        "/register",
        "/register?latest=1",
        false,
        r#"{"username":"n","email":"n@n","pwd":"p"}"#,
        204,
    ),
    ("post", "/register", "/register", false, r#"{"username":"n","email":"n@n","pwd":"p"}"#, 400),
    ("get", "/msgs", "/msgs?no=5", true, "", 200),
    ("get", "/msgs", "/msgs", false, "", 403),
    ("get", "/msgs/{username}", "/msgs/a", true, "", 200),
    ("get", "/msgs/{username}", "/msgs/a", false, "", 403),
    ("get", "/msgs/{username}", "/msgs/nobody", true, "", 404),
    ("post", "/msgs/{username}", "/msgs/a", true, r#"{"content":"x"}"#, 204),
    ("post", "/msgs/{username}", "/msgs/a", true, "{}", 400),
    ("post", "/msgs/{username}", "/msgs/a", false, "{}", 403),
    ("post", "/msgs/{username}", "/msgs/nobody", true, r#"{"content":"x"}"#, 404),
    ("get", "/fllws/{username}", "/fllws/a", true, "", 200),
    ("get", "/fllws/{username}", "/fllws/a", false, "", 403),
    ("get", "/fllws/{username}", "/fllws/nobody", true, "", 404),
    ("post", "/fllws/{username}", "/fllws/a", true, r#"{"follow":"a"}"#, 204),
    ("post", "/fllws/{username}", "/fllws/a", true, "{}", 400),
    ("post", "/fllws/{username}", "/fllws/a", false, "{}", 403),
    ("post", "/fllws/{username}", "/fllws/nobody", true, r#"{"follow":"a"}"#, 404),
];

/// Whether a value is what a schema says, as far as this document's schemas go.
fn fits(document: &Value, schema: &Value, value: &Value) -> bool {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.trim_start_matches('#');
        return fits(document, document.pointer(name).unwrap(), value);
    }
    match schema["type"].as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "array" => {
            let items = &schema["items"];
            value.as_array().is_some_and(|list| list.iter().all(|item| fits(document, items, item)))
        }
        "object" => {
            let (Some(value), Some(properties)) =
                (value.as_object(), schema["properties"].as_object())
            else {
                return false;
            };
            let required = schema["required"].as_array().unwrap();
            required.iter().all(|name| value.contains_key(name.as_str().unwrap()))
                && value.iter().all(|(name, value)| {
                    properties.get(name).is_some_and(|schema| fits(document, schema, value))
                })
        }
        other => panic!("the test knows no {other}"),
    }
}

fn check(document: &Value, method: &str, path: &str, answer: &Answer) {
    let status = answer.status.as_str();
    let response = &document["paths"][path][method]["responses"][status];
    assert!(response.is_object(), "{method} {path}: {status} is not described");
    let schema = &response["content"]["application/json"]["schema"];
    if schema.is_null() {
        assert!(answer.body.is_empty(), "{method} {path}: {status} has a body");
    } else {
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(fits(document, schema, &answer.json()), "{method} {path}: {}", answer.text());
    }
}

async fn answers_are_as_described(app: TestApp) {
    app.user("a").await;
    app.message("a", "x").await;
    let api = app.simulator();
    let document = api.get("/openapi.json").await.is(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut seen = BTreeSet::new();
    for (method, path, address, with_credentials, body, status) in CALLS {
        let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let credentials = with_credentials.then_some(SIMULATOR);
        let answer = api.send(verb, address, credentials, (*body).into()).await;
        answer.is(*status);
        check(&document, method, path, &answer);
        seen.insert(format!("{method} {path} {status}"));
    }
    let paths = document["paths"].as_object().unwrap();
    let operations: Vec<_> = paths
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| (path, method)))
        .collect();
    let call = async |path: &str, method: &str, body: Body| {
        let verb = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let answer = api.send(verb, &path.replace("{username}", "a"), Some(SIMULATOR), body).await;
        check(&document, method, path, &answer);
        format!("{method} {path} {}", answer.status.as_str())
    };
    for (path, method) in operations.iter().filter(|(_, method)| *method == "post") {
        seen.insert(call(path, method, " ".repeat(70_000).into()).await);
    }
    app.state.db.close().await;
    let body = json!({"username": "z", "email": "z@z", "pwd": "p", "content": "x", "follow": "a"});
    for (path, method) in &operations {
        seen.insert(call(path, method, body.to_string().into()).await);
    }
    for (path, method) in operations {
        let responses = document["paths"][path][method]["responses"].as_object().unwrap();
        for status in responses.keys().filter(|status| *status != "default") {
            assert!(
                seen.contains(&format!("{method} {path} {status}")),
                "{method} {path} {status} was never seen"
            );
        }
    }
}

async fn the_page_shows_every_operation(app: TestApp) {
    let page = app.simulator().get("/docs").await;
    page.is(200).shows("MiniTwit simulator API").hides("<script").hides("style=");
    for path in ["/latest", "/register", "/msgs", "/msgs/{username}", "/fllws/{username}"] {
        page.shows(path);
    }
    let style = app.simulator().get("/docs.css").await;
    assert_eq!(style.is(200).header("content-type"), "text/css; charset=utf-8");
    let mut browser = app.browser();
    browser.get("/api/docs").await.is(200).shows("href=\"docs.css\"");
    browser.get("/api/docs.css").await.is(200);
    browser.get("/api/openapi.json").await.is(200);
}
