//! Incidents: what alerting systems and deployments leave in the database, on both databases, and the
//! webhook by which notifications come in. What becomes of them is in `alert_inbox.rs`.

use admin::{Acknowledgement, Alert, Role, Texts};
use axum::body::Body;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, StatusCode};
use serde_json::json;
use sha2::Sha256;

use crate::harness::{Answer, TestApp, eventually, on_both_databases, request, send};
use crate::panel::{Panel, TOKEN};

on_both_databases!(
    an_alert_is_stored_once_and_not_over_the_write_of_another_replica,
    old_alerts_and_those_beyond_a_number_go,
    a_version_is_deployed_once_and_going_back_is_a_deployment,
    of_many_replicas_one_notes_the_deployment,
    a_notification_of_grafana_is_on_the_panel_of_every_replica_until_it_ends,
    only_who_knows_the_token_leaves_notifications,
    what_is_no_notification_is_refused_with_a_reason,
);

const MINUTE: i64 = 60_000_000;

fn alert(rule: &str, started: i64, ended: Option<i64>) -> Alert {
    let texts = |name: &str, value: &str| Texts::from([(name.to_owned(), value.to_owned())]);
    Alert {
        id: 0,
        rule: rule.to_owned(),
        fingerprint: format!("of {rule}"),
        labels: texts("severity", "critical \0 \u{1f4a5}"),
        annotations: texts("logs_query", "status:5xx \"a\\b\""),
        values: texts("A", "0.25"),
        links: texts("panel", "http://grafana/d/x?viewPanel=2"),
        started,
        ended,
        last_received: started,
        ..Alert::default()
    }
}

async fn an_alert_is_stored_once_and_not_over_the_write_of_another_replica(app: TestApp) {
    let db = &app.state.db;
    let firing = alert("Errors", 10 * MINUTE, None);
    assert!(db.store_alert(&firing, None, 1).await.unwrap());
    assert!(!db.store_alert(&firing, None, 2).await.unwrap());
    let [stored] = &db.firing_alerts(10).await.unwrap()[..] else { panic!("not one") };
    assert_eq!((&stored.alert, stored.changed_at), (&firing, 1));

    let ended = Alert {
        acknowledged: Some(Acknowledgement { by: "o".to_owned(), at: 7, note: "n".to_owned() }),
        sender: "grafana".to_owned(),
        from_end: true,
        ..alert("Errors", 10 * MINUTE, Some(20 * MINUTE))
    };
    // The clock of this replica is behind.
    assert!(db.store_alert(&ended, Some(1), 0).await.unwrap());
    assert!(!db.store_alert(&firing, Some(1), 3).await.unwrap());
    assert!(db.firing_alerts(10).await.unwrap().is_empty());
    let [stored] = &db.alerts_of("of Errors", 10).await.unwrap()[..] else { panic!("not one") };
    assert_eq!((&stored.alert, stored.changed_at), (&ended, 2));
    assert_eq!(db.changed_alerts(2, 10).await.unwrap().len(), 1);
    assert!(db.changed_alerts(3, 10).await.unwrap().is_empty());

    db.delete_alert("of Errors", 10 * MINUTE).await.unwrap();
    assert!(db.newest_alerts(10).await.unwrap().is_empty());
    assert!(db.alerts_of("Unknown \0", 10).await.unwrap().is_empty());
}

async fn old_alerts_and_those_beyond_a_number_go(app: TestApp) {
    let db = &app.state.db;
    for at in 1..=10 {
        let stored = db.store_alert(&alert("Errors", at * MINUTE, None), None, 1).await;
        assert!(stored.unwrap());
    }
    assert_eq!(db.delete_old_alerts(3 * MINUTE, 100).await.unwrap(), 2);
    assert_eq!(db.delete_old_alerts(0, 4).await.unwrap(), 3);
    let left = db.newest_alerts(100).await.unwrap();
    assert_eq!(left.last().unwrap().alert.last_received, 6 * MINUTE);
}

async fn a_version_is_deployed_once_and_going_back_is_a_deployment(app: TestApp) {
    let db = &app.state.db;
    for (version, at, is_new) in
        [("1", 10, true), ("1", 20, false), ("2", 30, true), ("2", 40, false), ("1", 50, true)]
    {
        assert_eq!(db.started_version(version, "r", at).await.unwrap(), is_new, "{at}");
    }
    assert!(db.started_version("1", "s", 60).await.unwrap());
    db.mark_deploy("1", "s", "new certificate", 70).await.unwrap();
    let latest = db.latest_deploy().await.unwrap().unwrap();
    assert_eq!(
        (latest.note.as_str(), latest.how.as_str(), latest.at),
        ("new certificate", "command", 70)
    );
    assert!(!db.started_version("1", "s", 80).await.unwrap());
    let times = async |from, to| {
        let found = db.deploys_between(from, to, 10).await.unwrap();
        found.iter().map(|deploy| deploy.at).collect::<Vec<_>>()
    };
    assert_eq!(times(0, 100).await, [70, 60, 50, 30, 10]);
    assert_eq!(times(30, 60).await, [50, 30]);
}

async fn of_many_replicas_one_notes_the_deployment(app: TestApp) {
    for round in 0..5 {
        let version = round.to_string();
        let starts = (0..8).map(|_| {
            let (db, version) = (app.state.db.clone(), version.clone());
            tokio::spawn(async move { db.started_version(&version, "r", round).await.unwrap() })
        });
        let starts: Vec<_> = starts.collect();
        let mut noted = 0;
        for start in starts {
            noted += usize::from(start.await.unwrap());
        }
        assert_eq!(noted, 1, "round {round}");
    }
    let all = app.state.db.deploys_between(0, i64::MAX, 100).await.unwrap();
    assert_eq!(all.len(), 5);
}

/// As Grafana 12 sends it.
fn notification(status: &str, ends: &str) -> serde_json::Value {
    json!({
        "receiver": "minitwit", "status": status, "orgId": 1, "version": "1", "state": "alerting",
        "alerts": [{
            "status": status,
            "labels": { "alertname": "MiniTwitErrorLogs", "severity": "critical", "instance": "a" },
            "annotations": { "logs_query": "level:error", "summary": "Errors are logged" },
            "startsAt": "2026-11-25T09:34:00.123Z", "endsAt": ends,
            "values": { "A": 0.5, "C": 1 }, "valueString": "[ var='A' labels={} value=0.5 ]",
            "generatorURL": "http://grafana:3000/alerting/grafana/x/view", "fingerprint": "c6eadffa33fcdf37",
            "silenceURL": "http://grafana:3000/alerting/silence/new", "dashboardURL": "", "panelURL": "",
        }],
        "groupLabels": { "alertname": "MiniTwitErrorLogs" }, "commonLabels": {},
        "commonAnnotations": {}, "externalURL": "http://grafana:3000/", "groupKey": "{}:{}",
        "truncatedAlerts": 0, "title": "[FIRING:1] MiniTwitErrorLogs", "message": "**Firing**",
    })
}

async fn notify(panel: &Panel, authorization: &str, body: impl Into<Body>) -> Answer {
    let request = request(Method::POST, "/admin/api/alerts")
        .header(CONTENT_TYPE, "application/json")
        .header(AUTHORIZATION, authorization);
    send(&panel.router, request.body(body.into()).unwrap()).await
}

async fn a_notification_of_grafana_is_on_the_panel_of_every_replica_until_it_ends(app: TestApp) {
    let other_app = app.twin().await;
    let (here, there) = (Panel::of(&app).await, Panel::of(&other_app).await);
    let viewer = there.log_in(&app, "victor", Role::Viewer).await;
    let bearer = format!("Bearer {TOKEN}");
    let none = "0001-01-01T00:00:00Z";
    for _ in 0..2 {
        let answer = notify(&here, &bearer, notification("firing", none).to_string()).await;
        assert_eq!(answer.is(200).json(), json!({ "stored": 1 }));
    }
    let link = "[data-alerts=firing] a[href='/admin/alerts/MiniTwitErrorLogs']";
    eventually("the other replica knows", async || viewer.get("/admin").await.page().has(link))
        .await;
    let page = viewer.get("/admin/alerts/MiniTwitErrorLogs").await;
    page.is(200).has("[data-status=firing]").shows("Errors are logged").shows("A = 0.5");
    page.shows("http://grafana:3000/alerting/silence/new").shows("level:error");
    page.lacks("[data-section=firings]");

    let ended = notification("resolved", "2026-11-25T09:44:00Z");
    notify(&here, &bearer, ended.to_string()).await.is(200);
    eventually("the other replica knows", async || {
        viewer.get("/admin").await.page().has("[data-alerts=none]")
    })
    .await;
    viewer.get("/admin/alerts/MiniTwitErrorLogs").await.has("[data-status=ended]").shows("10 min");
    let records = app.records().all();
    let told = records.iter().filter(|record| record.field("alert.name") == "MiniTwitErrorLogs");
    assert_eq!(told.count(), 3);
    for record in &records {
        assert!(record.fields.values().all(|value| !value.contains(TOKEN)), "{record:?}");
    }
}

async fn only_who_knows_the_token_leaves_notifications(app: TestApp) {
    let panel = Panel::of(&app).await;
    let operator = panel.log_in(&app, "octavia", Role::Operator).await;
    let body = notification("firing", "").to_string();
    for wrong in ["", "Bearer", "Bearer wrong", TOKEN, "Basic dXNlcjpwYXNz"] {
        let answer = notify(&panel, wrong, body.clone()).await;
        answer.is(401);
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"alerts\"");
    }
    // The session of a person is no token, and a page elsewhere cannot make a browser use it.
    operator.post("/admin/api/alerts", &[]).await.is(401);
    operator.get("/admin/api/alerts").await.is(405);
    assert!(panel.alerts.select(1, |_| true).is_empty());

    // openssl dgst -sha256 -hmac "$TOKEN" of the body, as Grafana signs it without a time: it could be
    // replayed for ever.
    let signed = async |signature: &str, time: Option<i64>| {
        let mut request = request(Method::POST, "/admin/api/alerts")
            .header("x-grafana-alerting-signature", signature);
        if let Some(time) = time {
            request = request.header("x-grafana-alerting-timestamp", time.to_string());
        }
        send(&panel.router, request.body(Body::from("{\"alerts\":[]}")).unwrap()).await.status
    };
    let plain = "3c0c55f2077b6974fa2141f24c421bd50825f6388ad54f8ef64a9b929b2f3ffd";
    assert_eq!(signed(plain, None).await, StatusCode::UNAUTHORIZED);
    let now = app.clock.now() / 1_000_000;
    assert_eq!(signed(plain, Some(now)).await, StatusCode::UNAUTHORIZED);
    let sign = |time: i64| {
        let mut mac = Hmac::<Sha256>::new_from_slice(TOKEN.as_bytes()).unwrap();
        mac.update(format!("{time}:{{\"alerts\":[]}}").as_bytes());
        let bytes = mac.finalize().into_bytes();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    };
    assert_eq!(signed(&sign(now), Some(now)).await, StatusCode::OK);
    assert_eq!(signed(&sign(now), Some(now + 1)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(signed(&sign(now - 301), Some(now - 301)).await, StatusCode::UNAUTHORIZED);
    // A program sends neither cookies nor what browsers say about sites.
    let cross = request(Method::POST, "/admin/api/alerts")
        .header("origin", "http://grafana:3000")
        .header(AUTHORIZATION, format!("Bearer {TOKEN}"));
    send(&panel.router, cross.body(body.into()).unwrap()).await.is(200);
}

async fn what_is_no_notification_is_refused_with_a_reason(app: TestApp) {
    let panel = Panel::of(&app).await;
    let bearer = format!("Bearer {TOKEN}");
    for (body, reason) in [
        ("", "Alertmanager notification"),
        ("{}", "missing field"),
        ("{\"alerts\":[{}]}", "missing field"),
        ("alerts=1", "expected value"),
    ] {
        notify(&panel, &bearer, body).await.is(400).shows(reason);
    }
    notify(&panel, &bearer, " ".repeat(4 * 1024 * 1024 + 1)).await.is(413);
    assert!(panel.alerts.select(1, |_| true).is_empty());
}
