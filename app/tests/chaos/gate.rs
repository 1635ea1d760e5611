//! The gate itself.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use http::Request;
use http::header::{CONTENT_TYPE, COOKIE};
use tokio::task::JoinSet;

use crate::excluded_alerts::EXCEPTIONS;
use crate::html::Page;
use crate::installed::installed;
use crate::load::{Load, PATIENCE, ask_in_every_way, guess_passwords, idle};
use crate::operator::log_in;
use crate::programs::{ALONE, PASSWORD, Service, Watch, ask, until};
use crate::rounds::{self, Round};
use crate::rules;

/// Fires always.
const WATCHDOG: &str = "MiniTwitWatchdog";
/// A healthy service is watched for so long: longer than any scaled wait for what it would fire.
const HEALTHY: Duration = Duration::from_secs(20);
/// The slowest fault shows in this time: an hour of real time, and what comes before it counts.
const LONGEST: Duration = Duration::from_mins(2);
/// Everything has ended after this: the slow burn looks back two hours of real time.
const OVER: Duration = Duration::from_mins(3);
/// Connections that say nothing.
const IDLE: usize = 370;

struct Gate {
    service: Service,
    watch: Watch,
    /// What the last round explained or left behind: its waits and windows reach into the next one.
    before: BTreeSet<String>,
}

impl Gate {
    /// Looks once: nothing fires that is not explained. What has fired so far is added.
    async fn look(&self, round: &Round, fired: &mut BTreeSet<String>) {
        // A Prometheus that does not answer under load is asked again.
        let Ok(firing) = self.watch.firing().await else { return };
        for name in firing {
            let is_explained = name == WATCHDOG
                || self.before.contains(&name)
                || round.fires.contains(&name.as_str())
                || round.may_fire.iter().any(|(known, _)| *known == name);
            assert!(is_explained, "{name} fires while {}", round.what);
            fired.insert(name);
        }
    }

    /// Waits until everything has fired that the round is for.
    async fn expect(&self, round: &Round) {
        let started = Instant::now();
        let mut fired = BTreeSet::new();
        let is_missing = |fired: &BTreeSet<String>, name: &&&str| !fired.contains(**name);
        while round.fires.iter().any(|name| is_missing(&fired, &name)) {
            self.look(round, &mut fired).await;
            let missing: Vec<_> = round.fires.iter().filter(|n| is_missing(&fired, n)).collect();
            let waited = started.elapsed();
            assert!(waited < LONGEST, "{missing:?} did not fire while {}: {fired:?}", round.what);
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        say(&format!("{:>5.1} s: {}", started.elapsed().as_secs_f64(), round.what));
    }

    /// Breaks, waits for the alerts, mends.
    async fn run(&mut self, round: &Round) {
        self.fault(round).await;
        self.expect(round).await;
        self.mend(round).await;
    }

    async fn fault(&self, round: &Round) {
        for fault in round.faults {
            self.service.chaos(fault).await;
        }
    }

    async fn mend(&mut self, round: &Round) {
        self.service.chaos("off").await;
        self.remember(round).await;
    }

    async fn remember(&mut self, round: &Round) {
        let firing = until("Prometheus answers", async || self.watch.firing().await).await;
        let explained = round.may_fire.iter().map(|(name, _)| name).chain(round.fires);
        self.before = explained.map(|name| (*name).to_owned()).chain(firing).collect();
    }

    /// Waits until nothing but the watchdog fires.
    async fn all_over(&mut self) {
        let started = Instant::now();
        loop {
            let firing = until("Prometheus answers", async || self.watch.firing().await).await;
            if firing == [WATCHDOG] {
                break;
            }
            assert!(started.elapsed() < OVER, "still firing: {firing:?}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        self.before.clear();
        say(&format!("{:>5.1} s: everything has ended", started.elapsed().as_secs_f64()));
    }
}

/// Not `eprintln!`, which the test harness keeps to itself when a test passes.
pub fn say(line: &str) {
    use std::io::Write;

    std::io::stderr().write_all(format!("chaos: {line}\n").as_bytes()).unwrap();
}

/// Every alert is either fired here or has a reason not to be.
#[test]
fn no_alert_is_left_out() {
    let (_, alerts) = rules::scaled();
    let fired: BTreeSet<_> = rounds::ALL.iter().flat_map(|round| round.fires).copied().collect();
    for alert in &alerts {
        assert!(fired.contains(alert.as_str()) || alert == WATCHDOG, "nothing fires {alert}");
    }
    for excluded in &EXCEPTIONS.excluded {
        let alert = excluded.alert.as_str();
        assert!(!fired.contains(alert) && !excluded.reason.is_empty(), "{alert}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_fires_its_alert_and_every_alert_ends() {
    if ["prometheus", "prometheus-alertmanager"].iter().any(|name| installed(name).is_none()) {
        return;
    }
    let _alone = ALONE.lock().await;
    let dir = tempfile::tempdir().unwrap();
    let mut service = Service::new(dir.path());
    service.start().await;
    let load = Load::start(service.site, service.api, PATIENCE).await;
    let watch = Watch::start(dir.path(), service.ops, &rules::scaled().0);
    let mut gate = Gate { service, watch, before: BTreeSet::new() };

    healthy(&gate).await;
    gate.fault(&rounds::FAILING).await;
    gate.expect(&rounds::FAILING).await;
    let cookie = log_in(gate.service.ops, PASSWORD).await;
    told(&gate, &cookie).await;
    gate.mend(&rounds::FAILING).await;
    slow(&mut gate).await;
    empty_the_write_ahead_log(&gate, &cookie).await;
    gate.run(&rounds::STARVED).await;
    gate.run(&rounds::DISCARDING).await;
    load.every(Duration::from_millis(500));
    gate.run(&rounds::BLOCKED).await;
    gate.all_over().await;
    quiet(&mut gate, &load).await;
    gone(&mut gate).await;
    gate.all_over().await;
}

/// Nothing is wrong: the watchdog fires, and for a while nothing else.
async fn healthy(gate: &Gate) {
    let nothing =
        Round { what: "nothing is wrong", faults: &[], fires: &[WATCHDOG], may_fire: &[] };
    gate.expect(&nothing).await;
    until("requests are counted", async || {
        let rate = "sum(rate(minitwit_simulator_requests_total[10s]))";
        let rate = gate.watch.value(rate).await?;
        (rate > 5.0).then_some(()).ok_or_else(|| format!("{rate} calls a second"))
    })
    .await;
    let started = Instant::now();
    while started.elapsed() < HEALTHY {
        gate.look(&nothing, &mut BTreeSet::new()).await;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Alertmanager has told the service, and the panel leads from the alert to a line, and from that to its
/// SQL.
async fn told(gate: &Gate, cookie: &str) {
    let page = async |path: &str| {
        let request = Request::get(path).header(COOKIE, cookie);
        let answer = ask(gate.service.ops, request, "").await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        if answer.status.is_success() {
            Ok(text)
        } else {
            Err(format!("{path}: {}", answer.status))
        }
    };
    let rule = "MiniTwitErrorBudgetBurnFast";
    let request = until("the alert stands in the panel with its line", async || {
        let text = page(&format!("/admin/alerts/{rule}")).await?;
        let page = Page::parse(&text);
        let queries = page.texts(".sum code");
        let is_told = page.has("[data-status=firing]")
            && queries.iter().any(|query| query.starts_with("status:5xx OR error_type:abandoned"));
        let has_line = page.texts("tr.record").iter().any(|row| row.contains("injected fault"));
        let requests = page.values("tr.record .links [data-request]", "href");
        if is_told && has_line { requests.first().cloned().ok_or(text) } else { Err(text) }
    })
    .await;
    let text = page(&request).await.unwrap();
    let statements = Page::parse(&text).texts("[data-statement] pre");
    assert!(
        statements.iter().any(|sql| sql.contains("SELECT")),
        "a request without its SQL: {text}"
    );
    say("      told: from the alert to its line, and to the SQL of that");
}

async fn slow(gate: &mut Gate) {
    let (site, api) = (gate.service.site, gate.service.api);
    let mut beside = JoinSet::new();
    beside.spawn(guess_passwords(site));
    (0..IDLE).for_each(|_| drop(beside.spawn(idle(api))));
    for _ in 0..3 {
        beside.spawn(guess_passwords(site));
    }
    gate.run(&rounds::SLOW).await;
}

/// What the runbook of the write-ahead log says: run the job on the page of the panel.
async fn empty_the_write_ahead_log(gate: &Gate, cookie: &str) {
    let job = Request::post("/admin/system/jobs/sqlite_optimize")
        .header(COOKIE, cookie)
        .header("sec-fetch-site", "same-origin")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = ask(gate.service.ops, job, "").await.unwrap();
    assert!(answer.status.is_redirection(), "{} {:?}", answer.status, answer.body);
}

async fn quiet(gate: &mut Gate, load: &Load) {
    load.every(Duration::from_hours(1));
    let nobody = ([127, 0, 0, 1], 1).into();
    gate.watch.targets(&[gate.service.ops, nobody]);
    ask_in_every_way(gate.service.site).await;
    gate.expect(&rounds::QUIET).await;
    gate.watch.targets(&[gate.service.ops]);
    gate.remember(&rounds::QUIET).await;
}

async fn gone(gate: &mut Gate) {
    for _ in 0..3 {
        let started = started_at(gate).await;
        // Starts are told apart by whole seconds.
        until("the second of the last start is over", async || {
            let age = gate.watch.value("vector(time())").await? - started;
            (age > 2.0).then_some(()).ok_or_else(|| format!("{age} s"))
        })
        .await;
        gate.service.kill();
        gate.service.start().await;
        until("Prometheus has seen the start", async || {
            let now = started_at(gate).await;
            (now > started).then_some(()).ok_or_else(|| format!("{now}"))
        })
        .await;
    }
    gate.expect(&rounds::RESTARTING).await;
    gate.remember(&rounds::RESTARTING).await;
    gate.service.kill();
    gate.expect(&rounds::DOWN).await;
    gate.service.start().await;
}

/// When the service started, as Prometheus knows.
async fn started_at(gate: &Gate) -> f64 {
    let expr = "max(process_start_time_seconds{job=\"minitwit\"})";
    until("a start is known", async || gate.watch.value(expr).await).await
}
