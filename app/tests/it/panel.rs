//! The panel over the real database: who may do what, and what several processes on one database know of
//! each other. What pages look like is tested in the panel's own crate.

use std::sync::Arc;

use axum::body::Body;
use http::header::{CONTENT_TYPE, COOKIE};
use http::{Method, StatusCode};
use logsearch::filter::{LevelControl, Levels};
use logsearch::layer::LogLayer;
use logsearch::logs::{Logs, Options};
use logsearch::record::{Level, LogRecord, Value};
use minitwit::auth::{AlertToken, SessionToken};
use minitwit::db::{self, Operator, Origin, Role};
use minitwit::exposition::Exposition;
use minitwit::jobs::Jobs;
use minitwit::ops;
use minitwit::routes;

use crate::harness::{Answer, TestApp, eventually, on_both_databases, request, send};
use crate::raw_sql::Raw;

/// What alerting systems know.
pub const TOKEN: &str = "token of the test";

/// The ops listener of one process, with the panel in it.
pub struct Panel {
    pub router: axum::Router,
    pub logs: Arc<Logs>,
    pub metrics: Arc<admin::metrics::Metrics>,
    _dir: tempfile::TempDir,
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
        let panel = ops::panel::Panel {
            logs: Arc::clone(&logs),
            levels: LevelControl::new(Levels::parse("info").unwrap()),
            jobs: jobs.unwrap(),
            alert_token: AlertToken::open(Some(TOKEN), dir.path()).unwrap(),
            metrics: Arc::clone(&metrics),
            elsewhere: Vec::new(),
        };
        let router = routes::ops(&app.state, exposition, Some(panel));
        (Self { router, logs, metrics, _dir: dir }, layer)
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
        let operator = Operator { name: name.to_owned(), pw_hash: "none".to_owned(), role };
        app.state.db.set_operator(&operator, app.clock.now()).await.unwrap();
        let token = SessionToken::generate().unwrap();
        let now = app.clock.now();
        let origin = Origin { address: "192.0.2.7", user_agent: "Browser of the test" };
        let db = &app.state.db;
        assert!(db.create_operator_session(&token.hash(), name, origin, now).await.unwrap());
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
    system.is(200).shows("expired_sessions").shows("Run now");
    system
        .shows("<h2>Retention</h2>")
        .shows("<td data-title=\"maximum\">14 d</td>")
        .shows("None yet");
    system.shows("<h2>Dropped records</h2>").shows("None of ");
    viewer.get("/admin/system").await.is(200).shows("expired_sessions").hides("Run now");

    viewer.post("/admin/system/jobs/expired_sessions", &[]).await.is(403);
    operator.post("/admin/system/jobs/nothing", &[]).await.is(404);
    operator.post("/admin/system/jobs/expired_sessions", &[]).await.is(303);
    eventually("the other replica tells", async || {
        viewer.get("/admin/system").await.text().contains("removed 0 sessions of users")
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
    operator.get("/admin/system").await.is(200).shows("<strong>running</strong>");
    let refused = operator.post("/admin/system/jobs/backup", &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    refused.shows("backup is already running");
}

/// The ids of the messages on a page, in its order.
fn message_ids(answer: &Answer) -> Vec<i64> {
    let text = answer.text();
    let ids = text.split("<tr id=\"m").skip(1);
    ids.map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect()
}

/// The address behind the button for the next part of a list.
fn older(answer: &Answer) -> Option<String> {
    let text = answer.text();
    let (before, _) = text.split_once("\">▾ older</a>")?;
    let url = before.rsplit("href=\"").next().unwrap();
    Some(url.replace("&amp;", "&"))
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
        page.is(200).hides("Unflag message").hides("Flag message").hides("<b>");
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
    viewer.get("/admin/moderation").await.shows(">flagged</strong>");
    operator.post("/admin/moderation/119", &[("set", "shown")]).await.is(303);
    site.clone().get("/public").await.shows("Number 119 ");
    assert_eq!(audited(&app, "message.flag"), ["octavia"]);
    assert_eq!(audited(&app, "message.unflag"), ["octavia"]);
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
    page.is(200).shows("Zoe&lt;i&gt;").hides("<i>").hides("user 1<");
    page.shows("data-title=\"followers\">3<").shows("show=flagged");
    page.shows("author=Zoe%3Ci%3E\">2</a>").shows("/admin/logs?q=user:");
    let first = viewer.get("/admin/users").await;
    first.is(200).shows("Zoe&lt;i&gt;").shows("<strong>user 60<").hides("<strong>user 1<");
    viewer.get(&older(&first).unwrap()).await.is(200).shows("<strong>user 1<").hides("▾ older");
}

/// Messages of the first user, more than anybody wants to post one by one.
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
    let look = |ago: i64| {
        let exposition = app.instruments.metrics.render();
        panel.metrics.observe(&exposition, app.clock.now() - ago * 1_000_000);
    };
    look(20);
    for number in 0..7 {
        app.message("a", &format!("message {number}")).await;
    }
    look(10);
    let row = async |query: &str| {
        let page = operator.get(&format!("/admin/requests/sql?from=15m{query}")).await;
        let page = page.is(200).text();
        let mut rows = page.split("<tr").skip(1).map(str::to_owned);
        rows.find(|row| row.contains(NAME)).unwrap_or_default()
    };
    let times = |times: u32| format!("data-title=\"runs\">{times}<");
    let found = row("").await;
    assert!(found.contains(&times(7)) && found.contains("no runs kept"), "{found}");

    // A slow run is told at once and again at the end of its request, and is one run.
    let kept = [("/x", false), ("/x", true), ("/y", true)];
    panel.record(kept.map(|(route, is_folded)| statement(&app, route, is_folded)).into()).await;
    let found = row("").await;
    assert!(found.contains(&times(7)) && found.contains("INSERT INTO messages"), "{found}");
    // No metric knows which requests these were.
    for (query, wanted) in [("&q=route:/x", 1), ("&q=route:*", 2)] {
        let found = row(query).await;
        assert!(found.contains(&times(wanted)), "{query}: {found}");
    }
    let path = found.split("href=\"").find(|rest| rest.starts_with("/admin/requests/sql/"));
    let path = path.unwrap().split('"').next().unwrap();
    let page = operator.get(path).await.is(200).text();
    assert!(page.contains("<dt>runs</dt><dd>7</dd>"), "{page}");
    assert!(page.contains("<dt>kept requests</dt><dd>2</dd>"), "{page}");

    assert!(page.contains(">query plan</a>"), "{page}");
    let (path, window) = path.split_once('?').unwrap();
    let page = operator.get(&format!("{path}/plan?{window}")).await.is(200).text();
    assert!(page.contains("SEARCH users USING") || page.contains("Insert on messages"), "{page}");

    // A version before this one had another text under the name.
    let mut older = statement(&app, "/z", true);
    older.timestamp -= 60_000_000;
    older.fields[1].1 = Value::Str("INSERT INTO messages".to_owned());
    panel.record(vec![older]).await;
    let page = operator.get("/admin/requests/sql?from=15m").await.is(200).text();
    assert_eq!(page.matches(&times(7)).count(), 1, "{page}");
    let rows = page.split("<tr").find(|row| row.contains("older text"));
    assert!(rows.unwrap().contains(&times(1)), "{page}");
}

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
    nothing.shows("No matches so far").shows("Search older ones");
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
    let shown = url.replace('&', "&amp;");
    let list = viewer.get("/admin/logs/searches").await;
    list.is(200).shows(&shown).shows("slow &amp; &lt;b&gt;").shows("by octavia").hides("Rename");
    // Viewers save and change their own, and nobody else's.
    viewer.post("/admin/logs/searches", &[("name", "of victor"), ("q", "x")]).await.is(303);
    viewer.get("/admin/logs/searches").await.shows("by victor").shows("Rename");
    viewer.get("/admin/logs").await.is(200).shows(&shown);

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
    let list = viewer.get("/admin/logs/searches").await;
    list.shows(">slowest</a>").hides(">other</a>");
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
    full.shows("limit of saved searches");
}

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
    let page = somebody.get("/admin/errors").await.text();
    let (_, rest) = page.split_once("href=\"/admin/errors/").unwrap();
    format!("/admin/errors/{}", rest.split(['"', '?']).next().unwrap())
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
    operator.get(&url).await.is(200).shows(">open</strong>").shows("src/cart.rs:7").hides("<b>");
    viewer.get(&url).await.is(200).hides(">Resolve<");
    viewer.post(&url, &[("set", "resolved")]).await.is(403);
    operator.post("/admin/errors/0000000000000000", &[("set", "resolved")]).await.is(404);
    operator.post(&url, &[("set", "resolved")]).await.is(303);
    viewer.get("/admin/errors").await.is(200).shows("resolved in ").shows("by octavia");
    viewer.get(&url).await.shows("resolved in ");

    // Seen again by one replica, and reopened for all once somebody looked there.
    here.record(vec![error(&app, "cart 14 is <b>lost</b>", 0)]).await;
    operator.get("/admin/errors").await.shows("reopened in ");
    viewer.get("/admin/errors").await.shows("reopened in ").hides("resolved in ");
    operator.post(&url, &[("set", "open")]).await.is(303);
    viewer.get(&url).await.shows(">open</strong>");
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
    an_error_is_resolved_for_everybody_until_it_is_seen_again,
);
