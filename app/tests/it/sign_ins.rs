//! Guessing passwords: strangers are slowed down, and never lock out who signed in before. And what is kept of
//! what they typed.

use std::cell::Cell;
use std::time::Duration;

use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{HeaderValue, Method};
use minitwit::db::Fault;
use serde_json::json;

use crate::harness::{Answer, Backend, Browser, TestApp, on, on_both_databases, request, send};
use crate::panel::Panel;
use crate::raw_sql::texts;

on_both_databases!(
    a_person_without_cookies_is_known_by_where_they_come_from,
    an_attempt_that_nobody_looked_at_counts_for_nothing,
    a_name_that_is_no_account_is_kept_nowhere,
    a_known_browser_may_not_guess_for_ever,
);

#[tokio::test]
async fn strangers_lock_nobody_out_of_one_process() {
    Box::pin(on(Backend::Sqlite, strangers_never_lock_a_user_out)).await;
    on(Backend::Sqlite, strangers_never_lock_an_operator_out).await;
}

/// Of several processes on SQLite none knows what the others count: there is one.
#[tokio::test]
async fn strangers_lock_nobody_out_of_replicas() {
    Box::pin(on(Backend::Postgres, two_replicas_tell_strangers_from_known_browsers)).await;
}

#[tokio::test]
async fn who_registers_takes_no_place_of_who_signs_in() {
    on(Backend::Sqlite, a_flood_of_registrations_refuses_no_sign_in).await;
}

const TRUSTED: [&str; 2] = ["--trusted-proxies", "127.0.0.0/8"];

/// Somebody at an address, through a proxy that says so.
fn at(app: &TestApp, address: &'static str) -> Browser {
    let mut browser = app.browser();
    browser.headers.insert("x-forwarded-for", HeaderValue::from_static(address));
    browser
}

async fn register(app: &TestApp, name: &str) {
    let form = json!({ "username": name, "email": "a@b.c", "pwd": "right" });
    app.simulator().post("/register", form).await.is(204);
}

async fn sign_in(browser: &mut Browser, name: &str, password: &str) -> u16 {
    let form = [("username", name), ("password", password)];
    browser.post("/login", &form).await.status.as_u16()
}

/// Signs out, and keeps what a browser keeps.
async fn sign_out(browser: &mut Browser) {
    browser.post("/logout", &[]).await.is(302);
}

/// Attacks for five hundred seconds, one guess each half second from addresses of its own; the owner signs in
/// every five seconds. How often that worked.
async fn owner_under_attack(
    app: &TestApp,
    most: u32,
    mut guess: impl AsyncFnMut(usize) -> u16,
    mut owner: impl AsyncFnMut() -> bool,
) -> usize {
    let (mut worked, mut looked_at) = (0, 0);
    for step in 0..1_000 {
        app.clock.advance(Duration::from_millis(500));
        if guess(step).await != 429 {
            looked_at += 1;
        }
        if step % 10 == 9 && owner().await {
            worked += 1;
        }
    }
    assert!(looked_at <= most, "{looked_at} guesses were looked at in 500 s");
    worked
}

async fn strangers_never_lock_a_user_out(app: TestApp) {
    let app = app.with(&TRUSTED).await;
    register(&app, "victim").await;
    let mut owner = at(&app, "127.0.0.5");
    assert_eq!(sign_in(&mut owner, "victim", "right").await, 302);
    let guess = async |step: usize| {
        let address = if step.is_multiple_of(2) { "127.0.0.66" } else { "198.51.100.9" };
        sign_in(&mut at(&app, address), "victim", "x").await
    };
    let mut elsewhere = owner.clone();
    elsewhere.headers.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.7"));
    let worked = owner_under_attack(&app, 100, guess, async || {
        sign_out(&mut elsewhere).await;
        sign_in(&mut elsewhere, "victim", "right").await == 302
    });
    assert_eq!(worked.await, 100, "of 100");
    // Somebody whom nobody knows has to wait with the others.
    assert_eq!(sign_in(&mut at(&app, "192.0.2.99"), "victim", "right").await, 429);
}

/// An attempt of an operator; the cookies that the browser keeps.
async fn operator(
    panel: &Panel,
    address: &str,
    cookies: &str,
    form: [(&str, &str); 2],
) -> (Answer, String) {
    let request = request(Method::POST, "/admin/login")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("x-forwarded-for", address)
        .header(COOKIE, cookies);
    let body = serde_urlencoded::to_string(form).unwrap();
    let answer = send(&panel.router, request.body(body.into()).unwrap()).await;
    let set = answer.headers.get_all(SET_COOKIE).iter();
    let kept = set.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned());
    let kept = kept.collect::<Vec<_>>().join("; ");
    (answer, kept)
}

async fn account(app: &TestApp, name: &str, password: &str) {
    let (db, passwords) = (&app.state.db, &app.state.passwords);
    let role = admin::Role::Operator;
    minitwit::operators::set_password(db, passwords, name, password, role, &app.clock)
        .await
        .unwrap();
    app.state.operators.refresh().await.unwrap();
}

async fn strangers_never_lock_an_operator_out(app: TestApp) {
    let app = app.with(&TRUSTED).await;
    account(&app, "octavia", "correct horse").await;
    let panel = Panel::of(&app).await;
    let right = [("username", "octavia"), ("password", "correct horse")];
    let (answer, cookies) = operator(&panel, "127.0.0.5", "", right).await;
    answer.is(303);
    let devices = answer.headers.get_all(SET_COOKIE).iter();
    let mut devices = devices.map(|cookie| cookie.to_str().unwrap());
    let device = devices.find(|cookie| cookie.contains("devices=")).unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=7776000"] {
        assert!(device.contains(attribute), "{device}");
    }
    let guess = async |_| {
        let wrong = [("username", "octavia"), ("password", "x")];
        operator(&panel, "127.0.0.66", "", wrong).await.0.status.as_u16()
    };
    let worked = owner_under_attack(&app, 50, guess, async || {
        operator(&panel, "127.0.0.66", &cookies, right).await.0.status == 303
    });
    assert_eq!(worked.await, 100, "of 100, from the very address of the attacker");
}

async fn a_person_without_cookies_is_known_by_where_they_come_from(app: TestApp) {
    let app = app.with(&TRUSTED).await;
    register(&app, "victim").await;
    assert_eq!(sign_in(&mut at(&app, "198.51.100.7"), "victim", "right").await, 302);
    app.state.throttle.exchange().await.unwrap();
    for _ in 0..5 {
        assert_eq!(sign_in(&mut at(&app, "203.0.113.1"), "victim", "x").await, 200);
    }
    // The same house, the same provider, the same attacker.
    assert_eq!(sign_in(&mut at(&app, "198.51.100.7"), "victim", "right").await, 302);
    assert_eq!(sign_in(&mut at(&app, "198.51.100.80"), "victim", "right").await, 302);
    assert_eq!(sign_in(&mut at(&app, "203.0.113.1"), "victim", "right").await, 429);
    // A neighbor who guesses uses up the budget of the neighborhood, not that of the house.
    for _ in 0..5 {
        assert_eq!(sign_in(&mut at(&app, "198.51.100.99"), "victim", "x").await, 200);
    }
    assert_eq!(sign_in(&mut at(&app, "198.51.100.98"), "victim", "right").await, 429);
    assert_eq!(sign_in(&mut at(&app, "198.51.100.7"), "victim", "right").await, 302);
    // A process that starts later knows the place, too.
    let later = app.twin().await.with(&TRUSTED).await;
    for _ in 0..5 {
        sign_in(&mut at(&later, "192.0.2.1"), "victim", "x").await;
    }
    assert_eq!(sign_in(&mut at(&later, "198.51.100.7"), "victim", "right").await, 302);
    assert_eq!(sign_in(&mut at(&later, "192.0.2.2"), "victim", "right").await, 429);
}

async fn two_replicas_tell_strangers_from_known_browsers(app: TestApp) {
    let app = app.with(&TRUSTED).await;
    register(&app, "victim").await;
    let other = app.twin().await.with(&TRUSTED).await;
    let replicas = [&app, &other];
    let mut owner = at(&app, "127.0.0.5");
    assert_eq!(sign_in(&mut owner, "victim", "right").await, 302);
    let exchange = async || {
        for replica in [&app, &other, &app] {
            replica.state.throttle.exchange().await.unwrap();
        }
    };
    let guess = async |step: usize| {
        let status = sign_in(&mut at(replicas[step % 2], "127.0.0.66"), "victim", "x").await;
        if step % 2 == 1 {
            exchange().await;
        }
        status
    };
    let mut turn = 0;
    let worked = owner_under_attack(&app, 80, guess, async || {
        turn += 1;
        owner.router = replicas[turn % 2].site.clone();
        sign_out(&mut owner).await;
        sign_in(&mut owner, "victim", "right").await == 302
    });
    assert_eq!(worked.await, 100, "of 100");
}

async fn a_name_that_is_no_account_is_kept_nowhere(app: TestApp) {
    const SECRET: &str = "MyPassw0rd-in-the-name-field";
    account(&app, "octavia", "correct horse").await;
    let panel = Panel::of(&app).await;
    let form = [("username", SECRET), ("password", "x")];
    for _ in 0..7 {
        let (answer, _) = operator(&panel, "127.0.0.1", "", form).await;
        assert!(matches!(answer.status.as_u16(), 401 | 429), "{}", answer.status);
        app.browser().post("/login", &form).await;
    }
    let known = [("username", "octavia"), ("password", "x")];
    operator(&panel, "127.0.0.1", "", known).await;
    app.simulator().post("/register", json!({ "username": SECRET })).await.is(400);
    let authorization = format!("Basic {SECRET}");
    app.simulator()
        .send(Method::GET, "/msgs", Some(authorization.as_str()), axum::body::Body::empty())
        .await
        .is(403);
    app.state.throttle.exchange().await.unwrap();
    app.state.operators.save().await.unwrap();
    let records = format!("{:?}", app.records().all());
    assert!(records.contains("octavia") && !records.contains(SECRET), "{records}");
    for (column, table) in
        [("subject", "login_failures"), ("name", "operators"), ("username", "users")]
    {
        let kept = texts(&app, &format!("SELECT {column} FROM {table}")).await;
        assert!(!kept.iter().any(|text| text.contains(SECRET)), "{table}: {kept:?}");
    }
}

/// Thirty-two clients register as fast as they are answered, without credentials; meanwhile others sign in.
async fn a_flood_of_registrations_refuses_no_sign_in(app: TestApp) {
    register(&app, "victim").await;
    account(&app, "octavia", "correct horse").await;
    let panel = Panel::of(&app).await;
    let (stop, made) = (Cell::new(false), Cell::new(0_u32));
    let flood = (0..32).map(async |client| {
        let mut number = 0;
        while !stop.get() {
            number += 1;
            let name = format!("flood {client} {number}");
            let form = json!({ "username": name, "email": "a@b.c", "pwd": "x" });
            if app.simulator().post("/register", form).await.status == 204 {
                made.set(made.get() + 1);
            }
            // Who is refused at once asks again at once, which is no use on one thread.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    let others = async {
        let mut refused = Vec::new();
        for _ in 0..50 {
            let status = sign_in(&mut app.browser(), "victim", "right").await;
            let right = [("username", "octavia"), ("password", "correct horse")];
            let (answer, _) = operator(&panel, "127.0.0.1", "", right).await;
            if status != 302 || answer.status != 303 {
                refused.push((status, answer.status));
            }
        }
        stop.set(true);
        refused
    };
    let (refused, _) = tokio::join!(others, futures_util::future::join_all(flood));
    assert!(refused.is_empty(), "{refused:?} of 50 each, while {} accounts came", made.get());
    assert!(made.get() > 50, "{} accounts", made.get());
}

async fn an_attempt_that_nobody_looked_at_counts_for_nothing(app: TestApp) {
    register(&app, "victim").await;
    app.state.db.health().set(Some(Fault::Refused), None);
    for _ in 0..30 {
        assert_eq!(sign_in(&mut app.browser(), "victim", "right").await, 503);
    }
    app.state.db.health().set(None, None);
    assert_eq!(sign_in(&mut app.browser(), "victim", "right").await, 302);
}

async fn a_known_browser_may_not_guess_for_ever(app: TestApp) {
    register(&app, "victim").await;
    let mut owner = app.browser();
    assert_eq!(sign_in(&mut owner, "victim", "right").await, 302);
    sign_out(&mut owner).await;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(sign_in(&mut owner, "victim", "guess").await);
    }
    assert_eq!(statuses, [[200; 10].as_slice(), &[429; 2]].concat());
    // The cookie opens nothing, and is good for its own account alone.
    owner.get("/").await.goes_to("/public");
    register(&app, "other").await;
    let mut strangers = Vec::new();
    for _ in 0..6 {
        strangers.push(sign_in(&mut owner, "other", "guess").await);
    }
    assert_eq!(strangers, [200, 200, 200, 200, 200, 429]);
    app.clock.advance(Duration::from_secs(61));
    assert_eq!(sign_in(&mut owner, "victim", "right").await, 302);
}
