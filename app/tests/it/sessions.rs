//! Logging in and out: sessions, their cookies and ends, and what slows the guessing of passwords.

use std::time::Duration;

use http::{HeaderValue, Method, StatusCode};
use minitwit::auth::SessionToken;
use tracing::Level;

use crate::harness::{Answer, Backend, Browser, TestApp, on, on_both_databases, request, send};

on_both_databases!(
    logging_in_makes_a_new_session,
    logging_out_ends_the_session_for_good,
    logging_out_everywhere_ends_the_sessions_of_this_user_alone,
    a_session_ends_when_it_is_not_used,
    a_session_ends_after_a_week_even_when_used,
    sessions_are_stored_hashed,
    guessing_a_password_is_slowed_for_the_account,
    guessing_passwords_is_slowed_for_the_address,
    guesses_at_once_are_no_more_than_one_after_the_other,
    more_log_ins_than_the_queue_takes_are_sent_away_at_once,
    log_ins_that_succeed_do_not_count_for_the_address,
);

async fn sign_in(app: &TestApp, browser: &mut Browser, name: &str, password: &str) -> Answer {
    if !app.state.db.user_exists(name).await.unwrap() {
        let email = "a@b.c";
        let form =
            [("username", name), ("email", email), ("password", "right"), ("password2", "right")];
        app.browser().post("/register", &form).await.goes_to("/login");
    }
    browser.post("/login", &[("username", name), ("password", password)]).await
}

async fn logging_in_makes_a_new_session(app: TestApp) {
    let mut browser = app.browser();
    let planted = SessionToken::generate().unwrap().to_cookie();
    browser.cookies.push(("sid".to_owned(), planted.clone()));
    let answer = sign_in(&app, &mut browser, "a", "right").await;
    answer.goes_to("/");
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    let session = cookies.iter().find(|cookie| cookie.as_bytes().starts_with(b"sid=")).unwrap();
    let session = session.to_str().unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="] {
        assert!(session.contains(attribute), "{session}");
    }
    let first = browser.cookie("sid").unwrap().to_owned();
    assert_ne!(first, planted);
    browser.get("/").await.is(200);
    browser.cookies = vec![("sid".to_owned(), planted)];
    browser.get("/").await.goes_to("/public");
    // Each log-in has a session of its own.
    let mut other = app.browser();
    sign_in(&app, &mut other, "a", "right").await.goes_to("/");
    assert_ne!(other.cookie("sid").unwrap(), first);
}

async fn logging_out_ends_the_session_for_good(app: TestApp) {
    app.user("a").await;
    for method in [Method::GET, Method::POST] {
        let mut browser = app.browser_of("a").await;
        let kept = browser.clone();
        let answer = browser.send(request(method, "/logout"), "".into()).await;
        answer.goes_to("/public");
        assert_eq!(answer.header("clear-site-data"), "\"cache\", \"storage\"");
        assert_eq!(browser.cookie("sid"), None, "the browser forgets it");
        browser.get("/").await.goes_to("/public");
        kept.clone().get("/").await.goes_to("/public");
    }
}

async fn logging_out_everywhere_ends_the_sessions_of_this_user_alone(app: TestApp) {
    app.user("a").await;
    app.user("b").await;
    let (mut here, mut there) = (app.browser_of("a").await, app.browser_of("a").await);
    let mut other = app.browser_of("b").await;
    here.get("/a").await.shows("action=\"/-/logout-everywhere\"");
    other.get("/a").await.hides("logout-everywhere");
    let answer = here.post("/-/logout-everywhere", &[]).await;
    answer.goes_to("/public");
    assert_eq!(answer.header("clear-site-data"), "\"cache\", \"storage\"");
    assert_eq!(here.cookie("sid"), None, "the browser forgets it");
    here.get("/public").await.shows("You were signed out on all devices");
    there.get("/").await.goes_to("/public");
    other.get("/").await.is(200);
}

async fn a_session_ends_when_it_is_not_used(app: TestApp) {
    app.user("a").await;
    let mut browser = app.browser_of("a").await;
    app.clock.advance(Duration::from_hours(11));
    browser.get("/").await.is(200);
    app.clock.advance(Duration::from_hours(11));
    browser.get("/").await.is(200);
    app.clock.advance(Duration::from_secs(12 * 3600 + 1));
    browser.get("/").await.goes_to("/public");
    browser.post("/add_message", &[("text", "x")]).await.is(401);
}

async fn a_session_ends_after_a_week_even_when_used(app: TestApp) {
    app.user("a").await;
    let mut browser = app.browser_of("a").await;
    for _ in 0..14 {
        browser.get("/").await.is(200);
        app.clock.advance(Duration::from_secs(12 * 3600 - 10));
    }
    browser.get("/").await.is(200);
    app.clock.advance(Duration::from_mins(5));
    browser.get("/").await.goes_to("/public");
    app.clock.advance(Duration::from_hours(12));
    let idle = minitwit::clock::micros(Duration::from_hours(12));
    assert_eq!(
        app.state.db.delete_idle_sessions(app.clock.now() - idle, i64::MAX).await.unwrap(),
        1
    );
}

async fn sessions_are_stored_hashed(app: TestApp) {
    let mut browser = app.browser();
    sign_in(&app, &mut browser, "a", "right").await.goes_to("/");
    let token = SessionToken::parse(browser.cookie("sid").unwrap()).unwrap();
    let stored = crate::raw_sql::bytes(&app, "SELECT token_hash FROM sessions").await;
    assert_eq!(stored, [token.hash().to_vec()]);
    let hashes = crate::raw_sql::texts(&app, "SELECT pw_hash FROM users").await;
    assert!(hashes[0].starts_with("$argon2id$v=19$m=7168,t=5,p=1$"), "{hashes:?}");
}

async fn guessing_a_password_is_slowed_for_the_account(app: TestApp) {
    let mut browser = app.browser();
    for _ in 0..5 {
        sign_in(&app, &mut browser, "a", "wrong").await.is(200).shows("Invalid password");
    }
    let answer = sign_in(&app, &mut browser, "a", "right").await;
    answer.is(429).hides("right");
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    sign_in(&app, &mut app.browser(), "b", "right").await.goes_to("/");
    app.clock.advance(Duration::from_secs(61));
    for _ in 0..4 {
        sign_in(&app, &mut browser, "a", "wrong").await.is(200);
    }
    // A success clears the account.
    sign_in(&app, &mut app.browser(), "a", "right").await.goes_to("/");
    sign_in(&app, &mut browser, "a", "wrong").await.is(200);
    for (outcome, times) in [("throttled", 1.0), ("bad_password", 10.0), ("success", 2.0)] {
        let counted = app.metric("minitwit_logins_total", &[("outcome", outcome)]);
        assert!((counted - times).abs() < 0.1, "{outcome}: {counted}");
    }
}

async fn guesses_at_once_are_no_more_than_one_after_the_other(app: TestApp) {
    sign_in(&app, &mut app.browser(), "a", "right").await.goes_to("/");
    // As many as the queue of the hashes takes on one core: none is refused for want of a place.
    let guesses = (0..9).map(async |n| {
        let form = [("username", "a".to_owned()), ("password", format!("guess {n}"))];
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        app.browser().post("/login", &form).await.status.as_u16()
    });
    let mut statuses = futures_util::future::join_all(guesses).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429, 429, 429]);
}

async fn more_log_ins_than_the_queue_takes_are_sent_away_at_once(app: TestApp) {
    let guesses = (0..200).map(async |n| {
        let form = [("username", format!("nobody {n}")), ("password", "wrong".to_owned())];
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        app.browser().post("/login", &form).await
    });
    let answers = futures_util::future::join_all(guesses).await;
    let (busy, others): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == StatusCode::SERVICE_UNAVAILABLE);
    for answer in &busy {
        assert_eq!(answer.shows("Service unavailable").header("retry-after"), "1");
    }
    let answered = others.iter().filter(|answer| answer.status == StatusCode::OK).count();
    let slowed =
        others.iter().filter(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS).count();
    assert_eq!((answered, answered + slowed + busy.len()), (answered.min(20), 200));
    assert!(!busy.is_empty());
    let counted = app.metric("minitwit_http_rejected_total", &[("reason", "overloaded")]);
    assert!((counted - f64::from(u32::try_from(busy.len()).unwrap())).abs() < 0.1, "{counted}");
    let records = app.records().all();
    let error = records.iter().find(|record| record.level == Level::ERROR);
    assert!(error.is_none(), "being busy is no failure: {error:?}");
}

async fn log_ins_that_succeed_do_not_count_for_the_address(app: TestApp) {
    let mut browser = app.browser();
    sign_in(&app, &mut browser, "a", "right").await.goes_to("/");
    let form = [("username", "a"), ("password", "right")];
    for _ in 0..21 {
        app.browser().post("/login", &form).await.goes_to("/");
    }
}

async fn guessing_passwords_is_slowed_for_the_address(app: TestApp) {
    for n in 0..20 {
        let name = format!("nobody {n}");
        let form = [("username", name.as_str()), ("password", "x")];
        app.browser().post("/login", &form).await.is(200).shows("Invalid username");
    }
    let form = [("username", "somebody"), ("password", "x")];
    app.browser().post("/login", &form).await.is(429);
    app.clock.advance(Duration::from_secs(61));
    app.browser().post("/login", &form).await.is(200);
}

#[tokio::test]
async fn behind_a_tls_proxy_cookies_are_bound_to_the_host() {
    let app = TestApp::start_with(Backend::Sqlite, &["--trusted-proxies", "127.0.0.0/8"]).await;
    let app = app.unwrap();
    let mut browser = app.browser();
    browser.headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
    let answer = sign_in(&app, &mut browser, "a", "right").await;
    answer.goes_to("/");
    assert_eq!(answer.header("strict-transport-security"), "max-age=63072000; includeSubDomains");
    for cookie in answer.headers.get_all("set-cookie") {
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.starts_with("__Host-") && cookie.contains("Secure"), "{cookie}");
    }
    browser.get("/").await.is(200).shows("You were logged in");
    // Over plain HTTP the same token under the other name is no session.
    let token = browser.cookie("__Host-sid").unwrap().to_owned();
    let mut plain = app.browser();
    plain.cookies.push(("__Host-sid".to_owned(), token));
    plain.get("/").await.goes_to("/public");
}

#[tokio::test]
async fn unknown_users_take_as_long_as_wrong_passwords() {
    on(Backend::Sqlite, async |app| {
        let passwords = &app.state.passwords;
        let hash = passwords.hash("right").await.unwrap();
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for _ in 0..25 {
            for (times, stored) in [(&mut known, Some(hash.as_str())), (&mut unknown, None)] {
                let started = std::time::Instant::now();
                passwords.verify("wrong", stored).await.unwrap();
                times.push(started.elapsed());
            }
        }
        known.sort_unstable();
        unknown.sort_unstable();
        // The least disturbed run of each; without the stand-in hash one would take no time at all.
        assert!(unknown[0] * 2 > known[0] && known[0] * 2 > unknown[0], "{known:?} {unknown:?}");
        let _warm = send(&app.site, request(Method::GET, "/login").body("".into()).unwrap()).await;
    })
    .await;
}
