//! The text that Prometheus reads: its form as a golden file, and how long it can get.

use std::collections::BTreeSet;
use std::time::Duration;

use admin::exposition::parse;
use minitwit::metrics::{Outcome, Request, RequestMetrics, StatementMetrics, Surface};
use minitwit::routes;
use serde_json::json;

use crate::harness::{Backend, TestApp, on, on_both_databases};
use crate::known_routes::{API_ROUTES, Row, SITE_ROUTES};

on_both_databases!(what_users_usually_do_starts_at_zero, the_size_of_the_database_is_known);

/// No use and no abuse of the service makes it expose more samples.
const MOST_SAMPLES: usize = 6_000;
/// Samples of logs, jobs and the like, which the service of these tests goes without.
const ELSEWHERE: usize = 400;

/// The lines in order, with values only where they are the same each time.
fn comparable(exposition: &str) -> String {
    let counted = [
        "_inserts_total",
        "_simulator_requests_total",
        "_simulator_latest",
        "_http_responses_total",
    ];
    let line = |line: &str| {
        let is_kept = line.starts_with('#') || counted.iter().any(|name| line.contains(name));
        let line = if is_kept { line } else { line.rsplit_once(' ').unwrap().0 };
        line.replace(minitwit::build::REVISION, "(revision)")
            .replace(minitwit::build::RUSTC, "(rustc)")
            .replace(env!("CARGO_PKG_VERSION"), "(version)")
    };
    // Which statements a request runs is another test's subject.
    let is_statement = |line: &&str| line.starts_with("db_client_operation");
    let lines = exposition.lines().filter(|line| !line.is_empty() && !is_statement(line));
    let lines: BTreeSet<_> = lines.map(line).collect();
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn the_exposition_is_the_golden_one() {
    on(Backend::Sqlite, async |app| {
        app.user("a").await;
        let api = app.simulator();
        api.post("/msgs/a?latest=7", json!({"content": "x"})).await.is(204);
        api.get("/msgs/nobody?latest=8").await.is(404);
        app.browser().get("/public").await.is(200);
        let text = app.ops("/metrics").await.text();
        insta::assert_snapshot!(comparable(&text));
    })
    .await;
}

#[tokio::test]
async fn the_number_of_series_has_a_bound() {
    on(Backend::Sqlite, async |app| {
        invent_requests(&app.state.requests);
        let statements = StatementMetrics::new("sqlite");
        for number in 0..1_000 {
            let name: &'static str = Box::leak(format!("table{number}.read").into());
            for error in ["", "taken", "busy", "timeout", "closed", "other"] {
                statements.ended(name, error, Duration::from_millis(1));
            }
        }
        let text = app.ops("/metrics").await.text();
        let count = parse(&text).samples.len();
        assert!((4_800..=MOST_SAMPLES - ELSEWHERE).contains(&count), "{count} samples");
        assert!(app.metric("minitwit_metrics_label_overflow_total", &[]) > 1_000.0);
        let errors = [("http_route", "<overflow>"), ("http_response_status_code", "5xx")];
        let folded = app.metric("http_server_request_duration_seconds_count", &errors);
        assert!(folded > 100.0, "an error counts as one whatever its route: {folded}");
        let told = app.records().all();
        let told = told.iter().filter(|record| record.message.contains("too many label sets"));
        assert_eq!(told.count(), 3, "each metric says it once");
    })
    .await;
}

/// Registers, logs in, posts, follows, unfollows, reads and leaves, as a person and as the simulator.
async fn use_everything(app: &TestApp) {
    let mut browser = app.browser();
    let form = [("username", "a"), ("email", "a@b"), ("password", "p"), ("password2", "p")];
    for path in ["/register", "/login", "/public"] {
        browser.get(path).await.is(200);
    }
    browser.post("/register", &form).await.is(302);
    browser.post("/login", &[("username", "a"), ("password", "p")]).await.is(302);
    let api = app.simulator();
    api.post("/register", json!({"username": "b", "email": "b@b", "pwd": "p"})).await.is(204);
    api.post("/msgs/b?latest=1", json!({"content": "x"})).await.is(204);
    api.post("/fllws/b", json!({"follow": "a"})).await.is(204);
    for path in ["/latest", "/msgs", "/msgs/b", "/fllws/b"] {
        api.get(path).await.is(200);
    }
    for path in ["/", "/b"] {
        browser.get(path).await.is(200);
    }
    for path in ["/add_message", "/b/follow", "/b/unfollow", "/logout"] {
        browser.post(path, &[("text", "x")]).await.is(302);
    }
}

/// What was measured of a metric, without its figures.
fn label_sets(exposition: &str, metric: &str) -> BTreeSet<String> {
    let samples = parse(exposition).samples;
    let sets = samples.iter().filter(|sample| sample.name == metric);
    sets.map(|sample| sample.series.to_owned()).collect()
}

async fn what_users_usually_do_starts_at_zero(app: TestApp) {
    const REQUESTS: &str = "http_server_request_duration_seconds_count";
    const OUTCOMES: &str = "minitwit_http_requests_total";
    const STATEMENTS: &str = "db_client_operation_duration_seconds_count";

    let expected = || routes::EXPECTED_RESPONSES.iter().chain(&routes::LEFT_POSTS);
    app.state.requests.expect_routes(&routes::COUNTED_ROUTES);
    app.state.requests.expect_answers(expected());
    app.state.db.expect_statements();
    let text = app.ops("/metrics").await.text();
    assert!((app.metric(REQUESTS, &[("surface", "ops")]) - 1.0).abs() < 0.1);
    for surface in ["web", "api"] {
        assert!(
            app.metric(REQUESTS, &[("surface", surface)]).abs() < 0.1,
            "{surface} at the start"
        );
    }
    let before = label_sets(&text, REQUESTS);
    assert_eq!(before.len(), expected().count(), "one series of each");
    let outcomes = label_sets(&text, OUTCOMES);
    assert_eq!(outcomes.len(), 3 * routes::COUNTED_ROUTES.len(), "each outcome of each route");
    let statements = label_sets(&text, STATEMENTS);
    use_everything(&app).await;
    let text = app.ops("/metrics").await.text();
    let new: Vec<_> =
        label_sets(&text, REQUESTS).into_iter().filter(|set| !before.contains(set)).collect();
    assert!(new.iter().all(|set| set.contains("\"ops\"")), "{new:#?} come later");
    for answer in &routes::EXPECTED_RESPONSES {
        let labels = [
            ("surface", answer.surface.label()),
            ("http_request_method", answer.method),
            ("http_route", answer.route),
            ("http_response_status_code", &answer.status.to_string()),
        ];
        assert!(app.metric(REQUESTS, &labels) >= 1.0, "nobody gets {answer:?}");
    }
    let late: Vec<_> =
        label_sets(&text, OUTCOMES).into_iter().filter(|set| !outcomes.contains(set)).collect();
    assert_eq!(late, Vec::<String>::new(), "a first failure would not be counted");
    for table in ["users.", "messages.", "followers."] {
        let later: Vec<_> = label_sets(&text, STATEMENTS)
            .into_iter()
            .filter(|set| set.contains(&format!("\"{table}")) && !statements.contains(set))
            .collect();
        assert!(later.is_empty(), "{later:?} come later");
    }
}

async fn the_size_of_the_database_is_known(app: TestApp) {
    let empty = app.state.db.size().await.unwrap();
    assert!(empty > 10_000, "{empty} bytes");
    app.user("a").await;
    for _ in 0..40 {
        app.message("a", &"x".repeat(280)).await;
    }
    let now = app.state.db.size().await.unwrap();
    assert!(now > empty, "{empty} bytes, and {now} after 40 messages");
}

#[test]
fn every_statement_has_a_label_set_to_spare() {
    let statements = minitwit::db::statements().len();
    assert!(statements < 110, "{statements} statements; raise the bound on their label sets");
}

/// Every surface, method and status of this service on routes that nobody has.
fn invent_requests(requests: &RequestMetrics) {
    let statuses = [200, 204, 302, 304, 400, 403, 404, 405, 408, 413, 415, 429, 499, 500, 503];
    for surface in [Surface::Web, Surface::Api, Surface::Ops] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "_OTHER"] {
            for (route, status) in (0..100).flat_map(|n| statuses.map(|status| (n, status))) {
                let route = &format!("/invented/{route}");
                let (duration, statements) = (Duration::from_millis(1), 1);
                let outcome = Outcome::of(status);
                requests.began(surface);
                requests.ended(&Request {
                    surface,
                    method,
                    route,
                    status,
                    outcome,
                    duration,
                    statements,
                });
            }
        }
    }
}

#[tokio::test]
async fn a_setting_folds_label_sets_earlier() {
    let app = TestApp::start_with(Backend::Sqlite, &["--metrics-label-sets", "1"]).await.unwrap();
    app.browser().get("/public").await.is(200);
    app.browser().get("/login").await.is(200);
    app.browser().get("/public").await.is(200);
    let count =
        |route| app.metric("http_server_request_duration_seconds_count", &[("http_route", route)]);
    assert!((count("/public") - 2.0).abs() < 0.1 && (count("<overflow>") - 1.0).abs() < 0.1);
    assert!(count("/login").abs() < 0.1);
}

#[test]
fn every_route_has_zeros_for_its_outcomes() {
    let counted = |surface| {
        let of_it = routes::COUNTED_ROUTES.iter().filter(move |(of, _)| *of == surface);
        of_it.map(|(_, route)| *route).collect::<BTreeSet<_>>()
    };
    let known = |table: &[Row]| table.iter().map(|(.., route)| *route).collect::<BTreeSet<_>>();
    let (web, api) = (counted(Surface::Web), counted(Surface::Api));
    let all = web.union(&api).copied().collect();
    assert!(known(SITE_ROUTES).is_subset(&all) && known(API_ROUTES).is_subset(&api));
}
