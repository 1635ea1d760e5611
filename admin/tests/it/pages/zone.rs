//! The time zone of pages: chosen by a form, stored in a cookie, always named, and that of every time shown
//! or typed that does not say its own.

use axum::body::Body;
use axum::http::Request;

use crate::harness::{Answer, App};
use crate::html::Page;
use crate::lines::{line, log, request};

const LOCAL: &str = "Europe/Copenhagen";

/// The clock stands two seconds past midnight of 1 November in UTC, when it is one o'clock in Copenhagen.
async fn app() -> App {
    App::start(log([line("one"), request("/cart", 200, 5).at(1)])).await
}

async fn get(app: &App, zone: &str, path: &str) -> Answer {
    let request = Request::get(format!("/ops{path}"))
        .header("authorization", "letmein viewer")
        .header("cookie", format!("a=b; zone={zone}"));
    app.send(request.body(Body::empty()).unwrap()).await
}

async fn page(app: &App, zone: &str, path: &str) -> Page {
    get(app, zone, path).await.page()
}

#[tokio::test]
async fn every_page_names_its_zone_and_an_unknown_one_is_utc() {
    let app = app().await;
    for path in [
        "",
        "/logs",
        "/requests",
        "/errors",
        "/compare",
        "/metrics",
        "/system",
        "/operators",
        "/orders",
    ] {
        for (cookie, name, label) in [
            (LOCAL, LOCAL, "CET"),
            ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires", "-03"),
            ("UTC", "UTC", "UTC"),
            ("Mars/Olympus", "UTC", "UTC"),
            ("../../etc/passwd", "UTC", "UTC"),
        ] {
            let page = page(&app, cookie, path).await;
            let zone = page.one("header [data-zone]");
            assert_eq!((zone.attr("data-zone"), &*zone.text()), (name, label), "{path} {cookie}");
        }
        assert_eq!(
            app.get(&format!("/ops{path}")).await.page().one("header [data-zone]").text(),
            "UTC"
        );
    }
}

#[tokio::test]
async fn rows_and_charts_show_the_time_of_the_zone() {
    let app = app().await;
    let window = "from=2026-10-31T23:30:00Z&to=2026-11-01T00:30:00Z";
    for (zone, time, day, tick) in
        [("UTC", "00:00:01", "1 Nov 2026", "23:30"), (LOCAL, "01:00:01", "1 Nov 2026", "00:30")]
    {
        let logs = page(&app, zone, &format!("/logs?{window}")).await;
        assert!(logs.texts("tr.record .time")[0].starts_with(time), "{zone}");
        assert_eq!(logs.texts("tr.day")[0], day, "{zone}");
        // The overview is sent behind the records.
        assert_eq!(logs.texts(".over .ticks li")[0], tick, "{zone}");
        let requests = page(&app, zone, &format!("/requests?{window}")).await;
        assert!(requests.texts("tr.record .time")[0].starts_with(time), "{zone}");
        assert_eq!(requests.texts(".histogram .ticks li")[0], tick, "{zone}");
        let metrics = page(&app, zone, &format!("/metrics?{window}")).await;
        assert_eq!(metrics.texts("[data-chart] .ticks li")[0], tick, "{zone}");
        assert!(metrics.one("[data-now]").attr("data-now").starts_with(&time[..6]), "{zone}");
    }
    // What is read by programs stays in UTC.
    let csv = get(&app, LOCAL, &format!("/logs/export.csv?{window}")).await.text;
    assert!(csv.contains("2026-11-01T00:00:01.000000Z"), "{csv}");
}

#[tokio::test]
async fn typed_times_are_of_the_zone_and_shown_with_it() {
    let app = app().await;
    let from = async |zone: &str, typed: &str| {
        let page = page(&app, zone, &format!("/logs?from={typed}")).await;
        let shown = page.one(".window input[name=from]").attr("value").to_owned();
        (shown, page.one("nav[aria-label=Pages] [data-go=r]").attr("href").to_owned())
    };
    let (shown, link) = from(LOCAL, "00:30").await;
    assert_eq!(shown, "2026-11-01T00:30:00+01:00");
    assert_eq!(link, "/ops/requests?from=2026-10-31T23:30:00Z");
    // Shown like that, it is read again as the same time.
    let again = from(LOCAL, "2026-11-01T00:30:00%2B01:00").await;
    assert_eq!(again, (shown, link));
    let (shown, link) = from("UTC", "00:00:01").await;
    assert_eq!(
        (&*shown, &*link),
        ("2026-11-01T00:00:01Z", "/ops/requests?from=2026-11-01T00:00:01Z")
    );
    assert_eq!(from(LOCAL, "today").await.1, "/ops/requests?from=2026-10-31T23:00:00Z");
}

#[tokio::test]
async fn the_form_remembers_a_zone_and_leads_back() {
    let app = app().await;
    for (typed, kept) in
        [(LOCAL, LOCAL), ("europe/copenhagen", LOCAL), ("x%3B%20y", "UTC"), ("", "UTC")]
    {
        let body = format!("zone={typed}&back=/ops/logs?from=2h");
        let answer = app.post("/ops/zone", "viewer", &body, "same-origin").await;
        assert_eq!(answer.status, 303, "{typed}");
        assert_eq!(answer.headers["location"], "/ops/logs?from=2h");
        let cookie = format!("zone={kept}; Path=/ops; Max-Age=31536000; HttpOnly; SameSite=Lax");
        assert_eq!(answer.headers["set-cookie"], cookie, "{typed}");
    }
    assert_eq!(app.post("/ops/zone", "viewer", "zone=UTC", "cross-site").await.status, 403);
    let pressed = async |zone: &str| {
        page(&app, zone, "/logs").await.values("form.zones [aria-pressed]", "value")
    };
    assert_eq!(
        (pressed("UTC").await, pressed(LOCAL).await),
        (vec!["UTC".to_owned()], vec![LOCAL.to_owned()])
    );
    // Without a script nobody knows where the browser is.
    assert!(page(&app, "UTC", "/logs").await.has("form.zones [data-local-zone].script-only"));
}
