//! Headers that bind the browser, on every answer of every surface.

use std::collections::BTreeSet;

use http::Method;

use crate::harness::{TestApp, on_both_databases, request};

on_both_databases!(
    every_answer_has_the_security_headers,
    private_pages_are_not_cached_and_assets_are,
);

async fn every_answer_has_the_security_headers(app: TestApp) {
    app.user("a").await;
    let mut answers = Vec::new();
    let long = format!("/{}", "x".repeat(9000));
    for path in ["/", "/public", "/nobody", "/static/style.css", "/a/follow", "/%FF", &long] {
        answers.push(app.browser().get(path).await);
        answers.push(app.browser().send(request(Method::DELETE, path), "".into()).await);
    }
    let etag = answers.iter().map(|answer| answer.header("etag")).find(|tag| !tag.is_empty());
    let cached = request(Method::GET, "/static/style.css").header("if-none-match", etag.unwrap());
    let cached = app.browser().send(cached, "".into()).await;
    cached.is(304);
    answers.push(cached);
    answers.push(app.browser_of("a").await.get("/logout").await);
    for path in ["/msgs", "/latest", "/register", "/nowhere"] {
        answers.push(app.simulator().get(path).await);
    }
    for path in ["/metrics", "/livez", "/nowhere"] {
        answers.push(app.ops(path).await);
    }
    let statuses: BTreeSet<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, BTreeSet::from([200, 302, 304, 400, 401, 404, 405, 414]));
    for answer in answers {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-embedder-policy", "require-corp"),
            ("cross-origin-resource-policy", "same-origin"),
            ("strict-transport-security", ""),
            ("server", ""),
        ] {
            assert_eq!(answer.header(name), value, "{name} of {:?}", answer.status);
        }
        for name in
            ["content-security-policy", "permissions-policy", "cache-control", "x-request-id"]
        {
            assert_ne!(answer.header(name), "", "{name} of {:?}", answer.status);
        }
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        if !answer.body.is_empty() {
            assert_ne!(answer.header("content-type"), "", "{:?}", answer.status);
        }
    }
}

async fn private_pages_are_not_cached_and_assets_are(app: TestApp) {
    app.user("a").await;
    let mut browser = app.browser_of("a").await;
    for path in ["/", "/public", "/login", "/nobody"] {
        assert_eq!(browser.get(path).await.header("cache-control"), "no-store", "{path}");
    }
    let page = browser.get("/").await.text();
    let style = page.split('"').find(|part| part.starts_with("/static/style.css?")).unwrap();
    let asset = browser.get(style).await;
    assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(asset.header("set-cookie"), "");
}
