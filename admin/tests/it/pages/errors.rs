//! Errors: how they are grouped, what became of them, and the page of one group.

use logsearch::fields;
use logsearch::record::Level;

use crate::harness::App;
use crate::html::Page;
use crate::lines::{Line, START, line, log};

const DAY: i64 = 86_400;

/// An error at a place of the code.
fn error(message: &str, place: &str) -> Line {
    line(message).level(Level::Error).text(fields::CALLSITE, place)
}

/// Two kinds of errors today, one of them known for days, and a warning with a cause.
fn lines() -> Vec<Line> {
    let lost = |n: i64| error(&format!("cart {n} is lost"), "src/cart.rs:7");
    let full = |n: i64| {
        error("could not store", "src/disk.rs:3")
            .at(10 + n)
            .text(fields::ERROR_MESSAGE, "store: disk is full")
            .text(fields::USER_NAME, ["anna", "ben"][usize::try_from(n % 2).unwrap()])
            .text(fields::ROUTE, "/orders")
            .text(fields::REQUEST_ID, &format!("r{n}"))
    };
    let mut lines = vec![lost(1).at(-3 * DAY), lost(2).at(20), lost(3).at(30)];
    lines.extend((0..5).map(full));
    lines.push(
        line("slow statement")
            .level(Level::Warn)
            .at(40)
            .target("shop::db")
            .text(fields::ERROR_MESSAGE, "timeout"),
    );
    lines.push(line("all is well").at(50));
    lines
}

async fn app() -> App {
    App::start(log(lines())).await
}

async fn errors(app: &App, query: &str) -> Page {
    app.get(&format!("/ops/errors?from=1h{query}")).await.page()
}

/// What the page of the group says that has this place.
async fn group(app: &App, place: &str) -> (String, Page) {
    let page = errors(app, "").await;
    let rows = page.all(".groups tbody tr");
    let row = rows.iter().find(|row| row.text().contains(place)).unwrap();
    let url = row.one("td:first-child > a").attr("href").to_owned();
    let group = app.get(&url).await.page();
    (url, group)
}

#[tokio::test]
async fn errors_are_grouped_by_their_place_and_what_does_not_vary() {
    let page = errors(&app().await, "").await;
    assert_eq!(page.texts(".groups [data-figure=count]"), ["5", "2", "1"]);
    let places = page.texts(".groups td:first-child > span.hint");
    for (place, expected) in places.iter().zip(["src/disk.rs:3", "src/cart.rs:7", "shop::db"]) {
        assert!(place.starts_with(expected), "{place}");
    }
    assert!(page.one("[data-total]").text().starts_with("8 "));
    let [full, lost, slow] = page.all(".groups tbody tr").try_into().unwrap();
    assert_eq!(full.one("[data-title=users]").text(), "2 users");
    assert_eq!(full.one("code").text(), "store: disk is full");
    // Known is what was seen in the week before.
    let new = [full, lost, slow].map(|row| row.find("data-new").is_some());
    assert_eq!(new, [true, false, true]);
    assert!(lost.has("td:first-child > a") && lost.text().contains("cart 3 is lost"), "the newest");
}

#[tokio::test]
async fn a_group_leads_to_its_records_its_newest_one_and_its_request() {
    let app = app().await;
    let page = errors(&app, "").await;
    let [logs, newest, request] =
        page.all(".groups tbody tr")[0].all(".hint a").try_into().unwrap();
    let found = app.get(logs.attr("href")).await.page();
    assert!(found.one("[data-total]").text().starts_with("5 "));
    let event = app.get(newest.attr("href")).await.page();
    assert!(event.one("main h1").text().ends_with("could not store"));
    assert_eq!(request.attr("href"), "/ops/requests/r4");
}

#[tokio::test]
async fn a_query_and_a_window_choose_the_errors() {
    let app = app().await;
    for (query, counts) in [
        ("&q=user:anna", &["3"][..]),
        ("&q=level:warn", &["1"]),
        ("&q=cart", &["2"]),
        ("&from=7d", &["5", "3", "1"]),
    ] {
        let page = app.get(&format!("/ops/errors?{}", &query[1..])).await.page();
        assert_eq!(page.texts(".groups [data-figure=count]"), counts, "{query}");
    }
    let none = errors(&app, "&q=user:nobody").await;
    assert!(none.has("[data-empty=errors] a[href^='/ops/errors?']") && !none.has(".groups"));
}

#[tokio::test]
async fn the_page_of_a_group_counts_its_values() {
    let (_, page) = group(&app().await, "src/disk.rs:3").await;
    assert_eq!(page.one("main h1").text(), "could not store");
    assert_eq!(page.texts("[data-values=route] li"), ["/orders 5"]);
    assert_eq!(page.texts("[data-values=user] li"), ["anna 3", "ben 2"]);
    assert!(!page.has("[data-values=job]"));
    assert_eq!(page.all("[data-section=newest] tr.record").len(), 5);
    assert!(page.one("main > pre").text().contains("disk is full"));
}

#[tokio::test]
async fn an_error_is_resolved_by_an_operator_and_open_again_when_it_comes_back() {
    let app = app().await;
    let (url, page) = group(&app, "src/disk.rs:3").await;
    assert!(page.has("[data-status=open]") && page.has("button[value=resolved]"));
    let path = url.split('?').next().unwrap();
    let answer = app.post(path, "operator", "set=resolved&from=1h", "same-origin").await;
    assert!(answer.headers["location"].to_str().unwrap().starts_with(path));
    let page = app.get(&url).await.page();
    let state = page.one("[data-status=resolved]").text();
    assert!(state.contains("octavia") && page.has("button[value=open]"), "{state}");
    // Resolved ones come last and are no longer new.
    let list = errors(&app, "").await;
    let lowest = list.all(".groups tbody tr").pop().unwrap();
    assert!(lowest.attr("data-status") == "resolved" && lowest.find("data-new").is_none());
    assert_eq!(lowest.one("[data-figure=count]").text(), "5");

    assert_eq!(app.post(path, "operator", "set=open", "same-origin").await.status, 303);
    assert!(app.get(&url).await.page().has("[data-status=open]"));
    for (body, role, status) in [
        ("set=open", "operator", 404),
        ("set=resolved", "viewer", 403),
        ("set=other", "operator", 400),
        ("", "operator", 400),
    ] {
        let answer = app.post(path, role, body, "same-origin").await;
        assert_eq!(answer.status, status, "{role} {body}");
    }
}

#[tokio::test]
async fn viewers_see_a_group_without_the_buttons() {
    let app = app().await;
    let (url, _) = group(&app, "src/disk.rs:3").await;
    let page = app.get_as("viewer", &url).await.page();
    assert!(page.has("[data-status=open]") && !page.has("main form button[name=set]"));
}

#[tokio::test]
async fn a_group_that_is_not_in_the_window_is_known_around_it_and_an_unknown_one_is_not() {
    let app = app().await;
    let (url, _) = group(&app, "src/cart.rs:7").await;
    let path = url.split('?').next().unwrap();
    let quiet = format!("{path}?from={}&to={}", START / 1_000_000 - 7_200, START / 1_000_000 - 60);
    let answer = app.get(&quiet).await;
    assert_eq!(answer.status, 200);
    assert!(answer.page().has("[data-empty=errors] a"), "{}", answer.text);
    assert!(answer.page().one("main h1").text().contains("is lost"));
    for unknown in ["0123456789abcdef", "x", "%F0%9F%98%80"] {
        assert_eq!(app.get(&format!("/ops/errors/{unknown}")).await.status, 404, "{unknown}");
    }
}
