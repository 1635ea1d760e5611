//! The query box, the same on every page that searches records.

use axum::http::header::LOCATION;
use logsearch::fields;
use logsearch::record::Value;
use logsearch::testing::WebLog;

use crate::harness::App;
use crate::lines::{line, log, request};

/// Enough that everything the help sheet shows is there.
const RECORDS: usize = 6_000;
const PAGES: [&str; 6] = [
    "/ops/logs",
    "/ops/logs/patterns",
    "/ops/requests",
    "/ops/errors",
    "/ops/requests/sql",
    "/ops/compare",
];

#[tokio::test]
async fn every_example_of_the_help_sheet_runs_and_finds_something() {
    let app = App::with_log(RECORDS).await;
    let page = app.get("/ops/logs?from=24h").await.page();
    let examples = page.values("[data-help] td a", "href");
    assert!(examples.len() >= 15, "{} examples", examples.len());
    for url in examples {
        let answer = app.get(&url).await;
        assert_eq!(answer.status, 200, "{url}");
        let page = answer.page();
        assert!(page.has("tr.record"), "{url} finds nothing");
        assert_eq!(page.texts("p.notice"), [""; 0], "{url}");
    }
}

#[tokio::test]
async fn the_box_has_chips_completion_and_help_on_every_page() {
    let app = App::with_log(500).await;
    for path in PAGES {
        let answer = app.get(&format!("{path}?from=24h&q=level:info+status:200&sort=x")).await;
        let page = answer.page();
        assert_eq!(page.texts("ul.chips code"), ["level:info", "status:200"], "{path}");
        assert!(page.has("#q[data-complete]") && page.has("[data-help]"), "{path}");
        let kept = page.values("form.query > input[type=hidden][name=from]", "value");
        assert_eq!(kept, ["24h"], "{path}");
    }
}

#[tokio::test]
async fn an_id_leads_to_the_page_of_what_has_it() {
    let records: Vec<_> = WebLog::new(7).take(2_000).collect();
    let with_id = records.iter().rev().find_map(|record| match record.field(fields::REQUEST_ID) {
        Some(Value::Str(id)) => {
            Some((format!("{}-{}", record.timestamp, record.sequence), id.clone()))
        }
        _ => None,
    });
    let (cursor, id) = with_id.unwrap();
    let app = App::with_log(2_000).await;
    for path in PAGES.into_iter().filter(|path| *path != "/ops/logs/patterns") {
        let answer = app.get(&format!("{path}?q={id}&from=5m")).await;
        assert_eq!(answer.status, 303, "{path}");
        assert_eq!(answer.headers[LOCATION], format!("/ops/requests/{id}"), "{path}");
        let answer = app.get(&format!("{path}?q={cursor}")).await;
        assert_eq!(answer.headers[LOCATION], format!("/ops/events/{cursor}"), "{path}");
        // What nobody has is searched.
        let answer = app.get(&format!("{path}?q=01JD8QK9T3Z4M5N6P7R8S9T001")).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    let listed = app.get(&format!("/ops/logs?from=24h&q=request_id:{id}")).await;
    assert!(
        listed.status == 200 && listed.page().has("tr.record"),
        "the records are one clause away"
    );
}

#[tokio::test]
async fn what_no_record_can_have_is_told_with_the_nearest_spelling() {
    let lines = [line("hello").text("my.tag", "a"), request("/a", 200, 5)];
    let app = App::start(log(lines)).await;
    for path in PAGES {
        let page = app.get(&format!("{path}?q=level:errr")).await.page();
        assert!(page.texts("p.notice")[0].contains("'errr' is not a level"), "{path}");
        let page = app.get(&format!("{path}?q=http.rout:x")).await.page();
        assert!(page.texts("p.notice")[0].contains("no record has a field 'http.rout'"), "{path}");
        let correction = page.values("p.notice a", "href");
        assert!(correction[0].contains("http.route:x"), "{path}: {correction:?}");
        let page = app.get(&format!("{path}?q=my.tag:a")).await.page();
        assert_eq!(page.texts("p.notice"), [""; 0], "{path}");
    }
}
