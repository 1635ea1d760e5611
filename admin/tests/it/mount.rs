//! The panel in a foreign router: guard, roles, headers, assets.

use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::harness::App;

const PATHS: [&str; 26] = [
    "/ops",
    "/ops/alerts",
    "/ops/alerts/Errors",
    "/ops/logs",
    "/ops/logs?tail=1",
    "/ops/logs/export.ndjson",
    "/ops/logs/export.csv",
    "/ops/logs/tail",
    "/ops/requests",
    "/ops/requests/sql",
    "/ops/requests/sql/0123456789abcdef",
    "/ops/requests/x",
    "/ops/errors",
    "/ops/compare",
    "/ops/metrics",
    "/ops/metrics/data.json",
    "/ops/system",
    "/ops/operators",
    "/ops/orders",
    "/ops/logs/searches",
    "/ops/errors/0123456789abcdef",
    "/ops/orders/1",
    "/ops/theme",
    "/ops/zone",
    "/ops/events/1-1",
    "/ops/nothing/of/that/name",
];

#[tokio::test]
async fn nothing_is_reachable_without_the_guard() {
    let app = App::with_log(50).await;
    let links = app.get("/ops/logs").await.page().links().into_iter();
    let assets: Vec<String> = links.filter(|url| url.starts_with("/ops/assets/")).collect();
    assert!(assets.len() >= 3, "{assets:?}");
    for path in PATHS.iter().map(|path| (*path).to_owned()).chain(assets) {
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            let request = Request::builder().method(method).uri(&path).body(Body::empty()).unwrap();
            assert_eq!(app.send(request).await.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        }
    }
    let request = Request::get("/").body(Body::empty()).unwrap();
    assert_eq!(app.send(request).await.text, "shop");
}

#[tokio::test]
async fn every_answer_binds_the_browser() {
    let app = App::with_log(50).await;
    for path in PATHS {
        let answer = app.get(path).await;
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        for part in ["default-src 'none'", "trusted-types 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["referrer-policy"], "same-origin");
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
    }
}

#[tokio::test]
async fn assets_may_be_kept_for_ever_and_errors_have_a_page() {
    let app = App::with_log(50).await;
    let style =
        app.get("/ops/logs").await.page().one("link[rel=stylesheet]").attr("href").to_owned();
    let answer = app.get(&style).await;
    assert_eq!(answer.headers["cache-control"], "private, max-age=31536000, immutable");
    assert_eq!(app.get("/ops/assets/0/vendor.lock").await.status, StatusCode::NOT_FOUND);
    let answer = app.get("/ops/requests/unknown").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.page().has("[data-error='404']"), "{}", answer.text);
}

#[tokio::test]
async fn changes_need_the_role_and_the_same_site() {
    let app = App::with_log(50).await;
    let set = async |role, site, levels: &str| {
        let body = format!("levels={levels}&minutes=15");
        app.post("/ops/system/levels", role, &body, site).await.status
    };
    assert_eq!(set("viewer", "same-origin", "debug").await, StatusCode::FORBIDDEN);
    assert_eq!(set("operator", "cross-site", "debug").await, StatusCode::FORBIDDEN);
    assert_eq!(set("operator", "same-origin", "loud").await, StatusCode::BAD_REQUEST);
    assert_eq!(app.levels.levels().to_string(), "info");
    assert_eq!(set("operator", "same-origin", "debug").await, StatusCode::SEE_OTHER);
    assert_eq!(app.levels.levels().to_string(), "debug");
    assert!(app.levels.remaining().is_some());
}

#[tokio::test]
async fn a_job_is_started_once_by_an_operator_and_by_nobody_else() {
    let app = App::with_log(50).await;
    let run = async |name, role| {
        app.post(&format!("/ops/system/jobs/{name}"), role, "", "same-origin").await.status
    };
    assert_eq!(run("x", "operator").await, StatusCode::NOT_FOUND);
    assert_eq!(run("tidy", "viewer").await, StatusCode::FORBIDDEN);
    let is_running =
        async || app.get("/ops/system").await.page().has("[data-job=tidy][data-running]");
    assert!(!is_running().await);
    assert_eq!(run("tidy", "operator").await, StatusCode::SEE_OTHER);
    assert!(is_running().await);
    assert_eq!(run("tidy", "operator").await, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_statement_and_an_error_have_addresses_of_their_own() {
    let app = App::with_log(2_000).await;
    let linked = async |page: &str, start: &str| {
        let links = app.get(page).await.page().links();
        links.into_iter().find(|url| url.starts_with(start)).unwrap()
    };
    let statement = linked("/ops/requests/sql?from=24h", "/ops/requests/sql/").await;
    let page = app.get(&statement).await;
    assert_eq!(page.status, StatusCode::OK);
    for part in ["[data-section=slowest] td a", "dl.facts dd", ".links a[href^='/ops/logs?']"] {
        assert!(page.page().has(part), "{part}");
    }
    let unknown = app.get("/ops/requests/sql/0123456789abcdef").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let error = linked("/ops/errors?from=24h", "/ops/errors/").await;
    let page = app.get(&error).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.page().has("[data-status=open]"), "{}", page.text);
    assert!(page.page().has("[data-section=newest] tr.record"), "{}", page.text);
}

#[tokio::test]
async fn what_the_host_refuses_of_accounts_is_said_and_viewers_change_their_own_alone() {
    let app = App::with_log(50).await;
    let post = async |path: &str, role: &str, body: &str, site: &str| {
        app.post(&format!("/ops/operators{path}"), role, body, site).await
    };
    let own = "/octavia/password";
    let same = "old=x&new=12345678&again=12345678";
    let slow = post(own, "viewer", same, "same-origin").await;
    assert_eq!(slow.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(slow.headers["retry-after"], "7");
    assert!(slow.page().one("[data-error='429']").text().contains("7 s"), "{}", slow.text);
    for (path, role, body, site, status) in [
        (own, "viewer", "old=right&new=1&again=1", "same-origin", 303),
        (own, "viewer", "old=right&new=1&again=2", "same-origin", 400),
        (own, "viewer", "old=right&new=1&again=1", "cross-site", 403),
        ("/other/password", "operator", "old=right&new=1&again=1", "same-origin", 403),
        ("/octavia/sessions", "viewer", "which=others", "same-origin", 303),
        ("/octavia/sessions", "viewer", "which=others", "cross-site", 403),
        ("/other/sessions", "viewer", "which=all", "same-origin", 403),
        ("/other/sessions", "operator", "which=all", "same-origin", 303),
        ("", "viewer", "name=new&role=viewer", "same-origin", 403),
        ("", "operator", "name=new&role=viewer", "same-origin", 303),
        ("", "operator", "name=octavia&role=viewer", "same-origin", 409),
        ("", "operator", "name=new&role=root", "same-origin", 400),
        ("/octavia", "operator", "set=disabled", "same-origin", 409),
        ("/octavia", "operator", "set=nothing", "same-origin", 400),
        ("/nobody", "operator", "set=disabled", "same-origin", 404),
    ] {
        let answer = post(path, role, body, site).await;
        assert_eq!(answer.status.as_u16(), status, "{role} {path} {body} {site}");
    }
}

#[tokio::test]
async fn who_prefers_dark_or_light_is_asked_once_and_stays_on_the_page() {
    let app = App::with_log(50).await;
    let schemes = "meta[name=color-scheme]";
    let page = app.get("/ops/logs?q=level:info&from=2h").await.page();
    assert!(!page.has("[data-theme]"));
    assert_eq!(page.one(schemes).attr("content"), "light dark");
    let back = page.one("form[action='/ops/theme'] [name=back]").attr("value").to_owned();
    let body = serde_urlencoded::to_string([("back", back.as_str()), ("theme", "dark")]).unwrap();
    let answer = app.post("/ops/theme", "viewer", &body, "same-origin").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.headers["location"], back);
    assert!(back.starts_with("/ops/logs?") && back.contains("level") && back.contains("from=2h"));
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    let (cookie, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/ops; Max-Age=31536000; HttpOnly; SameSite=Lax");
    let request = Request::get(&back)
        .header("authorization", "letmein viewer")
        .header("cookie", format!("a=b; {cookie}"));
    let page = app.send(request.body(Body::empty()).unwrap()).await.page();
    assert!(page.has(":root[data-theme=dark]"));
    assert_eq!(page.one(schemes).attr("content"), "dark");
}

#[tokio::test]
async fn a_time_that_cannot_be_read_is_told_and_shows_the_usual_window() {
    let app = App::with_log(50).await;
    for page in ["", "/logs", "/requests", "/errors", "/metrics", "/system"] {
        let read = app.get(&format!("/ops{page}?from=2h&to=")).await.page();
        assert!(!read.has("[data-misread]"), "{page}");
        for window in ["from=soon", "from=2h&to=%3Cb%3E"] {
            let misread = app.get(&format!("/ops{page}?{window}")).await.page();
            let shown = misread.one(".window summary").text();
            assert!(misread.one("[data-misread]").text().contains(&shown), "{page} {window}");
        }
    }
}
