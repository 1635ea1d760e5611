//! An outage from its beginning to after its end: the database is locked for seven minutes, the service is
//! stopped for ten, Prometheus for two, with the simulator calling all the time and giving up after 0.3
//! seconds. At each moment metrics, alerts, dashboards and the panel say what is true, and afterwards
//! nothing fires that is over. A twentieth of the time, unless `MINITWIT_OUTAGE_FULL` is set.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use http::Request;
use http::header::COOKIE;
use serde_json::Value;
use sqlx::{Connection, SqliteConnection};

use crate::gate::say;
use crate::html::Page;
use crate::installed::installed;
use crate::load::Load;
use crate::operator::log_in;
use crate::programs::{ALONE, PASSWORD, Service, Watch, ask, until};
use crate::rules;

/// By how much time is shortened.
const SCALE: u32 = 20;
const LOCKED: Duration = Duration::from_mins(7);
const STOPPED: Duration = Duration::from_mins(10);
const BLIND: Duration = Duration::from_mins(2);
/// What the simulator waits, in real time at any scale: the service is not scaled.
const PATIENCE: Duration = Duration::from_millis(300);
/// The panel of what has a server in front, whose certificate is looked at.
const WITHOUT_SERVER: &str = "Certificate expires in";
/// Fires always.
const WATCHDOG: &str = "MiniTwitWatchdog";
/// What may fire because of it, and while it lasts.
const OF_THE_LOCK: [&str; 10] = [
    "MiniTwitDbPoolExhausted",
    "MiniTwitDbSlow",
    "MiniTwitDbTimeouts",
    "MiniTwitDbWritesFailing",
    "MiniTwitErrorBudgetBurnFast",
    "MiniTwitErrorLogs",
    "MiniTwitJobFailed",
    "MiniTwitJobOverdue",
    "MiniTwitLatencyBudgetBurnFast",
    "MiniTwitSimulatorErrors",
];

struct Rehearsal {
    service: Service,
    watch: Watch,
    scale: u32,
    cookie: String,
}

impl Rehearsal {
    /// Whether exactly what may fire fires, and what has to has fired by the end.
    async fn watch_for(&self, length: Duration, has_to: &[&str], may: &[&str]) {
        let (started, length) = (Instant::now(), length / self.scale);
        let mut fired = BTreeSet::new();
        let late = length + Duration::from_mins(1);
        while started.elapsed() < length || has_to.iter().any(|name| !fired.contains(*name)) {
            assert!(started.elapsed() < late, "{has_to:?} did not fire, only {fired:?}");
            // A Prometheus that does not answer under load is asked again.
            for name in self.watch.firing().await.unwrap_or_default() {
                let is_true = name == WATCHDOG || [has_to, may].concat().contains(&name.as_str());
                assert!(is_true, "{name} fires");
                fired.insert(name);
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Waits until nothing fires any more but what has to.
    async fn all_over(&self, longest: Duration) {
        let started = Instant::now();
        loop {
            let firing = until("Prometheus answers", async || self.watch.firing().await).await;
            if firing == [WATCHDOG] {
                return say(&format!("outage: over after {:.1?}", started.elapsed()));
            }
            assert!(started.elapsed() < longest / self.scale, "still firing: {firing:?}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// A page of the panel, of a session that began before the outage.
    async fn page(&self, path: &str) -> Result<Page, String> {
        let request = Request::get(path).header(COOKIE, &self.cookie);
        let answer = ask(self.service.ops, request, "").await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        if !answer.status.is_success() {
            return Err(format!("{path}: {}", answer.status));
        }
        Ok(Page::parse(&text))
    }

    /// Requests of the simulator and of visitors with an outcome, since the start.
    async fn requests(&self, outcome: &str) -> f64 {
        let expr = format!(
            r#"sum(minitwit_http_requests_total{{job="minitwit",surface=~"web|api",outcome="{outcome}"}})"#
        );
        until("requests are counted", async || self.watch.value(&expr).await).await
    }
}

/// A query of a panel that may be green, with its dashboard and title.
struct Green {
    place: String,
    title: String,
    expr: String,
}

/// Queries of the committed dashboards whose answer can be shown in green.
fn greens() -> Vec<Green> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards");
    let mut greens = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.extension().is_none_or(|end| end != "json") {
            continue;
        }
        let file: Value = serde_json::from_str(&fs::read_to_string(&entry).unwrap()).unwrap();
        let open = file["panels"].as_array().unwrap().iter();
        let inside = open.clone().flat_map(|row| row["panels"].as_array().into_iter().flatten());
        for panel in open.chain(inside) {
            let kind = panel["type"].as_str().unwrap();
            let thresholds = &panel["fieldConfig"]["defaults"]["thresholds"]["steps"];
            let steps = thresholds.as_array().map_or(&[][..], Vec::as_slice);
            let is_green = steps.iter().any(|step| step["color"] == "green");
            if !["stat", "gauge", "bargauge"].contains(&kind) || !is_green {
                continue;
            }
            let title = panel["title"].as_str().unwrap().to_owned();
            if title == WITHOUT_SERVER {
                continue;
            }
            for target in panel["targets"].as_array().unwrap() {
                let expr = target["expr"].as_str().unwrap();
                let expr = expr.replace("$job", "minitwit").replace("$instance", ".+");
                let expr = expr.replace("$__rate_interval", "15s");
                let place = format!("{}: {title}", entry.display());
                greens.push(Green { place, title: title.clone(), expr });
            }
        }
    }
    greens
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_every_moment_of_an_outage_what_is_told_is_true() {
    if ["prometheus", "prometheus-alertmanager"].iter().any(|name| installed(name).is_none()) {
        return;
    }
    let _alone = ALONE.lock().await;
    let scale = if std::env::var_os("MINITWIT_OUTAGE_FULL").is_some() { 1 } else { SCALE };
    let dir = tempfile::tempdir().unwrap();
    let mut service = Service::new(dir.path());
    service.levels = "info";
    service.start().await;
    let _load = Load::start(service.site, service.api, PATIENCE).await;
    let watch = Watch::start(dir.path(), service.ops, &rules::of_an_outage(scale.into()));
    let cookie = log_in(service.ops, PASSWORD).await;
    let mut rehearsal = Rehearsal { service, watch, scale, cookie };

    healthy(&rehearsal).await;
    locked(&rehearsal, dir.path()).await;
    stopped(&mut rehearsal).await;
    blind(&mut rehearsal).await;
    nothing_is_left(&rehearsal).await;
}

async fn healthy(rehearsal: &Rehearsal) {
    let nothing = Duration::from_mins(10);
    until("requests are counted", async || {
        let rate = "sum(rate(minitwit_simulator_requests_total[10s]))";
        let rate = rehearsal.watch.value(rate).await?;
        (rate > 5.0).then_some(()).ok_or_else(|| format!("{rate} calls a second"))
    })
    .await;
    rehearsal.watch_for(nothing, &[WATCHDOG], &[]).await;
    assert!(rehearsal.requests("ok").await > 100.0);
    for green in greens() {
        let values = rehearsal.watch.values(&green.expr).await.unwrap();
        assert!(!values.is_empty(), "{} says nothing of a healthy service", green.place);
    }
    say("outage: healthy, and nothing fires");
}

async fn locked(rehearsal: &Rehearsal, dir: &Path) {
    let database = dir.join("data/minitwit.sqlite");
    let url = format!("sqlite:{}", database.display());
    let mut holder = SqliteConnection::connect(&url).await.unwrap();
    let before = rehearsal.requests("abandoned").await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
    let has_to = ["MiniTwitDbTimeouts", "MiniTwitDbWritesFailing", "MiniTwitErrorBudgetBurnFast"];
    rehearsal.watch_for(LOCKED, &has_to, &OF_THE_LOCK).await;
    let given_up = rehearsal.requests("abandoned").await - before;
    assert!(given_up > 50.0, "only {given_up} clients gave up");
    until("the panel says that clients give up", async || {
        let page = rehearsal.page("/admin/requests?q=error_type:abandoned").await?;
        let rows = page.texts("table td").join(" ");
        let is_told = rows.contains("499 gave up") && rows.contains("/msgs/{username}");
        is_told.then_some(()).ok_or(rows)
    })
    .await;
    until("so does its first page", async || {
        let tiles = rehearsal.page("/admin").await?.texts(".tiles li").join(" ");
        tiles.contains("gave up").then_some(()).ok_or(tiles)
    })
    .await;
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.unwrap();
    availability(rehearsal).await;
    say("outage: the database was locked, and clients that gave up were failures");
    // The longest window that an alert looks back is that of a job that failed, an hour.
    rehearsal.all_over(Duration::from_hours(2)).await;
}

/// The recorded share of good answers is that of all answers since the start, the first failures included.
async fn availability(rehearsal: &Rehearsal) {
    until("the recorded availability agrees with the counters", async || {
        let recorded = rehearsal.watch.value("minitwit:availability:ratio_1h").await?;
        let ok = rehearsal.requests("ok").await;
        let bad = rehearsal.requests("failed").await + rehearsal.requests("abandoned").await;
        let counted = ok / (ok + bad);
        let agrees = (recorded - counted).abs() < 0.05 && recorded < 0.98;
        agrees.then_some(()).ok_or_else(|| format!("{recorded} recorded, {counted} counted"))
    })
    .await;
}

async fn stopped(rehearsal: &mut Rehearsal) {
    rehearsal.service.kill();
    rehearsal.watch_for(STOPPED, &["MiniTwitDown"], &[]).await;
    for green in greens() {
        let values = rehearsal.watch.values(&green.expr).await.unwrap();
        if green.title == "Instances up" {
            assert_eq!(values, [0.0], "{}", green.place);
        } else {
            assert!(values.is_empty(), "{} shows {values:?} of a stopped service", green.place);
        }
    }
    rehearsal.service.start().await;
    say("outage: the service was stopped, and nothing was green");
    rehearsal.all_over(Duration::from_mins(20)).await;
}

async fn blind(rehearsal: &mut Rehearsal) {
    rehearsal.watch.stop_prometheus();
    tokio::time::sleep(BLIND / rehearsal.scale).await;
    rehearsal.watch.start_prometheus();
    rehearsal.watch_for(BLIND * 5, &[WATCHDOG], &[]).await;
    say("outage: Prometheus was stopped, and nothing fires for that");
}

/// The inbox shows nothing as firing that is over.
async fn nothing_is_left(rehearsal: &Rehearsal) {
    for rule in OF_THE_LOCK.iter().chain(&["MiniTwitDown"]) {
        until("the inbox has the end", async || {
            let page = rehearsal.page(&format!("/admin/alerts/{rule}")).await?;
            if page.has("[data-status=firing]") { Err(format!("{rule} fires")) } else { Ok(()) }
        })
        .await;
    }
}
