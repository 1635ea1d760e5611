//! Changes by GET, which the course asks for, when another site makes a browser send them: nothing happens
//! without the visitor. What the site itself and the course's programs send works at once.

use std::net::SocketAddr;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use http::header::{ORIGIN, REFERER, USER_AGENT};
use http::{HeaderName, HeaderValue, Method};
use serde_json::json;

use crate::harness::{Backend, Browser, TestApp, eventually, on_both_databases, request, send};
use crate::webdriver::Driver;

on_both_databases!(
    a_browser_without_proof_is_asked_and_programs_are_not,
    other_sites_make_no_browser_use_the_api,
);

const MOZILLA: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

fn with(mut browser: Browser, headers: &[(HeaderName, &'static str)]) -> Browser {
    for (name, value) in headers {
        browser.headers.insert(name, HeaderValue::from_static(value));
    }
    browser
}

/// Whether `me` follows `a`.
async fn follows(app: &TestApp) -> bool {
    app.state.db.followed_by("me", 10).await.unwrap().unwrap().contains(&"a".to_owned())
}

async fn a_browser_without_proof_is_asked_and_programs_are_not(app: TestApp) {
    for name in ["me", "a", "follow", "<b>&"] {
        app.user(name).await;
    }
    let signed_in = app.browser_of("me").await;
    for proof in [
        vec![],
        vec![(REFERER, "http://other.example/")],
        vec![(REFERER, "http://localhost.other.example/?http://localhost/")],
        vec![(ORIGIN, "null"), (REFERER, "http://localhost/")],
    ] {
        let is_cross_site = proof.iter().any(|(name, _)| *name == ORIGIN);
        let mut browser = with(signed_in.clone(), &[&[(USER_AGENT, MOZILLA)], &proof[..]].concat());
        for (path, question) in [
            ("/a/follow", "Do you want to follow a?"),
            ("/a/unfollow", "Do you want to unfollow a?"),
            ("/-/user/a/follow", "Do you want to follow a?"),
            ("/%3Cb%3E%26/follow", "Do you want to follow &lt;b&gt;&amp;?"),
            ("/logout", "Do you want to sign out?"),
        ] {
            let answer = browser.get(path).await;
            if is_cross_site {
                answer.is(403);
                continue;
            }
            answer
                .is(200)
                .shows(question)
                .has(&format!("form[method=post][action='{path}'] button"));
            let head = browser.send(request(Method::HEAD, path), axum::body::Body::empty()).await;
            head.is(200);
            assert!(!follows(&app).await, "{path}");
            browser.get("/").await.is(200);
        }
    }
    // The question is answered by a form of the site.
    let mut browser =
        with(signed_in.clone(), &[(USER_AGENT, MOZILLA), (ORIGIN, "http://localhost")]);
    browser.post("/a/follow", &[]).await.goes_to("/a");
    assert!(follows(&app).await);
    // A link of the site, and programs.
    for proof in [
        vec![(USER_AGENT, MOZILLA), (REFERER, "http://localhost/a")],
        vec![(USER_AGENT, MOZILLA), (HeaderName::from_static("sec-fetch-site"), "same-origin")],
        vec![(USER_AGENT, "python-requests/2.32.3")],
        vec![],
    ] {
        let mut browser = with(signed_in.clone(), &proof);
        browser.get("/a/unfollow").await.goes_to("/a");
        assert!(!follows(&app).await);
        browser.get("/a/follow").await.goes_to("/a");
        assert!(follows(&app).await);
    }
    // Who is not signed in has nothing to lose.
    let mut nobody = with(app.browser(), &[(USER_AGENT, MOZILLA)]);
    nobody.get("/logout").await.goes_to("/public");
    nobody.get("/a/follow").await.is(401);
    nobody.get("/nobody/follow").await.is(401);
}

async fn other_sites_make_no_browser_use_the_api(app: TestApp) {
    let body = r#"{"username":"forged","email":"a@b","pwd":"p"}"#;
    for (router, path) in
        [(&app.site, "/api/register"), (&app.site, "/sim/register"), (&app.api, "/register")]
    {
        for (name, value) in [("origin", "http://other.example"), ("sec-fetch-site", "cross-site")]
        {
            let post = request(Method::POST, path).header("content-type", "text/plain");
            let post = post.header(name, value).body(body.into()).unwrap();
            send(router, post).await.is(403);
        }
    }
    let get = request(Method::GET, "/msgs?latest=7").header("sec-fetch-site", "cross-site");
    send(&app.api, get.body(axum::body::Body::empty()).unwrap()).await.is(403);
    assert_eq!(app.simulator().latest().await, -1);
    // Reading what is public is nobody's change.
    let get = request(Method::GET, "/latest").header("sec-fetch-site", "cross-site");
    send(&app.api, get.body(axum::body::Body::empty()).unwrap()).await.is(200);
}

/// Another site, with a page for each way to make a browser ask.
async fn attacker(target: &str) -> SocketAddr {
    let page = |html: String| get(async move || Html(html.clone()));
    let image = format!("<img src='{target}/a/follow'><img src='{target}/logout'>done");
    let meta = |path| format!("<meta http-equiv=refresh content='0;url={target}{path}'>");
    let link = format!("<a id=go href='{target}/a/follow'>free money</a>");
    let quiet = format!(
        "<meta name=referrer content=no-referrer><a id=go href='{target}/logout'>free money</a>"
    );
    let router = Router::new()
        .route("/image", page(image))
        .route("/follow", page(meta("/a/follow")))
        .route("/logout", page(meta("/logout")))
        .route("/link", page(link))
        .route("/quiet", page(quiet));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// Over plain HTTP under a name, where browsers do not say which site asks.
#[tokio::test]
async fn no_other_page_follows_or_signs_out_in_a_real_browser() {
    let Some(driver) = Driver::start().await else { return };
    let Some(app) = TestApp::start(Backend::Sqlite).await else { return };
    app.user("me").await;
    app.user("a").await;
    let served = app.serve().await;
    let site = format!("http://minitwit.test:{}", served.site.port());
    let port = attacker(&site).await.port();
    let session = app.browser_of("me").await.cookies.remove(0);
    let cookie = json!({ "url": site, "name": session.0, "value": session.1, "sameSite": "Lax" });
    driver.devtools("Network.setCookie", cookie).await;
    let is_signed_in = async || {
        driver.open(&format!("{site}/")).await;
        driver.url().await == format!("{site}/")
    };
    assert!(is_signed_in().await);

    for host in ["other.test", "evil.minitwit.test"] {
        driver.open(&format!("http://{host}:{port}/image")).await;
        for (page, path) in [("follow", "/a/follow"), ("logout", "/logout")] {
            driver.open(&format!("http://{host}:{port}/{page}")).await;
            eventually("the question", async || driver.url().await == format!("{site}{path}"))
                .await;
            assert!(driver.text("h2").await.starts_with("Do you want to"));
        }
        for (page, path) in [("link", "/a/follow"), ("quiet", "/logout")] {
            driver.open(&format!("http://{host}:{port}/{page}")).await;
            driver.click("#go").await;
            eventually("the question", async || driver.url().await == format!("{site}{path}"))
                .await;
            assert!(driver.text("h2").await.starts_with("Do you want to"));
        }
        assert!(!follows(&app).await && is_signed_in().await, "{host}");
    }

    // The visitor may want it.
    driver.open(&format!("http://other.test:{port}/link")).await;
    driver.click("#go").await;
    driver.click(".problem form button").await;
    assert_eq!(driver.text(".flashes").await, "You are now following \"a\"");
    assert!(follows(&app).await);
    // On the site itself one click is enough, by its buttons and by links.
    driver.click(".followstatus button").await;
    eventually("unfollowed", async || !follows(&app).await).await;
    driver.eval("location.assign('/a/follow')").await;
    eventually("followed", async || follows(&app).await).await;
    driver.click(".navigation button").await;
    assert_eq!(driver.text(".flashes").await, "You were logged out");
}
