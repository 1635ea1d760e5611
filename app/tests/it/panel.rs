//! The panel over the real database: who may do what, and what several processes on one database know of
//! each other. What pages look like is tested in the panel's own crate.

use std::sync::Arc;

use admin::Role;
use axum::body::Body;
use http::header::{CONTENT_TYPE, COOKIE};
use http::{Method, StatusCode};
use logsearch::LogLayer;
use logsearch::filter::{LevelControl, Levels};
use logsearch::record::{Level, LogRecord, Value};
use logsearch::{Logs, Options};
use minitwit::alerts::AlertInbox;
use minitwit::auth::{AlertToken, SessionToken};
use minitwit::db::{self, OperatorCredentials, Origin};
use minitwit::exposition::Exposition;
use minitwit::jobs::Jobs;
use minitwit::ops;
use minitwit::routes;
use tokio_util::task::AbortOnDropHandle;

use crate::harness::{Answer, TestApp, eventually, on_both_databases, request, send};
use crate::raw_sql::Raw;

/// What alerting systems know.
pub const TOKEN: &str = "token of the test";

/// The ops listener of one process, with the panel in it.
pub struct Panel {
    pub router: axum::Router,
    pub logs: Arc<Logs>,
    pub metrics: Arc<admin::metrics::Metrics>,
    pub alerts: AlertInbox,
    _dir: tempfile::TempDir,
    _storing: AbortOnDropHandle<()>,
}

impl Panel {
    /// With an empty log index of its own.
    pub async fn of(app: &TestApp) -> Self {
        Self::with_layer(app).await.0
    }

    /// The same, and the layer that fills the index.
    pub async fn with_layer(app: &TestApp) -> (Self, LogLayer) {
        let dir = tempfile::tempdir().unwrap();
        let (layer, logs) = Logs::start(dir.path(), Options::default()).unwrap();
        let logs = Arc::new(logs);
        let metrics = app.instruments.metrics.clone();
        let db = app.state.db.clone();
        let exposition = Exposition::new(metrics, db, dir.path().into(), None, None);
        let jobs = Jobs::new(&app.state, &app.config, routes::unobserved(&app.state)).await;
        let metrics = Arc::new(ops::charts::metrics("here".to_owned()));
        let alerts = AlertInbox::open(dir.path(), app.clock.clone());
        let stored = tokio::spawn(alerts.clone().keep_stored(app.state.db.clone()));
        let panel = ops::panel::Panel {
            logs: Arc::clone(&logs),
            levels: LevelControl::new(Levels::parse("info").unwrap()),
            jobs: jobs.unwrap(),
            alerts: alerts.clone(),
            alert_token: AlertToken::open(Some(TOKEN), dir.path()).unwrap(),
            metrics: Arc::clone(&metrics),
            external_links: Vec::new(),
        };
        let router = routes::ops(&app.state, exposition, Some(panel));
        let storing = AbortOnDropHandle::new(stored);
        (Self { router, logs, metrics, alerts, _dir: dir, _storing: storing }, layer)
    }

    /// Puts records into the index.
    pub async fn record(&self, records: Vec<LogRecord>) {
        let store = self.logs.store();
        let count = async || store.status().await.unwrap().records;
        let wanted = count().await + records.len() as u64;
        store.append(records).await.unwrap();
        eventually("they are found", async || count().await >= wanted).await;
    }

    /// Somebody who is logged in; the account is made when there is none.
    pub async fn log_in(&self, app: &TestApp, name: &str, role: Role) -> Somebody {
        let operator =
            OperatorCredentials { name: name.to_owned(), pw_hash: "none".to_owned(), role };
        app.state.db.set_operator(&operator, app.clock.now()).await.unwrap();
        let token = SessionToken::generate().unwrap();
        let now = app.clock.now();
        let origin = Origin { address: "192.0.2.7", user_agent: "Browser of the test" };
        let db = &app.state.db;
        assert!(db.create_operator_session(&token.hash(), name, origin, now).await.unwrap());
        app.state.operators.refresh().await.unwrap();
        Somebody { router: self.router.clone(), cookie: format!("admin_sid={}", token.to_cookie()) }
    }
}

/// A browser in which somebody is logged in.
pub struct Somebody {
    pub router: axum::Router,
    pub cookie: String,
}

impl Somebody {
    pub async fn get(&self, path: &str) -> Answer {
        let request = request(Method::GET, path).header(COOKIE, &self.cookie);
        send(&self.router, request.body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(form).unwrap();
        let request = request(Method::POST, path)
            .header(COOKIE, &self.cookie)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        send(&self.router, request.body(body.into()).unwrap()).await
    }
}

/// Who did that, according to the audit records.
pub fn audited(app: &TestApp, action: &str) -> Vec<String> {
    let records = app.records().all();
    let done = records.iter().filter(|record| record.field("event.action") == action);
    done.map(|record| record.field("user.name").to_owned()).collect()
}

async fn a_job_is_run_by_hand_and_every_replica_tells_how_it_ended(app: TestApp) {
    let other_app = app.twin().await;
    let (here, there) = (Panel::of(&app).await, Panel::of(&other_app).await);
    let operator = here.log_in(&app, "octavia", Role::Operator).await;
    let viewer = there.log_in(&app, "victor", Role::Viewer).await;
    let system = operator.get("/admin/system").await;
    let job = "[data-job=expired_sessions]";
    let run = format!("{job} form[action='/admin/system/jobs/expired_sessions'] button");
    system.is(200).has(job).has(&run);
    let bound = system.page().one("[data-bound=age]").text();
    assert!(bound.contains(" 14 d "), "{bound}");
    system.has("[data-section=partitions] [data-empty]").has("[data-section=losses] [data-empty]");
    viewer.get("/admin/system").await.is(200).has(job).lacks(&run);

    viewer.post("/admin/system/jobs/expired_sessions", &[]).await.is(403);
    operator.post("/admin/system/jobs/nothing", &[]).await.is(404);
    operator.post("/admin/system/jobs/expired_sessions", &[]).await.is(303);
    eventually("the other replica tells", async || {
        viewer.get("/admin/system").await.text().contains("removed 0 user sessions")
    })
    .await;
    assert_eq!(audited(&app, "job.run"), ["octavia"]);
}

async fn a_job_that_runs_elsewhere_is_not_started_again(app: TestApp) {
    let panel = Panel::of(&app).await;
    let operator = panel.log_in(&app, "octavia", Role::Operator).await;
    let from = app.clock.now();
    let lease = db::Lease { from, until: from + 60_000_000 };
    assert!(app.state.db.take_job("backup", 1, lease).await.unwrap());
    operator.get("/admin/system").await.is(200).has("[data-job=backup][data-running]");
    let refused = operator.post("/admin/system/jobs/backup", &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    refused.has("[data-error='409']").shows("backup");
}

/// The ids of the messages on a page, in its order.
fn message_ids(answer: &Answer) -> Vec<i64> {
    let ids = answer.page().values(".messages tbody tr", "id");
    ids.iter().map(|id| id.strip_prefix('m').unwrap().parse().unwrap()).collect()
}

/// The address behind the button for the next part of a list.
fn older(answer: &Answer) -> Option<String> {
    answer.page().values("[data-page=older]", "href").pop()
}

async fn messages_are_paged_filtered_and_flagged_by_operators_alone(app: TestApp) {
    let (site, panel) = (app.browser(), Panel::of(&app).await);
    let operator = panel.log_in(&app, "octavia", Role::Operator).await;
    let viewer = panel.log_in(&app, "victor", Role::Viewer).await;
    for name in ["anna", "ben & <b>"] {
        app.user(name).await;
    }
    for number in 1..=120 {
        let author = if number % 3 == 0 { "anna" } else { "ben & <b>" };
        app.message(author, &format!("Number {number} 100% of_it")).await;
    }

    let mut url = Some("/admin/moderation".to_owned());
    let mut seen = Vec::new();
    while let Some(next) = url {
        let page = viewer.get(&next).await;
        page.is(200).lacks("button[name=set]").hides("<b>");
        seen.extend(message_ids(&page));
        url = older(&page);
    }
    assert_eq!(seen, (1..=120).rev().collect::<Vec<i64>>(), "newest first, each once");
    let ids = async |query: &str| {
        message_ids(viewer.get(&format!("/admin/moderation?{query}")).await.is(200))
    };
    assert_eq!(ids("author=anna&q=number+3").await, [39, 36, 33, 30, 3]);
    assert_eq!(ids("q=NUMBER+119+").await, [119]);
    assert_eq!(ids("q=100%25+of_it&author=anna").await.len(), 40);
    assert_eq!(ids("q=100_").await, [0; 0], "a wildcard is a character like others");
    assert_eq!(ids("author=nobody").await, [0; 0]);

    viewer.post("/admin/moderation/119", &[("set", "flagged")]).await.is(403);
    operator.post("/admin/moderation/119", &[("set", "burn")]).await.is(400);
    operator.post("/admin/moderation/999", &[("set", "flagged")]).await.is(404);
    let back = operator
        .post("/admin/moderation/119", &[("set", "flagged"), ("author", "ben & <b>"), ("q", "1")])
        .await;
    assert_eq!(back.is(303).header("location"), "/admin/moderation?q=1&author=ben+%26+%3Cb%3E");
    site.clone().get("/public").await.hides("Number 119 ").shows("Number 120 ");
    assert_eq!(ids("show=flagged").await, [119]);
    assert_eq!(ids("show=flagged&author=ben+%26+%3Cb%3E").await, [119]);
    assert_eq!(ids("show=shown").await[..2], [120, 118]);
    assert_eq!(ids("").await[..3], [120, 119, 118]);
    viewer
        .get("/admin/moderation")
        .await
        .has("#m119 [data-status=flagged]")
        .has("#m118 [data-status=shown]");
    operator.post("/admin/moderation/119", &[("set", "shown")]).await.is(303);
    site.clone().get("/public").await.shows("Number 119 ");
    // What its author deleted is listed without its text, and nobody can show it again.
    app.browser_of("ben & <b>").await.post("/-/message/119/delete", &[]).await.is(302);
    let list = operator.get("/admin/moderation").await;
    list.has("#m119 [data-status=deleted]").lacks("#m119 button").hides("Number 119 ");
    operator.post("/admin/moderation/119", &[("set", "shown")]).await.is(400);
    assert_eq!(audited(&app, "message.flag"), ["octavia"]);
    assert_eq!(audited(&app, "message.unflag"), ["octavia"]);
    assert_eq!(audited(&app, "message.delete"), ["ben & <b>"]);
}

async fn users_are_listed_with_their_figures(app: TestApp) {
    let panel = Panel::of(&app).await;
    let viewer = panel.log_in(&app, "victor", Role::Viewer).await;
    for number in 1..=60 {
        app.user(&format!("user {number}")).await;
    }
    app.user("Zoe<i>").await;
    let db = &app.state.db;
    for number in 1..=3 {
        db.follow(&format!("user {number}"), "Zoe<i>", app.clock.now()).await.unwrap();
        app.message("Zoe<i>", "hello").await;
    }
    assert!(db.set_flagged(2, true).await.unwrap());
    let page = viewer.get("/admin/users?q=zoe").await;
    page.is(200).hides("<i>").lacks("[data-user='user 1']");
    let page = page.page();
    let zoe = page.one("[data-user='Zoe<i>']");
    let figures = zoe.texts("[data-figure]");
    assert_eq!(
        figures,
        ["2", "1", "3", "0"],
        "messages that are shown, flagged ones, followers, follows"
    );
    let links = zoe.values("a", "href");
    for part in ["author=Zoe%3Ci%3E", "show=flagged", "/admin/logs?q=user:"] {
        assert!(links.iter().any(|link| link.contains(part)), "{part} in {links:?}");
    }
    let first = viewer.get("/admin/users").await;
    first.is(200).has("[data-user='Zoe<i>']").has("[data-user='user 60']");
    first.lacks("[data-user='user 1']");
    let second = viewer.get(&older(&first).unwrap()).await;
    second.is(200).has("[data-user='user 1']").lacks("[data-page=older]");
}

/// The statement of these tests.
const NAME: &str = "messages.create";

/// A statement as it is told at the end of a request on this route, or before.
fn statement(app: &TestApp, route: &str, is_folded: bool) -> LogRecord {
    let (_, sqlite, postgres) = db::statements().into_iter().find(|one| one.0 == NAME).unwrap();
    let sql = if app.state.db.system_name() == "sqlite" { sqlite } else { postgres };
    let text = |name: &str, value: &str| (name.to_owned(), Value::Str(value.to_owned()));
    let mut fields = vec![
        text("db.operation.name", NAME),
        text("db.query.text", sql),
        text("http.request.id", route),
        text("http.route", route),
        ("duration_us".to_owned(), Value::Int(300_000)),
    ];
    if is_folded {
        fields.push(("db.runs".to_owned(), Value::Int(1)));
    }
    LogRecord {
        timestamp: app.clock.now(),
        sequence: 0,
        level: Level::Info,
        target: "t".to_owned(),
        message: "statement profile".to_owned(),
        fields,
    }
}

async fn statements_cost_what_all_of_their_runs_do(app: TestApp) {
    let panel = Panel::of(&app).await;
    let operator = panel.log_in(&app, "o", Role::Viewer).await;
    app.user("a").await;
    let now = app.clock.now();
    let look = |ago: i64| {
        let exposition = app.instruments.metrics.render();
        panel.metrics.observe(&exposition, now - ago * 1_000_000);
    };
    look(30);
    look(20);
    for number in 0..7 {
        app.message("a", &format!("message {number}")).await;
    }
    look(10);
    let row = async |query: &str| {
        let page = operator.get(&format!("/admin/requests/sql?from=15m{query}")).await;
        let page = page.is(200).page();
        let row = page.one(&format!("[data-statement='{NAME}']"));
        let runs = row.one("[data-figure=runs]").text();
        (row.attr("data-runs").to_owned(), runs, row.texts("pre").concat())
    };
    let seven = |kept: &str, sql: &str| (kept.to_owned(), "7".to_owned(), sql.to_owned());
    assert_eq!(row("").await, seven("none", ""));
    // A comparison has them where both windows were measured.
    let ago = |seconds: i64| now - seconds * 1_000_000;
    let windows = format!("from={}&before-from={}&before-to={}", ago(16), ago(26), ago(16));
    let url = format!("/admin/compare?{windows}");
    let compared = operator.get(&url).await.is(200).page();
    let row_of = |name: &str| compared.one(&format!("tr[data-statement='{name}']"));
    let runs = &row_of(NAME).texts("td.num")[1];
    assert!(runs.starts_with("0 → 0."), "{runs}");
    assert!(compared.has("[data-section=statements] [data-runs=all]"));

    // A slow run is told at once and again at the end of its request, and is one run.
    let kept = [("/x", false), ("/x", true), ("/y", true)];
    panel.record(kept.map(|(route, is_folded)| statement(&app, route, is_folded)).into()).await;
    let (kept, runs, sql) = row("").await;
    assert_eq!((&*kept, &*runs), ("kept", "7"));
    assert!(sql.starts_with("INSERT INTO messages"), "{sql}");
    // No metric knows which requests these were.
    for (query, wanted) in [("&q=route:/x", "1"), ("&q=route:*", "2")] {
        assert_eq!(row(query).await.1, wanted, "{query}");
    }
    let page = operator.get("/admin/requests/sql?from=15m").await.page();
    let link = page.one(&format!("[data-statement='{NAME}'] a[href^='/admin/requests/sql/']"));
    let page = operator.get(link.attr("href")).await.is(200).page();
    let facts = page.texts(".facts div");
    assert!(facts.iter().any(|fact| fact.ends_with(" 7")), "all runs: {facts:?}");
    assert!(facts.iter().any(|fact| fact.ends_with(" 2")), "kept requests: {facts:?}");

    let plan = page.one(".links a[href*='/plan']").attr("href");
    let page = operator.get(plan).await.is(200).page();
    let plan = page.one("[data-section=plan] pre").text();
    assert!(plan.contains("SEARCH users USING") || plan.contains("Insert on messages"), "{plan}");

    // A version before this one had another text under the name.
    let mut older = statement(&app, "/z", true);
    older.timestamp -= 60_000_000;
    older.fields[1].1 = Value::Str("INSERT INTO messages".to_owned());
    panel.record(vec![older]).await;
    let page = operator.get("/admin/requests/sql?from=15m").await.is(200).page();
    let runs = |kept: &str| page.one(&format!("[data-runs={kept}] [data-figure=runs]")).text();
    assert_eq!((runs("kept"), runs("older")), ("7".to_owned(), "1".to_owned()));
}

/// Messages of the first user, more than anybody wants to post one by one.
async fn post_many(app: &TestApp, count: u32) {
    let mut raw = Raw::connect(app).await;
    let numbers = match raw {
        Raw::Sqlite(_) => format!(
            "(WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count})
             SELECT n FROM n) n"
        ),
        Raw::Postgres(_) => format!("(SELECT n FROM generate_series(1, {count}) AS n) n"),
    };
    let now = app.clock.now();
    let sql = format!(
        "INSERT INTO messages (author_id, text, pub_date) SELECT 1, 'text ' || n, {now} + n FROM {numbers}"
    );
    raw.execute(&sql).await.unwrap();
}

async fn a_search_walks_a_part_of_the_table_and_goes_on(app: TestApp) {
    let panel = Panel::of(&app).await;
    let viewer = panel.log_in(&app, "victor", Role::Viewer).await;
    app.user("anna").await;
    app.message("anna", "the needle").await;
    post_many(&app, 20_500).await;
    app.message("anna", "a second needle").await;
    let first = viewer.get("/admin/moderation?q=needle").await;
    assert_eq!(message_ids(first.is(200)), [20_502]);
    let second = viewer.get(&older(&first).unwrap()).await;
    assert_eq!(message_ids(second.is(200)), [1]);
    assert_eq!(older(&second), None);
    let nothing = viewer.get("/admin/moderation?q=haystack").await;
    nothing.has("[data-empty=messages] [data-page=older]");
}

async fn a_saved_search_is_everybodys(app: TestApp) {
    let other_app = app.twin().await;
    let (here, there) = (Panel::of(&app).await, Panel::of(&other_app).await);
    let operator = here.log_in(&app, "octavia", Role::Operator).await;
    let viewer = there.log_in(&app, "victor", Role::Viewer).await;
    let form = [
        ("name", "slow & <b>"),
        ("q", "duration:>250ms user:\"a b\""),
        ("from", "15m"),
        ("cols", "route,user"),
        ("sort", "old"),
    ];
    let saved = operator.post("/admin/logs/searches", &form).await;
    let url = saved.is(303).header("location").to_owned();
    assert_eq!(
        url,
        "/admin/logs?q=duration:%3E250ms+user:%22a+b%22&from=15m&cols=route,user&sort=old"
    );
    let rename = "button[name=set][value=name]";
    let list = viewer.get("/admin/logs/searches").await;
    let page = list.is(200).page();
    let row = page.one("[data-search]");
    assert!(row.text().starts_with("slow & <b> ") && row.text().contains("octavia"));
    assert!(row.one("a").attr("href") == url && !row.has(rename), "{}", row.html());
    // Viewers save and change their own, and nobody else's.
    viewer.post("/admin/logs/searches", &[("name", "of victor"), ("q", "x")]).await.is(303);
    viewer.get("/admin/logs/searches").await.shows("of victor").has(rename);
    let links = viewer.get("/admin/logs").await.is(200).page().links();
    assert!(links.contains(&url), "{links:?}");

    assert_eq!(operator.post("/admin/logs/searches", &form).await.status, StatusCode::CONFLICT);
    operator.post("/admin/logs/searches", &[("name", "\u{202e}x")]).await.is(400);
    operator.post("/admin/logs/searches", &[("q", "x")]).await.is(400);
    operator.post("/admin/logs/searches", &[("name", "other")]).await.is(303);
    let change = async |id: i64, form: &[(&str, &str)]| {
        operator.post(&format!("/admin/logs/searches/{id}"), form).await.status.as_u16()
    };
    let ids = async |name: &str| {
        let searches = app.state.db.saved_searches().await.unwrap();
        searches.iter().find(|search| search.name == name).unwrap().id
    };
    let (slow, other) = (ids("slow & <b>").await, ids("other").await);
    assert_eq!(change(slow, &[("set", "name"), ("name", "other")]).await, 409);
    assert_eq!(change(slow, &[("set", "name"), ("name", "slowest")]).await, 303);
    assert_eq!(change(9_999, &[("set", "name"), ("name", "nothing")]).await, 404);
    assert_eq!(change(other, &[("set", "gone")]).await, 303);
    let names = viewer.get("/admin/logs/searches").await.page().texts("[data-search] td > a");
    assert!(names.contains(&"slowest".to_owned()) && !names.contains(&"other".to_owned()));
    for form in [[("set", "gone"), ("name", "")], [("set", "name"), ("name", "mine")]] {
        viewer.post(&format!("/admin/logs/searches/{slow}"), &form).await.is(403);
    }
    let own = ids("of victor").await;
    let own = format!("/admin/logs/searches/{own}");
    viewer.post(&own, &[("set", "name"), ("name", "victor's")]).await.is(303);
    viewer.post(&own, &[("set", "gone")]).await.is(303);
    assert_eq!(audited(&app, "search.save"), ["octavia", "victor", "octavia"]);
    assert_eq!(audited(&app, "search.rename"), ["octavia", "victor"]);
    assert_eq!(audited(&app, "search.delete"), ["octavia", "victor"]);
}

async fn so_many_searches_are_kept_and_no_more(app: TestApp) {
    let panel = Panel::of(&app).await;
    let operator = panel.log_in(&app, "octavia", Role::Operator).await;
    for number in 0..200 {
        assert!(app.state.db.save_search(&format!("{number}"), "a", "", 1).await.unwrap());
    }
    let full = operator.post("/admin/logs/searches", &[("name", "one more")]).await;
    assert_eq!(full.status, StatusCode::CONFLICT);
    full.has("[data-error='409']");
    assert_eq!(app.state.db.saved_searches().await.unwrap().len(), 200);
}

async fn one_operator_leaves_room_for_the_searches_of_others(app: TestApp) {
    let panel = Panel::of(&app).await;
    let viewer = panel.log_in(&app, "victor", Role::Viewer).await;
    for number in 0..50 {
        let saved = viewer.post("/admin/logs/searches", &[("name", &format!("{number}"))]).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER);
    }
    let more = viewer.post("/admin/logs/searches", &[("name", "one more")]).await;
    assert_eq!(more.status, StatusCode::CONFLICT);
    let operator = panel.log_in(&app, "octavia", Role::Operator).await;
    let other = operator.post("/admin/logs/searches", &[("name", "of another")]).await;
    assert_eq!(other.status, StatusCode::SEE_OTHER);
}

/// What became of an error, on its page and in the list.
const OPEN: &str = "[data-status=open]";
const RESOLVED: &str = "[data-status=resolved]";
const REOPENED: &str = "[data-status=reopened]";

/// An error at a place, so many seconds ago.
fn error(app: &TestApp, message: &str, ago: i64) -> LogRecord {
    LogRecord {
        timestamp: app.clock.now() - ago * 1_000_000,
        sequence: 0,
        level: Level::Error,
        target: "shop::cart".to_owned(),
        message: message.to_owned(),
        fields: vec![("code.callsite".to_owned(), Value::Str("src/cart.rs:7".to_owned()))],
    }
}

/// The address of the first error on the page.
async fn first_error(somebody: &Somebody) -> String {
    let page = somebody.get("/admin/errors").await.page();
    let link = page.values(".groups td > a[href^='/admin/errors/']", "href").swap_remove(0);
    link.split('?').next().unwrap().to_owned()
}

async fn an_error_is_resolved_for_everybody_until_it_is_seen_again(app: TestApp) {
    let other_app = app.twin().await;
    let (here, there) = (Panel::of(&app).await, Panel::of(&other_app).await);
    let operator = here.log_in(&app, "octavia", Role::Operator).await;
    let viewer = there.log_in(&app, "victor", Role::Viewer).await;
    for panel in [&here, &there] {
        panel.record(vec![error(&app, "cart 12 is <b>lost</b>", 60)]).await;
        panel.record(vec![error(&app, "cart 13 is <b>lost</b>", 50)]).await;
    }
    let url = first_error(&operator).await;
    assert_eq!(url, first_error(&viewer).await, "the same address everywhere");
    operator.get(&url).await.is(200).has(OPEN).shows("src/cart.rs:7").hides("<b>");
    viewer.get(&url).await.is(200).lacks("button[value=resolved]");
    viewer.post(&url, &[("set", "resolved")]).await.is(403);
    operator.post("/admin/errors/0000000000000000", &[("set", "resolved")]).await.is(404);
    operator.post(&url, &[("set", "resolved")]).await.is(303);
    viewer.get("/admin/errors").await.is(200).has(RESOLVED).shows("octavia");
    viewer.get(&url).await.has(RESOLVED);

    // Seen again by one replica, and reopened for all once somebody looked there.
    here.record(vec![error(&app, "cart 14 is <b>lost</b>", 0)]).await;
    operator.get("/admin/errors").await.has(REOPENED);
    viewer.get("/admin/errors").await.has(REOPENED).lacks(RESOLVED);
    operator.post(&url, &[("set", "open")]).await.is(303);
    viewer.get(&url).await.has(OPEN);
    operator.post(&url, &[("set", "open")]).await.is(404);
    assert_eq!(audited(&app, "error.resolve"), ["octavia"]);
    assert_eq!(audited(&app, "error.reopen"), ["octavia"]);
}

on_both_databases!(
    a_job_is_run_by_hand_and_every_replica_tells_how_it_ended,
    a_job_that_runs_elsewhere_is_not_started_again,
    messages_are_paged_filtered_and_flagged_by_operators_alone,
    users_are_listed_with_their_figures,
    a_search_walks_a_part_of_the_table_and_goes_on,
    a_saved_search_is_everybodys,
    statements_cost_what_all_of_their_runs_do,
    so_many_searches_are_kept_and_no_more,
    one_operator_leaves_room_for_the_searches_of_others,
    an_error_is_resolved_for_everybody_until_it_is_seen_again,
);
