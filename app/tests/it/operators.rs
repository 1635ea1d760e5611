//! Accounts and sessions of operators through the pages of the panel, on both databases.

use std::time::Duration;

use admin::Role;
use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE, USER_AGENT};
use http::{Method, StatusCode};
use minitwit::operators;

use crate::harness::{Answer, TestApp, on_both_databases, request, send};
use crate::panel::{Panel, Somebody, audited};

const PAGE: &str = "/admin/operators";
/// What operators alone are offered: a form for accounts, and buttons for roles.
const ADD: &str = "[data-section=add]";
const SET_ROLE: &str = "button[value=role]";

/// What the log-in answers.
async fn try_log_in(panel: &Panel, name: &str, password: &str, browser: &str) -> Answer {
    let form = [("username", name), ("password", password)];
    let request = request(Method::POST, "/admin/login")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(USER_AGENT, browser);
    let body = serde_urlencoded::to_string(form).unwrap();
    send(&panel.router, request.body(body.into()).unwrap()).await
}

async fn log_in(panel: &Panel, name: &str, password: &str, browser: &str) -> Somebody {
    let answer = try_log_in(panel, name, password, browser).await;
    let cookie = answer.is(303).header(SET_COOKIE.as_str()).split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("admin_sid="), "{cookie} is to go into {COOKIE}");
    Somebody { router: panel.router.clone(), cookie }
}

/// An account with a password.
async fn account(app: &TestApp, name: &str, password: &str, role: Role) {
    let (db, passwords) = (&app.state.db, &app.state.passwords);
    operators::set_password(db, passwords, name, password, role, &app.state.clock).await.unwrap();
}

/// The ids of the sessions on a page.
fn sessions(answer: &Answer) -> Vec<String> {
    answer.page().values("[data-session]", "data-session")
}

async fn operators_see_everybody_and_viewers_themselves(app: TestApp) {
    let panel = Panel::of(&app).await;
    account(&app, "octavia", "correct horse", Role::Operator).await;
    account(&app, "victor", "battery staple", Role::Viewer).await;
    let operator = log_in(&panel, "octavia", "correct horse", "Firefox <script>").await;
    let viewer = log_in(&panel, "victor", "battery staple", "Chromium").await;
    let page = operator.get(PAGE).await;
    page.is(200)
        .has("[data-account=octavia][data-own]")
        .has("[data-account=victor]:not([data-own])");
    page.shows("Firefox &lt;script&gt;").shows("127.0.0.1").has("[data-session][data-current]");
    page.has(ADD).has(SET_ROLE).hides("Firefox <");
    let own = viewer.get(PAGE).await;
    own.is(200).shows("Chromium").hides("octavia").lacks(ADD).lacks(SET_ROLE);

    for (path, form) in [
        (PAGE, ("set", "role")),
        ("/admin/operators/octavia", ("set", "disabled")),
        ("/admin/operators/victor", ("set", "role")),
        ("/admin/operators/octavia/sessions", ("which", "all")),
        ("/admin/operators/octavia/password", ("old", "x")),
    ] {
        viewer.post(path, &[form, ("role", "operator")]).await.is(403);
    }
    operator.post("/admin/operators/victor/password", &[("old", "x")]).await.is(403);
    operator.get(PAGE).await.is(200);
}

async fn a_session_is_ended_by_who_has_it_and_by_operators(app: TestApp) {
    let panel = Panel::of(&app).await;
    account(&app, "octavia", "correct horse", Role::Operator).await;
    account(&app, "victor", "battery staple", Role::Viewer).await;
    let operator = log_in(&panel, "octavia", "correct horse", "a").await;
    let [first, second, third] = [
        log_in(&panel, "victor", "battery staple", "first").await,
        log_in(&panel, "victor", "battery staple", "second").await,
        log_in(&panel, "victor", "battery staple", "third").await,
    ];
    let path = "/admin/operators/victor/sessions";
    let ids = sessions(&first.get(PAGE).await);
    assert_eq!(ids.len(), 3);
    first.post(path, &[("which", "others")]).await.is(303);
    first.get(PAGE).await.is(200).shows("first").hides("second");
    second.get(PAGE).await.is(401);
    third.get("/admin/logs").await.is(401);

    let ids = sessions(&first.get(PAGE).await);
    assert_eq!(ids.len(), 1);
    // An id names a session of its own account alone.
    let elsewhere = "/admin/operators/octavia/sessions";
    operator.post(elsewhere, &[("which", &ids[0])]).await.is(303);
    first.get(PAGE).await.is(200);
    operator.post(path, &[("which", &ids[0])]).await.is(303);
    first.get(PAGE).await.is(401);
    operator.post(path, &[]).await.is(400);
    log_in(&panel, "victor", "battery staple", "again").await;
    operator.post(path, &[("which", "all")]).await.is(303);
    operator.get(PAGE).await.has("[data-account=victor] [data-empty=sessions]");
    assert_eq!(audited(&app, "operator.sessions_end"), ["victor", "octavia", "octavia", "octavia"]);
}

/// The form that changes a password.
fn new_password<'a>(old: &'a str, new: &'a str, again: &'a str) -> [(&'static str, &'a str); 3] {
    [("old", old), ("new", new), ("again", again)]
}

async fn a_password_is_changed_with_the_old_one_and_ends_the_other_sessions(app: TestApp) {
    let panel = Panel::of(&app).await;
    account(&app, "victor", "battery staple", Role::Viewer).await;
    let here = log_in(&panel, "victor", "battery staple", "here").await;
    let there = log_in(&panel, "victor", "battery staple", "there").await;
    let path = "/admin/operators/victor/password";
    let change = async |old: &str, new: &str, again: &str| {
        here.post(path, &new_password(old, new, again)).await.status.as_u16()
    };
    assert_eq!(change("battery staple", "short", "short").await, 400);
    assert_eq!(change("battery staple", "correct horse", "correct hose").await, 400);
    assert_eq!(change("wrong", "correct horse", "correct horse").await, 400);
    there.get(PAGE).await.is(200);
    let changed =
        here.post(path, &new_password("battery staple", "correct horse", "correct horse")).await;
    let cookie = changed.is(303).header("set-cookie").to_owned();
    assert!(cookie.contains("HttpOnly; SameSite=Lax; Path=/"), "{cookie}");
    there.get(PAGE).await.is(401);
    // Who has the token from before the change has nothing.
    here.get(PAGE).await.is(401);
    let token = cookie.split(';').next().unwrap();
    assert_ne!(token, here.cookie);
    let here = Somebody { router: panel.router.clone(), cookie: token.to_owned() };
    here.get(PAGE).await.has("[data-session][data-current]");
    let change = async |old: &str, new: &str, again: &str| {
        here.post(path, &new_password(old, new, again)).await.status.as_u16()
    };
    try_log_in(&panel, "victor", "battery staple", "x").await.is(401);
    log_in(&panel, "victor", "correct horse", "x").await;

    // Guessing the old one is as slow as guessing at the log-in, and counted with it.
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(change("guess", "correct horse", "correct horse").await);
    }
    assert!(answers.starts_with(&[400, 400, 400, 400]), "{answers:?}");
    assert_eq!(answers.last(), Some(&429));
    try_log_in(&panel, "victor", "correct horse", "x").await.is(429);
    app.clock.advance(Duration::from_mins(2));
    assert_eq!(change("correct horse", "battery staple", "battery staple").await, 303);
    assert_eq!(audited(&app, "operator.password"), ["victor", "victor"]);
}

async fn accounts_are_made_changed_and_disabled_but_never_the_last_operator(app: TestApp) {
    let panel = Panel::of(&app).await;
    account(&app, "octavia", "correct horse", Role::Operator).await;
    let operator = log_in(&panel, "octavia", "correct horse", "a").await;
    let add = async |name: &str, role: &str, password: &str| {
        let form = [("name", name), ("role", role), ("password", password)];
        operator.post(PAGE, &form).await.status.as_u16()
    };
    assert_eq!(add("victor", "viewer", "short").await, 400);
    assert_eq!(add("two words", "viewer", "battery staple").await, 400);
    assert_eq!(add("victor", "root", "battery staple").await, 400);
    assert_eq!(add("victor", "viewer", "battery staple").await, 303);
    assert_eq!(add("victor", "viewer", "battery staple").await, 409);
    let viewer = log_in(&panel, "victor", "battery staple", "b").await;
    let set = async |name: &str, form: &[(&str, &str)]| {
        operator.post(&format!("/admin/operators/{name}"), form).await.status.as_u16()
    };

    for form in [&[("set", "disabled")][..], &[("set", "role"), ("role", "viewer")]] {
        assert_eq!(set("octavia", form).await, 409);
    }
    operator.get(PAGE).await.is(200).has(ADD);
    assert_eq!(set("nobody", &[("set", "disabled")]).await, 404);
    assert_eq!(set("victor", &[("set", "disabled")]).await, 303);
    viewer.get(PAGE).await.is(401);
    try_log_in(&panel, "victor", "battery staple", "b").await.is(401);
    operator.get(PAGE).await.has("[data-account=victor] [data-status=disabled]");
    // One who cannot log in is none.
    assert_eq!(set("victor", &[("set", "role"), ("role", "operator")]).await, 303);
    assert_eq!(set("octavia", &[("set", "disabled")]).await, 409);
    assert_eq!(set("victor", &[("set", "enabled")]).await, 303);
    let other = log_in(&panel, "victor", "battery staple", "b").await;
    other.get(PAGE).await.has(ADD);

    // Two that take the role from each other at once: one stays.
    let take = [("set", "role"), ("role", "viewer")];
    let (one, two) = tokio::join!(
        operator.post("/admin/operators/victor", &take),
        other.post("/admin/operators/octavia", &take),
    );
    let done = [one.status, two.status].map(|status| status == StatusCode::SEE_OTHER);
    assert_eq!(done.iter().filter(|done| **done).count(), 1, "{} {}", one.status, two.status);
    let left = app.state.db.operators().await.unwrap();
    assert_eq!(left.iter().filter(|account| account.role == Role::Operator).count(), 1);
    assert_eq!(audited(&app, "operator.add"), ["octavia"]);
    assert_eq!(audited(&app, "operator.disable"), ["octavia"]);
    assert_eq!(audited(&app, "operator.enable"), ["octavia"]);
}

on_both_databases!(
    operators_see_everybody_and_viewers_themselves,
    a_session_is_ended_by_who_has_it_and_by_operators,
    a_password_is_changed_with_the_old_one_and_ends_the_other_sessions,
    accounts_are_made_changed_and_disabled_but_never_the_last_operator,
);
