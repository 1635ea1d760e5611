//! What can be seen from outside of a request: one record, one sample, its names, and no secret.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use admin::exposition::Sample;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use futures_util::stream;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use http_body_util::BodyExt;
use logsearch::query::parse;
use logsearch::{Logs, Search};
use minitwit::db::Fault;
use minitwit::durable::DurableRecords;
use minitwit::metrics::Surface;
use minitwit::routes;
use minitwit::state::AppState;
use serde_json::json;
use tower::ServiceExt;
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry;

use crate::harness::{Backend, TestApp, eventually, on, on_both_databases, request, send};
use crate::known_routes::{API_ROUTES, SITE_ROUTES};
use crate::raw_sql::Raw;
use crate::records::Record;

on_both_databases!(
    a_request_is_one_record_and_one_sample,
    routes_are_named_by_their_templates,
    nothing_secret_is_logged_or_measured,
    statements_are_measured_under_their_names,
    a_failed_request_tells_its_stages,
);

const SAMPLES: &str = "http_server_request_duration_seconds_count";

async fn a_request_is_one_record_and_one_sample(app: TestApp) {
    app.user("a").await;
    let mut browser = app.browser_of("a").await;
    let api = app.simulator();
    app.records().take();
    let answer = browser.get("/public").await;
    let records = app.records().requests();
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record.level, Level::INFO);
    assert_eq!(record.message, "GET /public 200");
    for (field, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/public"),
        ("url.path", "/public"),
        ("http.response.status_code", "200"),
        ("client.address", "127.0.0.1"),
        ("surface", "web"),
        ("user.name", "a"),
        ("db.count", "2"),
        ("http.request.id", answer.header("x-request-id")),
    ] {
        assert_eq!(record.field(field), value, "{field}");
    }
    assert_eq!(record.field("http.response.body.bytes"), answer.body.len().to_string());
    assert!(record.field("duration_us").parse::<u64>().unwrap() > 0);
    assert!(record.field("db.duration_us").parse::<u64>().unwrap() > 0);
    assert_eq!((record.field("trace.id").len(), record.field("span.id").len()), (32, 16));
    let labels = [
        ("surface", "web"),
        ("http_request_method", "GET"),
        ("http_route", "/public"),
        ("http_response_status_code", "200"),
    ];
    assert!((app.metric(SAMPLES, &labels) - 1.0).abs() < 0.1);

    // Every other kind of answer is one of each as well.
    let before = app.metric(SAMPLES, &[]);
    app.records().take();
    browser.get("/nobody").await.is(404);
    browser.get("/a/follow").await.is(302);
    browser.send(request(Method::DELETE, "/public"), Body::empty()).await.is(405);
    browser.get("/static/style.css").await.is(200);
    api.get("/msgs/nobody").await.is(404);
    api.send(Method::GET, "/msgs", None, Body::empty()).await.is(403);
    api.post("/msgs/a", json!({"content": "x"})).await.is(204);
    app.ops("/nowhere").await.is(404);
    let records = app.records().requests();
    let statuses: Vec<_> =
        records.iter().map(|record| record.field("http.response.status_code")).collect();
    assert_eq!(statuses, ["404", "302", "405", "200", "404", "403", "204", "404"]);
    assert!((app.metric(SAMPLES, &[]) - before - 8.0).abs() < 0.1);
    for surface in ["web", "api", "ops"] {
        let active = app.metric("http_server_active_requests", &[("surface", surface)]);
        assert!(active.abs() < 0.1, "{surface}: {active}");
    }
    let ids: BTreeSet<_> = records.iter().map(|record| record.field("http.request.id")).collect();
    assert_eq!(ids.len(), 8);
}

async fn a_failed_request_tells_its_stages(app: TestApp) {
    app.user("a").await;
    let mut browser = app.browser_of("a").await;
    let mut raw = Raw::connect(&app).await;
    // A log-in would end with a session, whose table is gone after the password is compared.
    raw.execute("ALTER TABLE sessions RENAME TO gone").await.unwrap();
    let stages = |records: &[Record]| {
        let name = |record: &Record| record.field("span.name").to_owned();
        let is_stage = |record: &&Record| record.message.starts_with("stage ");
        records.iter().filter(is_stage).map(name).collect::<Vec<_>>()
    };

    app.records().take();
    let form = [("username", "a"), ("password", "default")];
    app.browser().post("/login", &form).await.is(500);
    let records = app.records().take();
    assert_eq!(stages(&records), ["session", "read body", "password", "handler", "send"]);
    let number = |record: &Record, name| record.field(name).parse::<u64>().unwrap();
    let end = records.last().unwrap();
    for stage in records.iter().filter(|record| record.message.starts_with("stage ")) {
        let till = number(stage, "offset_us") + number(stage, "duration_us");
        assert!(till <= number(end, "duration_us") + 1, "{stage:?} of {end:?}");
        assert_eq!(stage.field("http.request.id"), end.field("http.request.id"));
    }

    // Who comes with a session that cannot be looked up reaches no handler.
    browser.get("/public").await.is(500);
    assert_eq!(stages(&app.records().take()), ["session", "send"]);
    raw.execute("ALTER TABLE gone RENAME TO sessions").await.unwrap();

    // Of those that do well, a sample is kept.
    eventually("a page is in the sample", async || {
        browser.get("/public").await.is(200);
        let stages = stages(&app.records().take());
        assert!(stages.is_empty() || stages == ["session", "render", "handler", "send"]);
        !stages.is_empty()
    })
    .await;
}

async fn routes_are_named_by_their_templates(app: TestApp) {
    for (router, table) in [(&app.site, SITE_ROUTES), (&app.api, API_ROUTES)] {
        for (method, path, route) in table {
            app.records().take();
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            send(router, request(method, path).body(Body::empty()).unwrap()).await;
            let records = app.records().requests();
            assert_eq!(records[0].field("http.route"), *route, "{path}");
            assert!(app.metric(SAMPLES, &[("http_route", route)]) >= 1.0, "{path}");
        }
    }
    let known = SITE_ROUTES.iter().chain(API_ROUTES).map(|(.., route)| *route);
    let known: BTreeSet<_> = known.map(str::to_owned).collect();
    assert_eq!(app.label_values("http_route"), known, "a label is a template and never an address");
}

#[tokio::test]
async fn odd_methods_share_one_label() {
    on(Backend::Sqlite, async |app| {
        for method in ["TRACE", "BREW", "PROPFIND", "get"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = app.browser().send(request(method, "/public"), Body::empty()).await;
            answer.is(405);
        }
        let labels = [("http_request_method", "_OTHER")];
        assert!((app.metric(SAMPLES, &labels) - 4.0).abs() < 0.1);
    })
    .await;
}

#[tokio::test]
async fn a_method_that_no_route_takes_uses_up_no_label_sets() {
    on(Backend::Sqlite, async |app| {
        let mut browser = app.browser();
        for (_, path, _) in SITE_ROUTES {
            for method in [Method::DELETE, Method::PUT, Method::PATCH, Method::OPTIONS] {
                // From another site it is refused before the method is looked at.
                for site in ["none", "cross-site"] {
                    let request = request(method.clone(), path).header("sec-fetch-site", site);
                    browser.send(request, Body::empty()).await;
                }
            }
        }
        let metrics = app.instruments.metrics.render();
        let samples = admin::exposition::parse(&metrics).samples;
        let of_no_route = |sample: &&Sample| {
            let method = sample.label("http_request_method");
            sample.name == SAMPLES && !matches!(method, Some("GET" | "POST"))
        };
        let refused: Vec<_> = samples.iter().filter(of_no_route).collect();
        assert!(refused.iter().all(|sample| sample.label("http_route") == Some("<unmatched>")));
        // One of each method and answer, for the site and for the API below it.
        assert!((1..=24).contains(&refused.len()), "{refused:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_client_that_does_not_wait_is_a_499() {
    on(Backend::Sqlite, async |app| {
        let body = Body::from_stream(stream::pending::<Result<&str, std::io::Error>>());
        let form = "application/x-www-form-urlencoded";
        let request = request(Method::POST, "/login").header(CONTENT_TYPE, form).body(body);
        let answer = app.site.clone().oneshot(request.unwrap());
        let waited = tokio::time::timeout(Duration::from_millis(50), answer).await;
        assert!(waited.is_err(), "the answer came before the body");
        let records = app.records().requests();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].field("http.response.status_code"), "499");
        let labels = [("http_response_status_code", "499"), ("http_route", "/login")];
        assert!((app.metric(SAMPLES, &labels) - 1.0).abs() < 0.1);
        assert!(app.metric("http_server_active_requests", &[("surface", "web")]).abs() < 0.1);
    })
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_over_a_socket_is_seen() {
    on(Backend::Sqlite, async |app| {
        let served = app.serve().await;
        let mut stream = tokio::net::TcpStream::connect(served.site).await.unwrap();
        let head = "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nuse";
        tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
        let metric = "http_server_active_requests";
        eventually("the request is active", async || {
            app.metric(metric, &[("surface", "web")]) > 0.5
        })
        .await;
        drop(stream);
        eventually("its record is written", async || app.records().requests().len() == 1).await;
        assert!(app.metric(metric, &[("surface", "web")]).abs() < 0.1);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_nobody_reads_to_its_end_is_recorded_once() {
    on(Backend::Sqlite, async |app| {
        let request = request(Method::GET, "/public").body(Body::empty()).unwrap();
        let answer = app.site.clone().oneshot(request).await.unwrap();
        assert_eq!(app.records().requests().len(), 0, "the answer has not ended");
        drop(answer);
        let records = app.records().requests();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].field("http.response.body.bytes"), "0");
    })
    .await;
}

#[tokio::test]
async fn a_panic_is_a_page_a_record_and_a_count() {
    on(Backend::Sqlite, async |app| {
        async fn boom() -> &'static str {
            panic!("a defect made for this test")
        }
        for (surface, kind) in [(Surface::Web, "text/html"), (Surface::Api, "application/json")] {
            let router = Router::new().route("/boom", get(boom));
            let router = routes::observed(router, &app.state, surface);
            app.records().take();
            let get = request(Method::GET, "/boom").body(Body::empty()).unwrap();
            let answer = send(&router, get).await;
            answer.is(500).hides("defect");
            assert!(answer.header("content-type").starts_with(kind), "{:?}", answer.headers);
            assert_eq!(answer.header("x-frame-options"), "DENY");
            if surface == Surface::Web {
                answer.shows(answer.header("x-request-id"));
            }
            let records = app.records().requests();
            assert_eq!(records.len(), 1);
            assert_eq!(records[0].level, Level::WARN);
            assert_eq!(records[0].field("http.response.status_code"), "500");
            let failure = app.records().all();
            let failure = failure.iter().find(|record| record.message == "request failed").unwrap();
            assert_eq!(failure.level, Level::ERROR);
            assert_eq!(failure.field("http.request.id"), records[0].field("http.request.id"));
        }
        assert!((app.metric("minitwit_panics_total", &[]) - 2.0).abs() < 0.1);
    })
    .await;
}

#[tokio::test]
async fn the_record_of_a_failure_is_on_the_disk_before_its_answer() {
    on(Backend::Sqlite, async |app| {
        async fn boom() -> &'static str {
            panic!("a defect made for this test")
        }
        let (layer, logs) =
            Logs::start(app.dir().join("logs"), logsearch::Options::default()).unwrap();
        let logs = Arc::new(logs);
        let durable = DurableRecords::of(Arc::clone(&logs));
        let state = AppState { durable, ..app.state.clone() };
        let _recorded = tracing::subscriber::set_default(registry().with(layer));
        let router = Router::new().route("/boom", get(boom));
        let router = routes::observed(router, &state, Surface::Web);
        send(&router, request(Method::GET, "/boom").body(Body::empty()).unwrap()).await.is(500);
        let on_disk = logs.wal().synced();
        let search = Search::new(parse("level:error").query).limit(10);
        let errors = logs.store().search(&search).await.unwrap().records;
        assert!(errors.iter().any(|record| record.message == "request failed"), "{errors:?}");
        assert!(errors.iter().all(|record| record.sequence < on_disk), "{errors:?} {on_disk}");
    })
    .await;
}

#[tokio::test]
async fn names_of_requests_go_in_and_out() {
    let check = async |app: TestApp| {
        // What comes from anybody else is no id of a request.
        let get = request(Method::GET, "/public").header("x-request-id", "mine-1");
        let answer = send(&app.site, get.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header("x-request-id").len(), 26);
        let app = app.with(&["--trusted-proxies", "127.0.0.0/8"]).await;
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let parent = format!("00-{trace}-00f067aa0ba902b7-01");
        let get = request(Method::GET, "/public")
            .header("x-request-id", "mine-1")
            .header("traceparent", &parent)
            .body(Body::empty());
        let answer = send(&app.site, get.unwrap()).await;
        let record = app.records().requests().pop().unwrap();
        assert_eq!(answer.header("x-request-id"), "mine-1");
        assert_eq!(record.field("http.request.id"), "mine-1");
        assert_eq!(record.field("trace.id"), trace);
        let expected = format!("00-{trace}-{}-01", record.field("span.id"));
        assert_eq!(answer.header("traceparent"), expected);
        for bad in ["a b", "<script>", "", "x\u{7f}", &"x".repeat(65)] {
            let Ok(value) = HeaderValue::from_bytes(bad.as_bytes()) else { continue };
            let get = request(Method::GET, "/public").header("x-request-id", value);
            let answer = send(&app.site, get.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.header("x-request-id").len(), 26, "{bad:?}");
        }
    };
    Box::pin(on(Backend::Sqlite, check)).await;
}

async fn nothing_secret_is_logged_or_measured(app: TestApp) {
    let password = "canary-password-7f3a";
    let form = [
        ("username", "a"),
        ("email", "canary-email@example.com"),
        ("password", password),
        ("password2", password),
    ];
    let mut browser = app.browser();
    browser.post("/register", &form).await.goes_to("/login");
    browser.post("/register", &form).await.is(200);
    let login = |password| [("username", "a"), ("password", password)];
    browser.post("/login", &login("canary-wrong-8b1c")).await.is(200);
    browser.post("/login", &login(password)).await.goes_to("/");
    let token = browser.cookie("sid").unwrap().to_owned();
    browser.get("/?password=canary-query-55aa").await.is(200);
    browser.post("/add_message", &[("text", "canary-message-ee01")]).await.is(302);
    browser.cookies.push(("other".to_owned(), "canary-cookie-4d4d".to_owned()));
    browser.get("/logout").await.is(302);
    let oversized = format!("password=canary-oversized-1111{}", "x".repeat(70_000));
    let post = request(Method::POST, "/login").header(CONTENT_TYPE, "x").body(oversized.into());
    send(&app.site, post.unwrap()).await.is(413);

    let api = app.simulator();
    let user = json!({"username": "b", "email": "b@b", "pwd": "canary-pwd-9c2d"});
    api.post("/register", user.clone()).await.is(204);
    api.post("/register", user).await.is(400);
    let broken = r#"{"username":"c","email":"c@c","pwd":["canary-broken-3e3e"]}"#;
    api.send(Method::POST, "/register", None, broken.into()).await.is(400);
    let bearer = "Bearer canary-bearer-aaaa";
    api.send(Method::GET, "/msgs", Some(bearer), Body::empty()).await.is(403);
    api.get("/msgs").await.is(200);
    let get = request(Method::GET, "/latest")
        .header(AUTHORIZATION, "Basic Y2FuYXJ5")
        .header("cookie", "sid=canary-sid-bbbb")
        .body(Body::empty());
    send(&app.api, get.unwrap()).await.is(200);
    app.state.db.close().await;
    browser.post("/login", &login(password)).await.is(503);

    let simulator = crate::harness::SIMULATOR.trim_start_matches("Basic ");
    let secrets = ["canary", "super_safe", "Y2FuYXJ5", simulator, token.as_str(), "$argon2id$"];
    let metrics = app.ops("/metrics").await.text();
    for secret in secrets {
        for record in app.records().all() {
            let text = format!("{record:?}");
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(!metrics.contains(secret), "{secret} in the metrics");
    }
    let count = app.records().all().len();
    assert!(count > 30, "only {count} records of the run");
}

async fn statements_are_measured_under_their_names(app: TestApp) {
    app.user("a").await;
    app.simulator().get("/msgs?latest=1").await.is(200);
    let metrics = app.instruments.metrics.render();
    let names = app.label_values("db_query_summary");
    let known: BTreeSet<_> =
        minitwit::db::statements().into_iter().map(|(name, ..)| name.to_owned()).collect();
    assert!(names.is_subset(&known), "{names:?}");
    assert!(names.contains("messages.public") && names.contains("simulator_latest.set"));
    assert!(!metrics.lines().any(|line| line.starts_with("# TYPE") && line.ends_with("summary")));
    let ran = app.records().all();
    let ran = ran.iter().find(|record| record.message == "statement executed").unwrap();
    assert_eq!(ran.level, Level::DEBUG);
    let mut names = BTreeSet::new();
    for (name, ..) in minitwit::db::statements() {
        assert!(names.insert(name), "two statements are named {name}");
    }
}

#[tokio::test]
async fn probes_are_quiet_while_they_succeed() {
    on(Backend::Sqlite, async |app| {
        for path in ["/metrics", "/livez", "/readyz"] {
            app.ops(path).await.is(200);
        }
        assert!(app.records().requests().iter().all(|record| record.level == Level::DEBUG));
        app.state.db.health().set(Some(Fault::Refused), None);
        app.ops("/readyz").await.is(503).shows("connection refused");
        app.ops("/livez").await.is(200);
        let levels: Vec<_> = app.records().requests().iter().map(|record| record.level).collect();
        assert_eq!(levels.iter().filter(|level| **level == Level::WARN).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_away_is_a_503_with_a_time_to_come_back() {
    on(Backend::Sqlite, async |app| {
        app.state.db.close().await;
        for (router, path) in [(&app.site, "/public"), (&app.api, "/latest")] {
            let get = request(Method::GET, path).body(Body::empty()).unwrap();
            let answer = send(router, get).await;
            answer.is(503);
            assert_eq!(answer.header("retry-after"), "1");
        }
        let collected =
            app.site.clone().oneshot(request(Method::GET, "/public").body(Body::empty()).unwrap());
        let body = collected.await.unwrap().into_body().collect().await.unwrap().to_bytes();
        assert!(
            !String::from_utf8_lossy(&body).contains("sqlx"),
            "no inner text reaches a visitor"
        );
    })
    .await;
}

#[tokio::test]
async fn a_notification_leads_to_a_page_of_what_to_do() {
    let app = TestApp::start(Backend::Sqlite).await.unwrap();
    let page = app.ops("/runbooks/MiniTwitDown").await;
    page.is(200).shows("# MiniTwitDown\n").shows("## Mitigate");
    assert_eq!(page.header("content-type"), "text/plain; charset=utf-8");
    app.ops("/runbooks/MiniTwitPanics.md").await.is(200);
    let browser =
        request(Method::GET, "/runbooks/MiniTwitDbTimeouts").header("accept", "text/html");
    let page = send(&app.ops, browser.body(Body::empty()).unwrap()).await;
    page.is(200).has("main h2").has("a[href='/runbooks/MiniTwitDbPoolExhausted']");
    page.has("a[href='/admin/alerts/MiniTwitDbTimeouts']").hides("localhost:5002/admin");
    for unknown in ["/runbooks/MiniTwitUp", "/runbooks/..%2Fretired", "/runbooks/"] {
        app.ops(unknown).await.is(404);
    }
}
