//! The panel while its database is locked, hangs or is gone: operators sign in, look around and leave as always.

use std::sync::Arc;
use std::time::{Duration, Instant};

use admin::Role;
use http::Method;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use minitwit::db::{DatabaseUrl, Fault, Probe};
use minitwit::operators;
use serde_json::json;

use crate::harness::{Answer, Backend, TestApp, eventually, on, request, send};
use crate::panel::{Panel, Somebody};
use crate::postgres;
use crate::raw_sql::{Raw, texts};

/// What somebody waits at most for a sign-in or a refusal, on a machine that does other things besides.
const SOON: Duration = Duration::from_secs(1);
/// Pages that show nothing of the database's own rows.
const PAGES: [&str; 8] = [
    "/admin",
    "/admin/logs",
    "/admin/requests",
    "/admin/errors",
    "/admin/metrics",
    "/admin/alerts",
    "/admin/system",
    "/admin/operators",
];

async fn account(app: &TestApp, name: &str, role: Role) {
    let (db, passwords) = (&app.state.db, &app.state.passwords);
    operators::set_password(db, passwords, name, "correct horse", role, &app.clock).await.unwrap();
    app.state.operators.refresh().await.unwrap();
}

async fn try_sign_in(panel: &Panel, name: &str, password: &str) -> Answer {
    let request = request(Method::POST, "/admin/login")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let form = serde_urlencoded::to_string([("username", name), ("password", password)]).unwrap();
    send(&panel.router, request.body(form.into()).unwrap()).await
}

/// Signs in within a second, or what a machine that is busy needs besides the waits for the database.
async fn sign_in(app: &TestApp, panel: &Panel, name: &str) -> Somebody {
    let began = Instant::now();
    app.state.passwords.verify("compared with nothing", None).await.unwrap();
    let of_machine = began.elapsed();
    let began = Instant::now();
    let answer = try_sign_in(panel, name, "correct horse").await;
    assert!(began.elapsed() < SOON + 2 * of_machine, "{:?} {of_machine:?}", began.elapsed());
    let cookie = answer.is(303).header(SET_COOKIE.as_str()).split(';').next().unwrap().to_owned();
    Somebody { router: panel.router.clone(), cookie }
}

/// Opens every page; the slowest.
async fn look_around(somebody: &Somebody) -> Duration {
    let mut slowest = Duration::ZERO;
    for page in PAGES {
        let began = Instant::now();
        somebody.get(page).await.is(200);
        slowest = slowest.max(began.elapsed());
    }
    slowest
}

#[tokio::test]
async fn operators_sign_in_while_sqlite_is_locked() {
    let check = async |app: TestApp| {
        account(&app, "octavia", Role::Operator).await;
        account(&app, "victor", Role::Viewer).await;
        let panel = Panel::of(&app).await;
        let before = sign_in(&app, &panel, "octavia").await;
        look_around(&before).await;
        let healthy = look_around(&before).await;
        let mut probe = Probe::new(&app.state.db, app.database_url()).unwrap();
        let mut raw = Raw::connect(&app).await;
        raw.execute("BEGIN IMMEDIATE").await.unwrap();

        // Nobody knows of the lock yet.
        let operator = sign_in(&app, &panel, "octavia").await;
        // It does not try a write itself as long as those of the service have just worked.
        eventually("the lock is seen", async || probe.look().await.writes == Some(Fault::Locked))
            .await;
        let viewer = sign_in(&app, &panel, "victor").await;
        let locked = look_around(&before).await.min(look_around(&operator).await);
        assert!(locked < healthy * 3 + Duration::from_millis(50), "{locked:?} {healthy:?}");
        app.clock.advance(Duration::from_mins(2));
        look_around(&before).await;
        let page = operator.get("/admin").await;
        page.has("[data-outage='Database writes']").shows("locked by another writer");
        operator.get("/admin/system").await.has("[data-outage='Database writes']");
        app.ops("/readyz").await.is(503).shows("failing: database is locked by another writer");
        viewer.post("/admin/system/levels", &[("levels", "debug")]).await.is(403);
        viewer.post("/admin/logout", &[]).await.is(303);
        viewer.get("/admin").await.is(401);
        try_sign_in(&panel, "victor", "wrong one").await.is(401);
        try_sign_in(&panel, "nobody", "correct horse").await.is(401);
        operator.post("/admin/operators/octavia/sessions", &[("which", "others")]).await.is(303);
        before.get("/admin").await.is(401);

        raw.execute("ROLLBACK").await.unwrap();
        let found = probe.look().await;
        assert_eq!((found.reads, found.writes), (None, None));
        operator.get("/admin").await.is(200).lacks("[data-outage]");
        app.ops("/readyz").await.is(200);
        // What was done meanwhile is in the database now, for the other replicas.
        app.state.operators.save().await.unwrap();
        let other = app.twin().await;
        let there = Panel::of(&other).await;
        let there = |somebody: &Somebody| Somebody {
            router: there.router.clone(),
            cookie: somebody.cookie.clone(),
        };
        there(&operator).get("/admin").await.is(200);
        there(&before).get("/admin").await.is(401);
        there(&viewer).get("/admin").await.is(401);
        let kept = texts(&app, "SELECT operator FROM operator_sessions").await;
        assert_eq!(kept, ["octavia"]);
    };
    Box::pin(on(Backend::Sqlite, check)).await;
}

#[tokio::test]
async fn waits_of_writers_do_not_add_up_on_sqlite() {
    on(Backend::Sqlite, async |app| {
        app.user("a").await;
        let mut raw = Raw::connect(&app).await;
        raw.execute("BEGIN IMMEDIATE").await.unwrap();
        let api = app.simulator();
        let posts = (0..8).map(async |number| {
            let began = Instant::now();
            let path = format!("/msgs/a?latest={number}");
            api.post(&path, json!({"content": "x"})).await.is(503).shows("not available");
            began.elapsed()
        });
        let waits = futures_util::future::join_all(posts).await;
        let slowest = waits.into_iter().max().unwrap();
        assert!(slowest < Duration::from_millis(1_400), "{slowest:?}");
        raw.execute("ROLLBACK").await.unwrap();
        eventually("it writes again", async || {
            api.post("/msgs/a", json!({"content": "x"})).await.status == 204
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_server_that_hangs_or_is_gone_keeps_no_operator_out() {
    let Some(cluster) = postgres::Cluster::start() else { return };
    let cluster = Arc::new(cluster);
    let url = DatabaseUrl::Postgres(cluster.url("postgres"));
    let app = TestApp::start_on(url.clone(), &[]).await;
    app.user("a").await;
    account(&app, "octavia", Role::Operator).await;
    let panel = Panel::of(&app).await;
    let before = sign_in(&app, &panel, "octavia").await;
    look_around(&before).await;
    let healthy = look_around(&before).await;
    let mut probe = Probe::new(&app.state.db, &url).unwrap();
    assert_eq!(probe.look().await.reads, None);

    let frozen = cluster.freeze();
    // Connections are open, and nobody knows yet that they lead nowhere.
    let began = Instant::now();
    let api = app.simulator();
    let (read, written, public) = tokio::join!(
        api.get("/msgs"),
        api.post("/msgs/a?latest=1", json!({"content": "x"})),
        async { app.browser().get("/public").await },
    );
    for answer in [read, written, public] {
        assert_eq!(answer.is(503).header("retry-after"), "1");
    }
    assert!(began.elapsed() < Duration::from_millis(1_400), "{:?}", began.elapsed());
    sign_in(&app, &panel, "octavia").await;
    assert_eq!(probe.look().await.reads, Some(Fault::Timeout));
    let operator = sign_in(&app, &panel, "octavia").await;
    let slowest = look_around(&operator).await;
    assert!(slowest < healthy * 3 + Duration::from_millis(100), "{slowest:?} {healthy:?}");
    operator.get("/admin").await.has("[data-outage=Database]").shows("no response within 1 s");
    let began = Instant::now();
    api.get("/msgs").await.is(503);
    assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
    drop(frozen);
    eventually("it is back", async || {
        probe.look().await.reads.is_none() && api.get("/msgs").await.status == 200
    })
    .await;

    let stopping = Arc::clone(&cluster);
    tokio::task::spawn_blocking(move || stopping.stop()).await.unwrap();
    assert!(matches!(
        probe.look().await.reads,
        Some(Fault::Refused | Fault::Lost | Fault::Restarting)
    ));
    assert_eq!(probe.look().await.writes, Some(Fault::Refused));
    let operator = sign_in(&app, &panel, "octavia").await;
    look_around(&operator).await;
    let answer = app.ops("/readyz").await;
    answer.is(503).shows("\"database\":\"unreachable\"").shows("connection refused");
    let starting = Arc::clone(&cluster);
    tokio::task::spawn_blocking(move || starting.start_again()).await.unwrap();
    eventually("it is back", async || {
        probe.look().await.reads.is_none() && api.get("/msgs").await.status == 200
    })
    .await;
    app.state.operators.save().await.unwrap();
    app.state.operators.refresh().await.unwrap();
    operator.get("/admin").await.is(200);
}

#[tokio::test]
async fn a_server_without_space_or_for_reading_alone_is_told_as_such() {
    let Some(cluster) = postgres::Cluster::start() else { return };
    let url = DatabaseUrl::Postgres(cluster.url("postgres"));
    let app = TestApp::start_on(url.clone(), &[]).await;
    let mut raw = Raw::connect(&app).await;
    raw.execute("ALTER DATABASE postgres SET default_transaction_read_only = on").await.unwrap();
    let mut probe = Probe::new(&app.state.db, &url).unwrap();
    // While the service itself writes, the probe does not.
    eventually("the probe writes", async || {
        let found = probe.look().await;
        assert_eq!(found.reads, None);
        found.writes == Some(Fault::ReadOnly)
    })
    .await;
}
