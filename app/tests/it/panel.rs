//! The panel over the real database: who may do what, and what several processes on one database know of
//! each other. What pages look like is tested in the panel's own crate.

use std::sync::Arc;

use axum::body::Body;
use http::header::{CONTENT_TYPE, COOKIE};
use http::{Method, StatusCode};
use logsearch::filter::{LevelControl, Levels};
use logsearch::logs::{Logs, Options};
use minitwit::auth::SessionToken;
use minitwit::db::{Operator, Role};
use minitwit::exposition::Exposition;
use minitwit::jobs::Jobs;
use minitwit::ops;
use minitwit::routes;

use crate::harness::{Answer, TestApp, eventually, on_both_databases, request, send};

/// The ops listener of one process, with the panel in it.
pub struct Panel {
    router: axum::Router,
    _dir: tempfile::TempDir,
}

impl Panel {
    /// With an empty log index of its own.
    pub async fn of(app: &TestApp) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (_layer, logs) = Logs::start(dir.path(), Options::default()).unwrap();
        let metrics = app.instruments.metrics.clone();
        let db = app.state.db.clone();
        let exposition = Exposition::new(metrics, db, dir.path().into(), None, None);
        let jobs = Jobs::new(&app.state, &app.config, routes::unobserved(&app.state)).await;
        let panel = ops::panel::Panel {
            logs: Arc::new(logs),
            levels: LevelControl::new(Levels::parse("info").unwrap()),
            jobs: jobs.unwrap(),
        };
        let router = routes::ops(&app.state, exposition, Some(panel));
        Self { router, _dir: dir }
    }

    /// Somebody who is logged in; the account is made when there is none.
    pub async fn log_in(&self, app: &TestApp, name: &str, role: Role) -> Somebody {
        let operator = Operator { name: name.to_owned(), pw_hash: "none".to_owned(), role };
        app.state.db.set_operator(&operator, app.clock.now()).await.unwrap();
        let token = SessionToken::generate().unwrap();
        let now = app.clock.now();
        app.state.db.create_operator_session(&token.hash(), name, now).await.unwrap();
        Somebody { router: self.router.clone(), cookie: format!("admin_sid={}", token.to_cookie()) }
    }
}

/// A browser in which somebody is logged in.
pub struct Somebody {
    router: axum::Router,
    cookie: String,
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
fn audited(app: &TestApp, action: &str) -> Vec<String> {
    let records = app.records().all();
    let done = records.iter().filter(|record| record.field("event.action") == action);
    done.map(|record| record.field("user.name").to_owned()).collect()
}

async fn a_job_is_run_by_hand_and_every_replica_tells_how_it_ended(app: TestApp) {
    let other_app = app.twin().await;
    let (here, there) = (Panel::of(&app).await, Panel::of(&other_app).await);
    let operator = here.log_in(&app, "octavia", Role::Operator).await;
    let viewer = there.log_in(&app, "victor", Role::Viewer).await;
    operator.get("/admin/system").await.is(200).shows("expired_sessions").shows("Run now");
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
    let lease = minitwit::db::Lease { from, until: from + 60_000_000 };
    assert!(app.state.db.take_job("backup", 1, lease).await.unwrap());
    operator.get("/admin/system").await.is(200).shows("<strong>running</strong>");
    let refused = operator.post("/admin/system/jobs/backup", &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    refused.shows("backup is running already");
}

on_both_databases!(
    a_job_is_run_by_hand_and_every_replica_tells_how_it_ended,
    a_job_that_runs_elsewhere_is_not_started_again,
);
