//! The inbox of alerts while the database takes nothing, after a kill, with broken notifications, and
//! beside the API of an alerting system.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use admin::{Alert, Role};
use axum::routing::get;
use axum::{Json, Router};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request};
use minitwit::alerts::{AlertApi, AlertInbox, Missing};
use minitwit::clock::Clock;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::harness::{Answer, Backend, TestApp, eventually, on_both_databases, request, send};
use crate::installed::installed;
use crate::panel::{Panel, TOKEN, audited};
use crate::program::{Program, minitwit, serve};
use crate::raw_sql::Raw;

on_both_databases!(
    an_alert_is_visible_at_once_while_the_database_is_locked,
    replicas_agree_on_ends_and_acknowledgements,
    a_group_is_stored_but_for_its_bad_alerts,
    an_operator_acknowledges_with_a_note,
);

const SECOND: i64 = 1_000_000;

/// A notification of one alert; times are seconds before now.
fn told(rule: &str, now: i64, started: i64, ended: Option<i64>) -> Value {
    let at = |ago: i64| jiff::Timestamp::from_microsecond(now - ago * SECOND).unwrap().to_string();
    json!({ "orgId": 1, "alerts": [{
        "status": if ended.is_some() { "resolved" } else { "firing" },
        "labels": { "alertname": rule, "severity": "critical" },
        "annotations": { "summary": "It is bad" },
        "startsAt": at(started),
        "endsAt": ended.map_or("0001-01-01T00:00:00Z".to_owned(), at),
        "fingerprint": format!("of {rule}"),
    }]})
}

async fn notify(panel: &Panel, body: &Value) -> Answer {
    let request = request(Method::POST, "/admin/api/alerts")
        .header(CONTENT_TYPE, "application/json")
        .header(AUTHORIZATION, format!("Bearer {TOKEN}"));
    send(&panel.router, request.body(body.to_string().into()).unwrap()).await
}

/// Rules with seconds of their duration, `None` for one that fires.
fn known(inbox: &AlertInbox) -> Vec<(String, Option<i64>)> {
    let alerts = inbox.select(100, |_| true);
    let lasted = |alert: &Alert| alert.ended.map(|ended| (ended - alert.started) / SECOND);
    let mut known: Vec<_> =
        alerts.iter().map(|alert| (alert.rule.clone(), lasted(alert))).collect();
    known.sort();
    known
}

async fn lock(app: &TestApp) -> Raw {
    let mut raw = Raw::connect(app).await;
    let lock = match raw {
        Raw::Sqlite(_) => "BEGIN IMMEDIATE",
        Raw::Postgres(_) => "BEGIN; LOCK TABLE alerts",
    };
    raw.execute(lock).await.unwrap();
    raw
}

async fn stored(app: &TestApp) -> usize {
    app.state.db.newest_alerts(100).await.map_or(0, |stored| stored.len())
}

async fn an_alert_is_visible_at_once_while_the_database_is_locked(app: TestApp) {
    let panel = Panel::of(&app).await;
    let operator = panel.log_in(&app, "octavia", Role::Operator).await;
    let now = app.clock.now();
    let mut raw = lock(&app).await;
    for (rule, ended) in [("Lasting", None), ("Short", None), ("Short", Some(10))] {
        let started = Instant::now();
        notify(&panel, &told(rule, now, 100, ended)).await.is(200);
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    }
    assert_eq!(
        known(&panel.alerts),
        [("Lasting".to_owned(), None), ("Short".to_owned(), Some(90))]
    );
    let started = Instant::now();
    let page = operator.get("/admin/alerts").await;
    page.is(200).has("[data-section=firing] [data-alert=Lasting]");
    page.has("[data-section=ended] [data-alert=Short]");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    eventually("the page says that it is stored later", async || {
        operator.get("/admin/alerts").await.text().contains("stored later")
    })
    .await;
    raw.execute("ROLLBACK").await.unwrap();
    eventually("the database has them", async || stored(&app).await == 2).await;
    eventually("the page says no more", async || {
        !operator.get("/admin/alerts").await.text().contains("stored later")
    })
    .await;
    // A restart knows both from the database, without the journal.
    let other = Panel::of(&app).await;
    eventually("the other knows", async || known(&other.alerts) == known(&panel.alerts)).await;
}

async fn replicas_agree_on_ends_and_acknowledgements(app: TestApp) {
    let other_app = app.twin().await;
    let (here, there) = (Panel::of(&app).await, Panel::of(&other_app).await);
    let operator = there.log_in(&app, "octavia", Role::Operator).await;
    let now = app.clock.now();
    // The end comes to one replica, the beginning to the other, in this order.
    notify(&there, &told("Errors", now, 10, Some(10))).await.is(200);
    notify(&here, &told("Errors", now, 100, None)).await.is(200);
    notify(&here, &told("Lasting", now, 50, None)).await.is(200);
    let all = [("Errors".to_owned(), Some(90)), ("Lasting".to_owned(), None)];
    for panel in [&here, &there] {
        eventually("both know both", async || known(&panel.alerts) == all).await;
    }
    let id = there.alerts.select(1, |alert| alert.rule == "Lasting")[0].id;
    let form = [("id", id.to_string()), ("note", "on it".to_owned())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, text)| (*name, text.as_str())).collect();
    operator.post("/admin/alerts/Lasting/acknowledge", &form).await.is(303);
    eventually("the other replica shows who works on it", async || {
        let found = here.alerts.find(id).unwrap().acknowledged;
        found.is_some_and(|by| by.by == "octavia" && by.note == "on it")
    })
    .await;
    eventually("two rows", async || stored(&app).await == 2).await;
}

async fn a_group_is_stored_but_for_its_bad_alerts(app: TestApp) {
    let panel = Panel::of(&app).await;
    let operator = panel.log_in(&app, "octavia", Role::Operator).await;
    let now = app.clock.now();
    let alert = told("Good", now, 10, None)["alerts"][0].clone();
    let group = |count: usize| -> Vec<Value> {
        let one = |n: usize| {
            let mut alert = alert.clone();
            alert["fingerprint"] = json!(n.to_string());
            alert
        };
        (0..count).map(one).collect()
    };
    let mut alerts = group(300);
    alerts.push(json!({ "status": "firing", "labels": { "severity": "critical" } }));
    let body = json!({ "receiver": "all", "truncatedAlerts": 250, "alerts": alerts });
    let answer = notify(&panel, &body).await;
    let answer = answer.is(200).json();
    assert_eq!((&answer["stored"], &answer["rejected"]), (&json!(300), &json!(1)));
    assert_eq!(answer["left_out"], json!(250));
    assert_eq!(panel.alerts.select(1_000, |_| true).len(), 300);
    let page = operator.get("/admin/alerts").await;
    page.shows("250 left out by the sender").shows("1 invalid and not stored");

    let mut large = alert.clone();
    large["annotations"]["description"] = json!("x".repeat(4_000));
    large["annotations"]["dashboard"] = json!("y".repeat(4_000));
    let large = json!({ "alerts": vec![large; 200] });
    assert!(large.to_string().len() > 1_500_000);
    notify(&panel, &large).await.is(200);
    notify(&panel, &json!({ "alerts": [{}] })).await.is(400).shows("missing field");
}

async fn an_operator_acknowledges_with_a_note(app: TestApp) {
    let panel = Panel::of(&app).await;
    let operator = panel.log_in(&app, "octavia", Role::Operator).await;
    let viewer = panel.log_in(&app, "victor", Role::Viewer).await;
    notify(&panel, &told("Errors", app.clock.now(), 100, None)).await.is(200);
    let id = panel.alerts.select(1, |_| true)[0].id.to_string();
    let path = "/admin/alerts/Errors/acknowledge";
    viewer.post(path, &[("id", &id), ("note", "mine")]).await.is(403);
    operator.post(path, &[("id", "7"), ("note", "")]).await.is(404);
    let mut raw = lock(&app).await;
    let started = Instant::now();
    operator.post(path, &[("id", &id), ("note", "looking at <b>disk</b>")]).await.is(303);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    let page = viewer.get("/admin/alerts/Errors").await;
    let acknowledged = page.is(200).lacks("[data-acknowledged] b").page();
    let acknowledged = acknowledged.one("[data-acknowledged]").text();
    assert!(acknowledged.contains("octavia") && acknowledged.contains("looking at <b>disk</b>"));
    viewer.get("/admin/alerts").await.shows("octavia");
    raw.execute("ROLLBACK").await.unwrap();
    assert_eq!(audited(&app, "alert.acknowledge"), ["octavia"]);
}

#[tokio::test]
async fn a_killed_service_knows_what_it_answered_for() {
    let dir = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = minitwit();
        command.env("MINITWIT_ALERT_TOKEN", TOKEN);
        serve(command, dir.path(), &[], Duration::from_mins(1))
    };
    let (mut program, addresses) = start();
    // Another process holds the write lock, so that nothing reaches the database.
    let file = dir.path().join("minitwit.sqlite");
    let mut raw = Raw::open_sqlite(&file).await;
    raw.execute("BEGIN IMMEDIATE").await.unwrap();
    let now = Clock::default().now();
    for rule in ["One", "Two"] {
        post(addresses["ops"], &told(rule, now, 10, None)).await;
    }
    program.child.kill().unwrap();
    program.child.wait().unwrap();
    let inbox = AlertInbox::open(dir.path(), Clock::default());
    assert_eq!(known(&inbox), [("One".to_owned(), None), ("Two".to_owned(), None)]);
    drop(inbox);
    raw.execute("ROLLBACK").await.unwrap();
    let (_program, _) = start();
    eventually("the database has them", async || {
        raw.texts("SELECT rule FROM alerts ORDER BY rule").await == ["One", "Two"]
    })
    .await;
}

async fn post(ops: SocketAddr, body: &Value) {
    let request = Request::post("/admin/api/alerts")
        .header("host", ops.to_string())
        .header(AUTHORIZATION, format!("Bearer {TOKEN}"));
    let request = request.body(body.to_string().into_bytes().into()).unwrap();
    let answer = minitwit::client::send(ops, request, Duration::from_secs(5)).await.unwrap();
    assert_eq!(answer.status, 200);
}

/// Grafana as far as it serves Alertmanager's API.
async fn grafana(listed: Arc<Mutex<Vec<Value>>>) -> SocketAddr {
    let list = move |headers: http::HeaderMap| {
        assert_eq!(headers[AUTHORIZATION], "Basic YWRtaW46c2VjcmV0");
        let listed = listed.lock().clone();
        async { Json(listed) }
    };
    let router = Router::new().route("/api/alertmanager/grafana/api/v2/alerts", get(list));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn listed(rule: &str, now: i64, started: i64) -> Value {
    let at = |ago: i64| jiff::Timestamp::from_microsecond(now - ago * SECOND).unwrap().to_string();
    json!({
        "labels": { "alertname": rule, "severity": "critical" }, "annotations": { "__orgId__": "1" },
        "startsAt": at(started), "endsAt": at(-240), "updatedAt": at(0),
        "fingerprint": format!("of {rule}"), "receivers": [], "status": { "state": "active" },
    })
}

#[tokio::test]
async fn what_grafana_lists_is_taken_and_what_it_does_not_list_ends() {
    let Some(app) = TestApp::start(Backend::Sqlite).await else { return };
    let panel = Panel::of(&app).await;
    let now = app.clock.now();
    for (rule, ended) in [("Over", None), ("Again", None), ("Again", Some(50)), ("Still", None)] {
        notify(&panel, &told(rule, now, 100, ended)).await.is(200);
    }
    let alerts = ["Missed", "Again", "Still"].map(|rule| listed(rule, now, 100));
    let listed = Arc::new(Mutex::new(alerts.to_vec()));
    let address = grafana(Arc::clone(&listed)).await;
    let api = AlertApi::new(&format!("http://{address}/"), Some("admin"), Some("secret")).unwrap();
    let firing = || {
        let mut firing = panel.alerts.select(10, |alert| alert.ended.is_none());
        firing.sort_by(|left, right| left.rule.cmp(&right.rule));
        firing.into_iter().map(|alert| alert.rule).collect::<Vec<_>>()
    };
    let mut missing = Missing::default();
    panel.alerts.reconcile(&api, &mut missing).await;
    assert_eq!(firing(), ["Again", "Missed", "Over", "Still"]);
    for _ in 0..2 {
        panel.alerts.reconcile(&api, &mut missing).await;
    }
    assert_eq!(firing(), ["Again", "Missed", "Still"]);
    // One read without it is a restart of the sender.
    let all = std::mem::take(&mut *listed.lock());
    panel.alerts.reconcile(&api, &mut missing).await;
    *listed.lock() = all;
    panel.alerts.reconcile(&api, &mut missing).await;
    assert_eq!(firing().len(), 3);
    listed.lock().clear();
    for _ in 0..3 {
        panel.alerts.reconcile(&api, &mut missing).await;
    }
    assert_eq!(firing(), [""; 0]);
    let notices = panel.alerts.notices();
    assert!(notices.iter().any(|notice| notice.text.starts_with("Compared with")), "{notices:?}");
    let away = AlertApi::new("http://127.0.0.1:1", None, None).unwrap();
    panel.alerts.reconcile(&away, &mut missing).await;
    let notices = panel.alerts.notices();
    assert!(notices.iter().any(|notice| notice.text.starts_with("Could not read")), "{notices:?}");
    assert!(AlertApi::new("https://grafana", None, None).is_err());
}

fn free_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn alertmanager(dir: &Path, hook: SocketAddr) -> Option<(Program, SocketAddr)> {
    let program = installed("prometheus-alertmanager")?;
    let config = json!({
        "route": { "receiver": "inbox", "group_wait": "1s", "group_interval": "1s",
            "group_by": ["alertname"] },
        "receivers": [{ "name": "inbox", "webhook_configs": [{
            "url": format!("http://{hook}/admin/api/alerts"),
            "http_config": { "authorization": { "credentials": TOKEN } },
        }]}],
    });
    std::fs::write(dir.join("alertmanager.yml"), config.to_string()).unwrap();
    let address = free_port();
    let mut command = Command::new(program);
    command.current_dir(dir).args([
        "--config.file=alertmanager.yml",
        "--storage.path=alertmanager",
        "--cluster.listen-address=",
        &format!("--web.listen-address={address}"),
    ]);
    Some((Program::start(&mut command), address))
}

/// Posts to Alertmanager's API, as Prometheus does, until it takes it.
async fn prometheus_says(alertmanager: SocketAddr, alerts: &Value) {
    eventually("Alertmanager takes alerts", async || {
        let request = Request::post("/api/v2/alerts")
            .header("host", alertmanager.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(alerts.to_string().into_bytes().into())
            .unwrap();
        let sent = minitwit::client::send(alertmanager, request, Duration::from_secs(5)).await;
        sent.is_ok_and(|answer| answer.status == 200)
    })
    .await;
}

/// With a real Alertmanager: an alert begins and another ends while the service is stopped.
#[tokio::test]
async fn what_a_real_alertmanager_sent_to_a_stopped_service_is_known_after_its_start() {
    let dir = tempfile::tempdir().unwrap();
    let ops = free_port();
    let Some((_alertmanager, alertmanager)) = alertmanager(dir.path(), ops) else { return };
    let start = || {
        let mut command = minitwit();
        let url = format!("http://{alertmanager}");
        command.env("MINITWIT_ALERT_TOKEN", TOKEN).env("MINITWIT_ALERT_API_URL", url);
        let data = dir.path().join("data");
        // The last address counts: Alertmanager has to find the service again.
        command.args(["serve"]);
        serve_at(command, &data, ops)
    };
    let at = |ago: i64| {
        jiff::Timestamp::from_microsecond(Clock::default().now() - ago * SECOND)
            .unwrap()
            .to_string()
    };
    let alert = |rule: &str| {
        json!({ "labels": { "alertname": rule, "severity": "critical" },
        "annotations": {}, "startsAt": at(60), "generatorURL": "http://prometheus/graph" })
    };
    let service = start();
    let before = alert("Before");
    prometheus_says(alertmanager, &json!([before])).await;
    let data = dir.path().join("data");
    let inbox = async || known(&AlertInbox::open(&data, Clock::default()));
    eventually("the webhook came", async || inbox().await == [("Before".to_owned(), None)]).await;
    drop(service);
    let mut ended = before.clone();
    ended["endsAt"] = json!(at(0));
    prometheus_says(alertmanager, &json!([ended, alert("Meanwhile")])).await;
    eventually("Alertmanager gave up on the end", async || {
        let request = Request::get("/api/v2/alerts").header("host", alertmanager.to_string());
        let request = request.body("".into()).unwrap();
        let answer = minitwit::client::send(alertmanager, request, Duration::from_secs(5)).await;
        let list: Value = serde_json::from_slice(&answer.unwrap().body).unwrap();
        list.as_array().is_some_and(|list| list.len() == 1)
    })
    .await;
    let started = Instant::now();
    let _service = start();
    let firing = async || {
        let known = known(&AlertInbox::open(&data, Clock::default())).into_iter();
        known.filter(|(_, ended)| ended.is_none()).map(|(rule, _)| rule).collect::<Vec<_>>()
    };
    let within = Duration::from_mins(1);
    while firing().await != ["Meanwhile"] {
        assert!(started.elapsed() < within, "{:?}", firing().await);
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

fn serve_at(mut command: Command, data: &Path, ops: SocketAddr) -> Program {
    let any = "127.0.0.1:0";
    command.args(["--site", any, "--api", any, "--log-format", "json"]);
    command.args(["--ops", &ops.to_string()]).arg("--data-dir").arg(data);
    let mut program = Program::start(&mut command);
    program.wait_for(Duration::from_mins(1), |line| line.contains("listening").then_some(()));
    program
}
