//! Scheduled jobs: the wrapper that guards and counts them, and what each of them does.

#![expect(clippy::float_cmp, reason = "the samples compared here are small whole numbers")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::routing::get;
use minitwit::clock::Clock;
use minitwit::db::DatabaseUrl;
use minitwit::jobs::{Context, JOBS, Job, Jobs, Outcome, Runner, Schedule, Scope};
use minitwit::routes;
use serde_json::json;
use tokio::sync::Notify;

use crate::harness::{Backend, TestApp, eventually, on_both_databases};

fn context(app: &TestApp) -> Context {
    let lists = routes::unobserved(&app.state);
    Context { state: app.state.clone(), config: Arc::new((*app.config).clone()), lists }
}

/// Runs a job of the table as its tick does; what came of it is in metrics and log.
async fn tick(app: &TestApp, name: &str) {
    let job = JOBS.iter().find(|job| job.name == name).unwrap();
    Runner::new(*job, context(app)).tick().await;
}

fn runs(app: &TestApp, name: &str, outcome: &str) -> f64 {
    app.metric("minitwit_job_runs_total", &[("job_name", name), ("outcome", outcome)])
}

#[tokio::test]
async fn every_schedule_is_one_the_scheduler_takes() {
    let app = TestApp::start(Backend::Sqlite).await.unwrap();
    let jobs = Jobs::new(&app.state, &app.config, routes::unobserved(&app.state)).await.unwrap();
    jobs.start().await.unwrap();
    eventually("jobs of the instance have run", async || {
        runs(&app, "business_totals", "success") == 1.0
            && runs(&app, "site_api_parity", "success") == 1.0
    })
    .await;
    jobs.stop().await;
    // Nothing was ever missed, so nothing is made up for.
    assert_eq!(runs(&app, "backup", "success") + runs(&app, "backup", "failure"), 0.0);
}

async fn of_several_processes_one_runs_a_tick(app: TestApp) {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let counted = RUNS.load(Ordering::SeqCst);
    let job = Job {
        name: "cluster_test",
        schedule: Schedule::every(Duration::from_hours(24)),
        scope: Scope::Cluster,
        work: |_| {
            Box::pin(async {
                RUNS.fetch_add(1, Ordering::SeqCst);
                Ok(Outcome::Done("ran".to_owned()))
            })
        },
    };
    let (second, third) = (app.twin().await, app.twin().await);
    let runners = [&app, &second, &third].map(|app| Runner::new(job, context(app)));
    let [one, two, three] = &runners;
    tokio::join!(one.tick(), two.tick(), three.tick());
    assert_eq!(RUNS.load(Ordering::SeqCst) - counted, 1);
    assert_eq!(runs(&app, "cluster_test", "success"), 1.0);
    assert_eq!(runs(&app, "cluster_test", "skipped"), 2.0);
    tokio::join!(one.catch_up(), two.catch_up());
    assert_eq!(RUNS.load(Ordering::SeqCst) - counted, 1, "nothing was missed");
    app.clock.advance(Duration::from_hours(48));
    tokio::join!(one.catch_up(), two.catch_up());
    assert_eq!(RUNS.load(Ordering::SeqCst) - counted, 2, "the missed run is made up for once");
}

#[tokio::test]
async fn a_run_that_has_not_ended_makes_the_next_one_missed() {
    static STARTED: Notify = Notify::const_new();
    static GO: Notify = Notify::const_new();
    let app = TestApp::start(Backend::Sqlite).await.unwrap();
    let job = Job {
        name: "slow_test",
        schedule: Schedule::every(Duration::from_secs(1)),
        scope: Scope::Instance,
        work: |_| {
            Box::pin(async {
                STARTED.notify_one();
                GO.notified().await;
                Ok(Outcome::Done("ran".to_owned()))
            })
        },
    };
    let runner = Runner::new(job, context(&app));
    let first = tokio::spawn({
        let runner = runner.clone();
        async move { runner.tick().await }
    });
    STARTED.notified().await;
    runner.tick().await;
    assert_eq!(runs(&app, "slow_test", "missed"), 1.0);
    GO.notify_one();
    first.await.unwrap();
    assert_eq!(runs(&app, "slow_test", "success"), 1.0);
}

#[tokio::test]
async fn a_panic_is_a_failed_run_and_the_next_one_runs() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let app = TestApp::start(Backend::Sqlite).await.unwrap();
    let job = Job {
        name: "panic_test",
        schedule: Schedule::every(Duration::from_secs(1)),
        scope: Scope::Instance,
        work: |_| {
            Box::pin(async {
                assert_ne!(RUNS.fetch_add(1, Ordering::SeqCst), 0, "the first run panics");
                Ok(Outcome::Done("ran".to_owned()))
            })
        },
    };
    let scheduled = Jobs::schedule(&[job], &context(&app)).await.unwrap();
    scheduled.start().await.unwrap();
    eventually("the scheduler goes on", async || {
        runs(&app, "panic_test", "failure") == 1.0 && runs(&app, "panic_test", "success") >= 1.0
    })
    .await;
    scheduled.stop().await;
}

#[tokio::test]
async fn ticks_that_never_came_are_counted() {
    let app = TestApp::start(Backend::Sqlite).await.unwrap();
    let job = JOBS.iter().find(|job| job.name == "business_totals").unwrap();
    let runner = Runner::new(*job, context(&app));
    runner.tick().await;
    app.clock.advance(4 * job.schedule.interval());
    runner.tick().await;
    let missed = runs(&app, "business_totals", "missed");
    assert!((3.0..=4.0).contains(&missed), "{missed}");
}

/// Steps of the clock, and what they are called.
const STEPS: [(&str, u64); 4] =
    [("an hour", 1), ("a day", 24), ("a month", 30 * 24), ("twenty years", 20 * 365 * 24)];

async fn a_job_of_the_cluster_survives_steps_of_the_clock(app: TestApp) {
    for schedule in [Duration::from_mins(10), Duration::from_hours(24)].map(Schedule::every) {
        for (name, hours) in STEPS {
            let job = Job {
                name: "stepped_test",
                schedule,
                scope: Scope::Cluster,
                work: |_| Box::pin(async { Ok(Outcome::Done("ran".to_owned())) }),
            };
            let step = Duration::from_hours(hours);
            let runner = Runner::new(job, context(&app));
            let ran = async |runner: &Runner| {
                let before = runs(&app, "stepped_test", "success");
                runner.catch_up().await;
                runs(&app, "stepped_test", "success") - before
            };
            runner.tick().await;
            assert_eq!(ran(&runner).await, 0.0, "nothing was missed");
            app.clock.advance(step);
            // A shorter step is over the next due time or not.
            let due = ran(&runner).await;
            assert!(step < schedule.interval() || due == 1.0, "{name} ahead");
            assert_eq!(ran(&runner).await, 0.0, "once");
            app.clock.turn_back(step);
            let is_far = step > 2 * schedule.interval();
            let again = ran(&runner).await;
            assert!(!is_far || again == 1.0, "back by {name}");
            // And it goes on.
            app.clock.advance(2 * schedule.interval());
            assert_eq!(ran(&runner).await, 1.0, "{name}");
            // The rows of the next round are those of a fresh service.
            let mut raw = crate::raw_sql::Raw::connect(&app).await;
            raw.execute("DELETE FROM jobs").await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_step_of_the_clock_is_told_and_missed_runs_are_caught_up_once() {
    let app = TestApp::start(Backend::Sqlite).await.unwrap();
    let job = Job {
        name: "daily_test",
        schedule: Schedule::every(Duration::from_hours(24)),
        scope: Scope::Cluster,
        work: |_| Box::pin(async { Ok(Outcome::Done("ran".to_owned())) }),
    };
    let scheduled = Jobs::schedule(&[job], &context(&app)).await.unwrap();
    scheduled.start().await.unwrap();
    scheduled.runners().next().unwrap().tick().await;
    let watching = tokio::spawn(scheduled.clone().watch_clock());
    let told = || {
        let records = app.records().all();
        records.iter().filter(|record| record.message.starts_with("the clock was set")).count()
    };
    // The watch has to have looked at the clock before it is set.
    tokio::task::yield_now().await;
    let (mut expected, mut steps) = (1.0, 0);
    for (_, hours) in STEPS.iter().skip(1) {
        let step = Duration::from_hours(*hours);
        app.clock.advance(2 * step);
        eventually("the missed run is caught up", async || {
            runs(&app, "daily_test", "success") == expected + 1.0 && told() == steps + 1
        })
        .await;
        app.clock.turn_back(2 * step);
        eventually("the due time is taken back", async || {
            runs(&app, "daily_test", "success") == expected + 2.0 && told() == steps + 2
        })
        .await;
        (expected, steps) = (expected + 2.0, steps + 2);
        assert_eq!(told(), steps);
    }
    assert!(app.clock.since_step().is_some());
    let next = scheduled.next_tick("daily_test").await.unwrap();
    assert!((next - Clock::default().now()).abs() <= 86_400_000_000, "{next}");
    assert_eq!(runs(&app, "daily_test", "missed"), 0.0);
    watching.abort();
    scheduled.stop().await;
}

#[tokio::test]
async fn sessions_are_not_swept_by_a_clock_that_was_just_set() {
    let app = TestApp::start(Backend::Sqlite).await.unwrap();
    app.user("a").await;
    let mut browser = app.browser_of("a").await;
    app.clock.advance(Duration::from_hours(30 * 24));
    app.clock.note_step();
    browser.get("/").await.goes_to("/public");
    tick(&app, "expired_sessions").await;
    assert_eq!(runs(&app, "expired_sessions", "skipped"), 1.0);
    app.clock.turn_back(Duration::from_hours(30 * 24));
    browser.get("/").await.is(200);
    // A session that was begun by a clock ahead ends as if it had begun now.
    app.clock.advance(Duration::from_hours(20 * 365 * 24));
    let mut ahead = app.browser_of("a").await;
    app.clock.turn_back(Duration::from_hours(20 * 365 * 24));
    ahead.get("/").await.is(200);
    app.clock.advance(Duration::from_hours(13));
    ahead.get("/").await.goes_to("/public");
}

fn parity(app: &TestApp) -> f64 {
    app.metric("minitwit_site_api_parity_ratio", &[])
}

async fn site_and_api_agree_while_messages_come_in(app: TestApp) {
    let name = "O'Neil & <Söns>";
    app.user(name).await;
    tick(&app, "site_api_parity").await;
    assert_eq!(parity(&app), 1.0, "of nothing");
    let same_second = Clock::default().now();
    for number in 0..40 {
        app.message_at(name, &format!("\"{number}\" <&> – 'æ'"), same_second).await;
    }
    let posting = async {
        for number in 0..60 {
            app.message(name, &format!("meanwhile {number}")).await;
        }
    };
    let checking = async {
        for _ in 0..10 {
            tick(&app, "site_api_parity").await;
            assert_eq!(parity(&app), 1.0);
        }
    };
    tokio::join!(posting, checking);
    assert_eq!(runs(&app, "site_api_parity", "success"), 11.0);
    // The check is nobody's visit: "the simulator has been silent" has to stay true.
    assert_eq!(app.metric("minitwit_simulator_last_request_timestamp_seconds", &[]), 0.0);
}

#[tokio::test]
async fn a_site_that_shows_something_else_is_noticed() {
    let app = TestApp::start(Backend::Sqlite).await.unwrap();
    app.user("a").await;
    for text in ["one", "two", "three", "four"] {
        app.message("a", text).await;
    }
    let list = app.simulator().get("/msgs").await.json();
    let mut shuffled = list.as_array().unwrap().clone();
    shuffled.swap(2, 3);
    let lists = Router::new()
        .route("/msgs", get(async move || Json(json!(shuffled))))
        .fallback_service(routes::unobserved(&app.state));
    let job = JOBS.iter().find(|job| job.name == "site_api_parity").unwrap();
    Runner::new(*job, Context { lists, ..context(&app) }).tick().await;
    assert_eq!(parity(&app), 0.5);
}

#[tokio::test]
async fn optimizing_empties_the_write_ahead_log() {
    let app = TestApp::start(Backend::Sqlite).await.unwrap();
    app.user("a").await;
    app.message("a", "text").await;
    let DatabaseUrl::Sqlite(path) = app.database_url() else { unreachable!() };
    let wal = path.with_extension("sqlite-wal");
    let before = std::fs::metadata(&wal).unwrap().len();
    tick(&app, "sqlite_optimize").await;
    assert_eq!(runs(&app, "sqlite_optimize", "success"), 1.0);
    let emptied = "optimized; truncated the write-ahead log";
    assert!(app.records().all().iter().any(|record| record.message == emptied));
    // The end of the run was noted after that.
    assert!(std::fs::metadata(&wal).unwrap().len() < before / 4);
}

async fn the_daily_backup_is_written_and_the_oldest_removed(app: TestApp) {
    let app = app.with(&["--backups", "2"]).await;
    app.user("a").await;
    for _ in 0..4 {
        tick(&app, "backup").await;
        app.clock.advance(Duration::from_hours(24));
    }
    assert_eq!(runs(&app, "backup", "success"), 4.0);
    let backups = std::fs::read_dir(app.dir().join("backups")).unwrap().count();
    assert_eq!(backups, 2);
}

on_both_databases!(
    of_several_processes_one_runs_a_tick,
    a_job_of_the_cluster_survives_steps_of_the_clock,
    site_and_api_agree_while_messages_come_in,
    the_daily_backup_is_written_and_the_oldest_removed,
);
