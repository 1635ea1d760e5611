//! Who may do what: every address that changes something, for everybody who may come.

use axum::body::Body;
use axum::http::Request;

use crate::harness::App;

/// Address, a form that it takes, what an operator gets, and what a viewer gets.
const CHANGES: [(&str, &str, u16, u16); 14] = [
    ("/ops/system/levels", "levels=debug&minutes=5", 303, 403),
    ("/ops/system/levels", "levels=loud", 400, 403),
    ("/ops/system/jobs/nothing", "", 404, 403),
    ("/ops/operators", "name=new&role=viewer&password=long+enough", 303, 403),
    ("/ops/operators", "name=octavia&role=viewer&password=long+enough", 409, 403),
    ("/ops/operators", "name=new&role=king&password=long+enough", 400, 403),
    ("/ops/operators/octavia", "set=role&role=viewer", 409, 403),
    ("/ops/operators/octavia", "set=other", 400, 403),
    ("/ops/operators/nobody", "set=disabled", 404, 403),
    // What belongs to who asks.
    ("/ops/operators/octavia/sessions", "which=all", 303, 303),
    ("/ops/operators/somebody/sessions", "which=all", 303, 403),
    ("/ops/operators/octavia/password", "old=right&new=long+enough&again=other+one", 400, 400),
    ("/ops/operators/somebody/password", "old=right&new=a&again=a", 403, 403),
    ("/ops/logs/searches", "name=mine&q=a", 303, 303),
];

#[tokio::test]
async fn every_change_has_its_answer_for_operators_and_viewers() {
    let app = App::with_log(50).await;
    for (path, body, operator, viewer) in CHANGES {
        for (role, status) in [("operator", operator), ("viewer", viewer)] {
            let answer = app.post(path, role, body, "same-origin").await;
            assert_eq!(answer.status, status, "{role} {path} {body}: {}", answer.text);
            if status == 303 {
                let to = answer.headers["location"].to_str().unwrap();
                assert!(to.starts_with("/ops/"), "{to}");
                assert_eq!(app.get(to).await.status, 200, "{to}");
            } else {
                // A refusal is a page that says why and leads on.
                let page = answer.page();
                assert!(page.has(&format!("[data-error='{status}']")), "{path}: {status}");
                assert!(page.has("nav[aria-label=Pages] a"), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn no_change_comes_from_another_site_or_from_nobody() {
    let app = App::with_log(50).await;
    for (path, body, ..) in CHANGES {
        for site in ["cross-site", "same-site"] {
            let answer = app.post(path, "operator", body, site).await;
            assert_eq!(answer.status, 403, "{site} {path}");
        }
        let nobody = Request::post(path).header("sec-fetch-site", "same-origin");
        let answer = app.send(nobody.body(Body::from(body)).unwrap()).await;
        assert_eq!(answer.status, 401, "{path}");
    }
    assert_eq!(app.levels.levels().to_string(), "info", "nothing was changed");
}

#[tokio::test]
async fn a_form_that_is_too_large_changes_nothing() {
    let app = App::with_log(50).await;
    let padding = "x".repeat(64 * 1024);
    for (path, body, operator, _) in
        CHANGES.into_iter().filter(|(.., operator, _)| *operator == 303)
    {
        let answer =
            app.post(path, "operator", &format!("{body}&x={padding}"), "same-origin").await;
        assert_eq!(answer.status, 413, "{path} {operator}");
        assert!(answer.page().has("[data-error='413']"), "{path}");
    }
    assert_eq!(app.levels.levels().to_string(), "info");
}

#[tokio::test]
async fn a_method_that_an_address_does_not_take_is_refused_with_a_page() {
    let app = App::with_log(50).await;
    for path in
        ["/ops/system/levels", "/ops/operators/octavia", "/ops/theme", "/ops/logs/searches/0"]
    {
        let answer = app.get(path).await;
        assert_eq!(answer.status, 405, "{path}");
        assert!(answer.page().has("[data-error='405']"), "{path}");
    }
    for path in ["/ops", "/ops/logs", "/ops/requests", "/ops/metrics", "/ops/alerts"] {
        let answer = app.post(path, "operator", "", "same-origin").await;
        assert_eq!(answer.status, 405, "{path}");
    }
}

#[tokio::test]
async fn viewers_see_every_page_and_no_form_that_would_refuse_them() {
    let app = App::with_log(300).await;
    for path in [
        "",
        "/logs",
        "/logs/patterns",
        "/logs/searches",
        "/requests",
        "/requests/sql",
        "/errors",
        "/compare",
        "/alerts",
        "/alerts/Errors",
        "/metrics",
        "/system",
        "/operators",
        "/orders",
    ] {
        let answer = app.get_as("viewer", &format!("/ops{path}")).await;
        assert_eq!(answer.status, 200, "{path}");
        let page = answer.page();
        for form in page.all("main form[method=post]") {
            let action = form.attr("action");
            let is_own = action.starts_with("/ops/operators/octavia/")
                || action == "/ops/logs/searches"
                || action.starts_with("/ops/logs/searches/");
            assert!(is_own, "{path}: {action}");
        }
        assert!(page.one("details.who").text().contains("viewer"), "{path}");
    }
}
