//! Saved searches: their page, their menu in the logs, and what a name may be.

use crate::harness::App;
use crate::hostile::PAYLOADS;
use crate::lines::{line, log};

const PATH: &str = "/ops/logs/searches";

async fn app() -> App {
    App::start(log([line("anything")])).await
}

async fn post(app: &App, path: &str, role: &str, body: &str) -> u16 {
    app.post(path, role, body, "same-origin").await.status.as_u16()
}

#[tokio::test]
async fn a_view_of_the_logs_is_saved_and_opened_by_its_name() {
    let app = app().await;
    let view = "name=Slow+carts&q=route:/cart+duration:>1s&from=2h&cols=user,route&sort=old&tail=1";
    let saved = app.post(PATH, "viewer", view, "same-origin").await;
    let url = saved.headers["location"].to_str().unwrap();
    let page = app.get(PATH).await.page();
    let row = page.one(&format!("[data-search='{}']", PAYLOADS.len()));
    let cells = row.texts("td");
    assert_eq!(
        cells[..3],
        ["Slow carts", "route:/cart duration:>1s", "last 2h"].map(str::to_owned)
    );
    assert_eq!(cells[3], "user,route");
    assert!(cells[4].contains("octavia"), "{cells:?}");
    assert_eq!(row.one("a").attr("href"), url);
    let logs = app.get(url).await.page();
    assert_eq!(logs.one("#q").attr("value"), "route:/cart duration:>1s");
    assert!(!logs.has("tbody[data-live]"), "what follows new records is no view");
    assert!(logs.values("nav a", "href").contains(&url.to_owned()), "the menu has it");
}

#[tokio::test]
async fn a_name_has_visible_characters_and_an_end() {
    let app = app().await;
    for (name, status) in [
        ("", 400),
        ("+++", 400),
        ("%E2%80%AEx", 400),
        ("a%00b", 400),
        ("a%0Ab", 400),
        (&"x".repeat(81), 400),
        (&"x".repeat(80), 303),
        ("%F0%9F%98%80", 303),
    ] {
        assert_eq!(
            post(&app, PATH, "operator", &format!("name={name}&q=a")).await,
            status,
            "{name}"
        );
    }
    let long = format!("name=long&q={}", "x".repeat(9_000));
    assert_eq!(post(&app, PATH, "operator", &long).await, 400, "too long to be kept");
}

#[tokio::test]
async fn who_saved_a_search_and_operators_rename_and_delete_it() {
    let app = app().await;
    assert_eq!(post(&app, PATH, "viewer", "name=mine&q=a").await, 303);
    let own = format!("{PATH}/{}", PAYLOADS.len());
    let other = format!("{PATH}/0");
    for (path, role, body, status) in [
        (&other, "viewer", "set=name&name=x", 403),
        (&other, "viewer", "set=gone", 403),
        (&other, "operator", "set=name&name=renamed", 303),
        (&own, "viewer", "set=name&name=", 400),
        (&own, "viewer", "set=other", 400),
        (&own, "viewer", "set=name&name=yours", 303),
        (&own, "viewer", "set=gone", 303),
        (&own, "viewer", "set=gone", 404),
        (&format!("{PATH}/x"), "operator", "set=gone", 400),
    ] {
        assert_eq!(post(&app, path, role, body).await, status, "{role} {path} {body}");
    }
    let page = app.get(PATH).await.page();
    assert_eq!(page.one("[data-search='0'] td > a").text(), "renamed");
    assert!(!page.has(&format!("[data-search='{}']", PAYLOADS.len())));
}

#[tokio::test]
async fn viewers_are_offered_changes_of_their_own_alone() {
    let app = app().await;
    assert_eq!(post(&app, PATH, "viewer", "name=mine&q=a").await, 303);
    let page = app.get_as("viewer", PATH).await.page();
    let changed = page.values("[data-search] form", "action");
    assert_eq!(changed, [format!("{PATH}/{}", PAYLOADS.len())]);
    let all = app.get(PATH).await.page();
    assert_eq!(all.all("[data-search] form").len(), PAYLOADS.len() + 1);
}

#[tokio::test]
async fn what_was_saved_is_read_as_an_address_is_whatever_stands_there() {
    let app = app().await;
    let page = app.get(PATH).await.page();
    let urls = page.values("[data-search] td > a", "href");
    assert_eq!(urls.len(), PAYLOADS.len());
    for url in urls {
        assert!(url.starts_with("/ops/logs?"), "{url}");
        assert_eq!(app.get(&url).await.status, 200, "{url}");
    }
}
