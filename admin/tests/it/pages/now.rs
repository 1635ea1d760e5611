//! The first page: figures, what fails, what is slow, and what changed.

use std::time::Duration;

use admin::Outage;
use logsearch::embedded::{DiskStatus, Limits};
use logsearch::fields;
use logsearch::record::{Level, LogRecord};

use crate::harness::App;
use crate::host::Host;
use crate::html::{Element, Page};
use crate::lines::{Line, line, log, request};

/// Requests of four routes, two of which fail or are slow, one of the panel; and errors.
fn lines() -> Vec<Line> {
    let id = |line: Line, n: i64| line.text(fields::REQUEST_ID, &format!("r{n}"));
    let mut lines: Vec<Line> = (0..20).map(|n| id(request("/public", 200, 10).at(n), n)).collect();
    lines.extend(
        (20..24).map(|n| id(request("/cart", if n == 20 { 500 } else { 200 }, 20).at(n), n)),
    );
    lines.push(id(request("/export", 200, 3_000).at(30), 30).number(fields::DB_REPEATS, 7));
    lines.push(id(request("/search", 200, 500).at(31), 31).number(fields::DB_REPEATS, 4));
    lines.push(id(request("/ops/logs", 500, 9_000).at(32), 32));
    let error = |n: i64| {
        line(&format!("kind {n}"))
            .level(Level::Error)
            .text(fields::CALLSITE, &format!("src/a.rs:{n}"))
    };
    lines.extend((0..12).map(|n| error(n).at(40 + n)));
    lines
}

fn records() -> Vec<LogRecord> {
    log(lines())
}

async fn now(app: &App) -> Page {
    app.get("/ops?from=1h").await.page()
}

#[tokio::test]
async fn figures_of_requests_are_those_of_the_list_they_lead_to() {
    let app = App::start(records()).await;
    let page = now(&app).await;
    let tiles = page.all(".tiles > li:not(.vitals) a");
    let [requests, failed, slow] = tiles.try_into().unwrap();
    for (tile, count) in [(requests, "27 requests"), (failed, "2 requests")] {
        assert_eq!(tile.texts(".hint")[1], count);
        let list = app.get(tile.attr("href")).await.page();
        assert_eq!(list.one("[data-total]").text(), count);
    }
    assert_eq!(failed.one("strong").text(), "7.4%");
    assert!(failed.has("strong.error"));
    assert_eq!(slow.one("strong").text(), "3 s");
    let slowest = app.get(slow.attr("href")).await.page();
    let first = slowest.values("[data-section=requests] .name a", "href").swap_remove(0);
    assert_eq!(first, "/ops/requests/r32");
}

#[tokio::test]
async fn what_the_traffic_filter_leaves_out_is_in_no_figure_of_requests() {
    let app = App::start_with(records(), |panel| panel.traffic_filter("-route:/ops/*")).await;
    let page = now(&app).await;
    let tiles = page.texts(".tiles > li:not(.vitals)");
    assert!(tiles[0].contains("26 requests") && tiles[1].contains("1 request"), "{tiles:?}");
    assert!(!page.has("[data-route='/ops/logs']"));
    let slow = page.values("[data-section=slowest] .name a", "href");
    assert_eq!(slow[0], "/ops/requests/r30");
    // The link behind a figure leaves out the same.
    let link = page.values(".tiles > li:not(.vitals) a", "href").swap_remove(0);
    assert_eq!(app.get(&link).await.page().one("[data-total]").text(), "26 requests");
}

#[tokio::test]
async fn failing_routes_come_first_then_slow_ones() {
    let app = App::start_with(records(), |panel| panel.traffic_filter("-route:/ops/*")).await;
    let routes = now(&app).await.values("[data-route]", "data-route");
    assert_eq!(routes, ["/cart", "/export", "/search", "/public"]);
}

#[tokio::test]
async fn requests_that_repeat_a_statement_are_listed_apart() {
    let app = App::start(records()).await;
    let page = now(&app).await;
    let listed = page.values("[data-section=repeating] .name a", "href");
    assert_eq!(listed, ["/ops/requests/r30"]);
    let all = page.one("[data-section=repeating] h2 a").attr("href");
    assert_eq!(app.get(all).await.page().one("[data-total]").text(), "1 request");
    assert_eq!(page.all("[data-section=slowest] tr.record").len(), 8, "the costliest ones");
}

#[tokio::test]
async fn errors_are_the_first_of_their_page() {
    let app = App::start(records()).await;
    let page = now(&app).await;
    assert_eq!(page.all("[data-section=errors] tbody tr").len(), 8);
    let all = page.one("[data-section=errors] h2 a").attr("href");
    assert_eq!(app.get(all).await.page().all(".groups tbody tr").len(), 12);
}

#[tokio::test]
async fn what_operators_did_is_a_change_and_what_they_did_to_accounts_is_not() {
    let did = |action: &str, second: i64| {
        line(&format!("{action} <b>"))
            .at(second)
            .text("event.action", action)
            .text(fields::USER_NAME, "octavia")
    };
    let app = App::start(log([
        did("levels.set", 1).text("logs.levels", "debug"),
        did("operator.login", 2),
        did("job.run", 3).text(fields::JOB, "tidy"),
        line("no change").at(4),
    ]))
    .await;
    let page = now(&app).await;
    let changes = page.all("[data-section=changes] [data-change]");
    let kinds: Vec<_> = changes.iter().map(|change| change.attr("data-change")).collect();
    assert_eq!(kinds, ["job.run", "levels.set"], "newest first");
    let texts: Vec<_> = changes.iter().map(Element::text).collect();
    assert!(texts[0].contains("job.run <b>") && texts[0].contains("tidy"), "{texts:?}");
    assert!(texts[1].contains("debug") && texts[1].ends_with("octavia"), "{texts:?}");
    let record = changes[0].one("a").attr("href");
    assert!(app.get(record).await.page().one("main h1").text().contains("job.run <b>"));
    let later = app.get("/ops?from=2026-11-01T00:00:02Z").await.page();
    assert_eq!(later.all("[data-change]").len(), 1, "of the window alone");
}

#[tokio::test]
async fn what_fails_now_is_on_top_of_now_and_system() {
    let outage = Outage {
        what: "Database <writes>".to_owned(),
        why: "disk is full & slow".to_owned(),
        lasts: Duration::from_mins(3),
    };
    let host = Host { outages: vec![outage], ..Host::default() };
    let app = App::start_in(host, records()).await;
    for path in ["/ops?from=1h", "/ops/system"] {
        let page = app.get(path).await.page();
        let line = page.one("[data-outage]");
        assert_eq!(line.attr("data-outage"), "Database <writes>", "{path}");
        let text = line.text();
        assert!(text.contains("Database <writes> failing: disk is full & slow"), "{text}");
        assert!(text.contains("3 min"), "{text}");
    }
    assert!(!now(&app).await.one(".status").text().contains("OK"));
    let well = App::start_in(Host::default(), records()).await;
    assert!(!now(&well).await.has("[data-outage]"));
    assert!(now(&well).await.one(".status").text().contains("OK"));
}

#[tokio::test]
async fn little_space_on_the_disk_is_a_notice() {
    let status = |free_bytes| DiskStatus {
        limits: Limits {
            min_free_bytes: 256 << 20,
            free_bytes: Some(free_bytes),
            ..Limits::default()
        },
        ..DiskStatus::default()
    };
    for (free, is_short) in [(100 << 20, true), (300 << 20, false)] {
        let app = App::start_with(records(), |panel| panel.disk_status(move || status(free))).await;
        for path in ["/ops?from=1h", "/ops/system"] {
            let notices = app.get(path).await.page().texts(".notice").concat();
            assert_eq!(notices.contains("free some space"), is_short, "{path}: {notices}");
        }
    }
}

#[tokio::test]
async fn a_quiet_service_says_so() {
    let page = now(&App::start(log([line("only a line")])).await).await;
    let tiles = page.texts(".tiles > li:not(.vitals) strong");
    assert_eq!(tiles[0], "0/s");
    assert!(!page.has(".tiles strong.error"));
    for section in ["errors", "routes"] {
        assert!(page.has(&format!("[data-section={section}] [data-empty]")), "{section}");
    }
    assert!(page.has("[data-section=changes] [data-empty=changes]"));
    assert!(!page.has("[data-section=repeating]") && !page.has("[data-section=slowest]"));
}

#[tokio::test]
async fn vitals_and_totals_lead_to_their_charts() {
    let app = App::start(records()).await;
    let page = now(&app).await;
    let links = page.values(".vitals dt a, .totals a", "href");
    assert!(links.len() >= 3, "{links:?}");
    for link in links {
        let (path, id) = link.split_once('#').unwrap();
        assert!(app.get(path).await.page().has(&format!("figure[id='{id}']")), "{link}");
    }
}
