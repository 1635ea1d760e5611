//! The window that every page shares: its menu, the steps in time, and what an address may say of it.

use crate::harness::App;
use crate::html::Page;
use crate::lines::{START, line, log};

const PAGES: [&str; 8] =
    ["", "/logs", "/requests", "/errors", "/compare", "/alerts", "/metrics", "/system"];

/// The clock stands a second behind midnight.
async fn app() -> App {
    App::start(log([line("anything")])).await
}

/// The ends of the window a page shows, as its form has them.
fn ends(page: &Page) -> [String; 2] {
    ["from", "to"]
        .map(|name| page.one(&format!(".window input[name={name}]")).attr("value").to_owned())
}

async fn window(app: &App, query: &str) -> [String; 2] {
    ends(&app.get(&format!("/ops/logs?{query}")).await.page())
}

#[tokio::test]
async fn every_preset_of_the_menu_is_that_window_and_keeps_the_rest() {
    let app = app().await;
    let page = app.get("/ops/logs?q=level:info&cols=user&sort=old&from=2h").await.page();
    let presets = page.all(".window .presets a");
    assert!(presets.len() >= 8);
    for preset in presets {
        let page = app.get(preset.attr("href")).await.page();
        assert_eq!(ends(&page), [preset.text().replace("last ", ""), "now".to_owned()]);
        assert_eq!(page.one("#q").attr("value"), "level:info");
        let current = page.one(".window .presets [aria-current]");
        assert_eq!(current.text(), preset.text());
        for (name, value) in [("q", "level:info"), ("sort", "old"), ("cols", "user")] {
            let hidden = page.one(&format!(".window input[type=hidden][name={name}]"));
            assert_eq!(hidden.attr("value"), value);
        }
    }
}

#[tokio::test]
async fn steps_in_time_are_half_a_window_and_zooming_out_triples_it() {
    let app = app().await;
    let hour = "from=2026-10-31T20:00:00Z&to=2026-10-31T21:00:00Z";
    for (key, from, to) in [
        ("[", "2026-10-31T19:30:00Z", "2026-10-31T20:30:00Z"),
        ("]", "2026-10-31T20:30:00Z", "2026-10-31T21:30:00Z"),
        ("z", "2026-10-31T19:00:00Z", "2026-10-31T22:00:00Z"),
    ] {
        let page = app.get(&format!("/ops/logs?{hour}")).await.page();
        let step = page.one(&format!(".window [data-key='{key}']")).attr("href").to_owned();
        assert_eq!(ends(&app.get(&step).await.page()), [from, to].map(str::to_owned), "{key}");
    }
    // What ends now goes on doing so.
    let page = app.get("/ops/logs?from=1h").await.page();
    let wider = page.one(".window [data-key=z]").attr("href").to_owned();
    assert_eq!(window(&app, wider.split_once('?').unwrap().1).await, ["3h", "now"]);
}

#[tokio::test]
async fn a_step_there_and_back_is_the_same_window_on_every_page() {
    let app = app().await;
    for path in PAGES {
        let url = format!("/ops{path}?from=2026-10-31T20:00:00Z&to=2026-10-31T21:00:00Z");
        let page = app.get(&url).await.page();
        let earlier = page.one(".window [data-key='[']").attr("href").to_owned();
        assert!(earlier.starts_with(&format!("/ops{path}?")), "{earlier}");
        let there = app.get(&earlier).await.page();
        let back = there.one(".window [data-key=']']").attr("href").to_owned();
        assert_eq!(ends(&app.get(&back).await.page()), ends(&page), "{path}");
    }
}

#[tokio::test]
async fn times_are_read_as_other_tools_write_them() {
    let app = app().await;
    let at = "2026-10-31T20:00:00Z";
    let seconds = (START - 4 * 3_600_000_000) / 1_000_000;
    for from in [
        at.to_owned(),
        "2026-10-31T20:00".to_owned(),
        "2026-10-31T21:00:00%2B01:00".to_owned(),
        seconds.to_string(),
        format!("{seconds}000"),
        format!("{seconds}000000"),
    ] {
        assert_eq!(window(&app, &format!("from={from}")).await, [at, "now"], "{from}");
    }
    for (typed, read) in
        [("90m", "90m"), ("now-2h", "2h"), ("-30s", "30s"), ("1w", "7d"), ("NOW", "now")]
    {
        assert_eq!(window(&app, &format!("from={typed}")).await[0], read, "{typed}");
    }
    let reversed = window(&app, "from=1h&to=3h").await;
    assert_eq!(reversed, ["3h", "1h"], "put right");
}

#[tokio::test]
async fn the_menu_of_pages_keeps_the_window() {
    let app = app().await;
    for path in PAGES {
        let page = app.get(&format!("/ops{path}?from=2h")).await.page();
        let menu = page.all("nav[aria-label=Pages] a");
        assert!(page.all("nav[aria-label=Pages] [aria-current]").len() <= 1);
        for entry in menu {
            let next = app.get(entry.attr("href")).await;
            assert_eq!(next.status, 200, "{}", entry.attr("href"));
            assert_eq!(ends(&next.page())[0], "2h", "{path} to {}", entry.attr("href"));
        }
    }
}

#[tokio::test]
async fn a_window_without_an_end_is_bounded() {
    let app = app().await;
    for query in [
        "from=9223372036854775807",
        "from=-9223372036854775808&to=9223372036854775807",
        "from=999999999999w",
        "from=0&to=0",
        "from=now&to=now",
        "to=0",
    ] {
        for path in PAGES {
            assert_eq!(app.get(&format!("/ops{path}?{query}")).await.status, 200, "{path} {query}");
        }
    }
}

#[tokio::test]
async fn times_are_read_as_people_type_them() {
    let app = app().await;
    // The clock stands at a second past midnight of 1 November.
    for (from, to, read) in [
        ("10:31", "10:45", ["2026-10-31T10:31:00Z", "2026-10-31T10:45:00Z"]),
        ("10:31:05", "now", ["2026-10-31T10:31:05Z", "now"]),
        ("yesterday", "yesterday", ["2026-10-31T00:00:00Z", "2026-11-01T00:00:00Z"]),
        ("today", "today", ["2026-11-01T00:00:00Z", "now"]),
        ("1h30m", "10 min ago", ["90m", "10m"]),
        ("2026-10-30 10:31", "", ["2026-10-30T10:31:00Z", "now"]),
    ] {
        let query = serde_urlencoded::to_string([("from", from), ("to", to)]).unwrap();
        assert_eq!(window(&app, &query).await, read, "{from} {to}");
    }
}

#[tokio::test]
async fn what_is_no_time_stays_in_the_form_beside_examples_that_are() {
    let app = app().await;
    for path in PAGES {
        let page = app.get(&format!("/ops{path}?from=half+past&to=10m&refresh=30")).await.page();
        assert_eq!(ends(&page), ["half past", "10m"], "{path}");
        let menu = page.one(".window details");
        assert!(menu.find("open").is_some(), "{path}: the form is in sight");
        let entry = menu.one("form [data-misread-entry]").text();
        assert!(entry.contains("half past") && entry.contains("10 min ago"), "{path}: {entry}");
        // Links of the page don't repeat it.
        assert!(!page.links().iter().any(|link| link.contains("half")), "{path}");
        let read = app.get(&format!("/ops{path}?from=20m&to=10m")).await.page();
        assert!(!read.has("[data-misread-entry], .window details[open]"), "{path}");
    }
}
