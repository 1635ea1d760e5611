//! What people and screen readers are told: names of controls, titles of pages, and no control where it
//! does nothing.

use logsearch::fields;
use logsearch::record::Level;

use super::around::is_in;
use crate::harness::App;
use crate::html::{Element, Page};
use crate::lines::{line, log, request, statement};

/// One of every kind of page.
async fn pages(app: &App) -> Vec<(String, Page)> {
    let mut urls: Vec<String> = [
        "",
        "/logs",
        "/logs/patterns",
        "/logs/searches",
        "/requests",
        "/requests/sql",
        "/errors",
        "/compare",
        "/alerts",
        "/alerts/Errors",
        "/metrics",
        "/system",
        "/operators",
        "/orders",
        "/nothing",
    ]
    .map(|path| format!("/ops{path}?from=30d"))
    .into();
    for (from, css) in [
        ("/ops/logs?from=30d", "tr.record [data-link]"),
        ("/ops/logs?from=30d", "tr.record [data-context]"),
        ("/ops/requests?from=30d&q=db_count:*", "[data-request]"),
        ("/ops/errors?from=30d", ".groups td:first-child > a"),
        ("/ops/requests/sql?from=30d", ".links a[href^='/ops/requests/sql/']"),
    ] {
        let page = app.get(from).await.page();
        urls.push(page.values(css, "href").swap_remove(0));
    }
    let mut pages = Vec::new();
    for url in urls {
        let page = app.get(url.split('#').next().unwrap()).await.page();
        pages.push((url, page));
    }
    pages
}

/// What a control is called: its label, its text, or its title.
fn name(control: &Element) -> String {
    let label = control.find("aria-label").map(str::to_owned);
    label.filter(|label| !label.is_empty()).unwrap_or_else(|| control.text())
}

fn is_word(name: &str) -> bool {
    name.chars().any(char::is_alphanumeric)
}

#[tokio::test]
async fn every_link_button_and_menu_has_a_name_of_words() {
    let app = App::with_log(600).await;
    let mut seen = 0;
    for (url, page) in pages(&app).await {
        for control in page.all("a[href], button, summary") {
            // What a record, an account or a search is called is up to who wrote it.
            let is_told = is_in(control, "tr.record, .facet li, [data-account], [data-search]");
            assert!(is_told || is_word(&name(&control)), "{url}: {}", control.html());
            seen += 1;
        }
        for field in page.all("input:not([type=hidden]):not([hidden]), select, meter") {
            let is_labelled =
                field.find("aria-label").is_some_and(is_word) || is_in(field, "label");
            assert!(is_labelled, "{url}: {}", field.html());
        }
        for drawing in page.all("svg:not([aria-hidden])") {
            let is_named = drawing.find("aria-label").is_some_and(is_word) || drawing.has("title");
            assert!(is_named, "{url}: {}", &drawing.html()[..drawing.html().len().min(200)]);
        }
    }
    assert!(seen > 1_000, "{seen}");
}

#[tokio::test]
async fn the_buttons_of_a_field_have_names_without_scripts() {
    let app = App::start(log([line("one").text(fields::USER_NAME, "anna")])).await;
    let page = app.get("/ops/logs?from=1h").await.page();
    for button in page.all(".acts button") {
        assert!(button.find("aria-label").is_some_and(is_word), "{}", button.html());
    }
}

#[tokio::test]
async fn the_title_of_a_page_names_its_object() {
    let id = "01checkout";
    let sql = "SELECT * FROM items";
    let app = App::start(log([
        line("cart <7> is lost").level(Level::Error).text(fields::CALLSITE, "src/cart.rs:7"),
        request("/checkout", 503, 800).at(1).text(fields::REQUEST_ID, id),
        statement(id, "items.list", sql, 1, 1).at(1),
    ]))
    .await;
    let title = async |url: &str| {
        let title = app.get(url).await.page().one("head > title").text();
        title.strip_suffix(" · shop").unwrap().to_owned()
    };
    let link = async |url: &str, css: &str| {
        let page = app.get(url).await.page();
        page.values(css, "href").swap_remove(0)
    };
    assert_eq!(title(&format!("/ops/requests/{id}")).await, "GET /checkout 503");
    let event = link("/ops/logs?q=level:error", "tr.record [data-link]").await;
    assert_eq!(title(&event).await, "cart <7> is lost");
    let context = link("/ops/logs?q=level:error", "tr.record [data-context]").await;
    assert_eq!(title(context.split('#').next().unwrap()).await, "Context of cart <7> is lost");
    let error = link("/ops/errors", ".groups td:first-child > a").await;
    assert_eq!(title(&error).await, "cart <7> is lost");
    let statement = link("/ops/requests/sql", ".links a[href^='/ops/requests/sql/']").await;
    assert_eq!(title(&statement).await, sql);
    assert_eq!(title("/ops/alerts/Errors").await, "Errors");
    assert_eq!(title("/ops/logs?q=level:error").await, "level:error");
    // Every page has a title of its own.
    let full = App::with_log(600).await;
    let mut titles: Vec<String> = Vec::new();
    for (_, page) in pages(&full).await {
        titles.push(page.one("head > title").text());
    }
    let count = titles.len();
    titles.sort_unstable();
    titles.dedup();
    assert!(titles.len() + 1 >= count, "{titles:?}");
}

#[tokio::test]
async fn a_title_is_one_line_of_a_bounded_length() {
    let long = format!("first\nsecond\t{}", "æ".repeat(500));
    let app = App::start(log([line(&long)])).await;
    let page = app.get("/ops/logs").await.page();
    let event = page.values("tr.record [data-link]", "href").swap_remove(0);
    let answer = app.get(&event).await;
    let title = answer.page().one("head > title").text();
    assert!(title.starts_with("first second æ") && title.chars().count() < 100, "{title}");
}

#[tokio::test]
async fn a_window_is_offered_only_where_it_does_something() {
    let app = App::with_log(600).await;
    for (url, page) in pages(&app).await {
        let path = url.split('?').next().unwrap();
        let is_fixed = path.starts_with("/ops/events/")
            || path == "/ops/operators"
            || path == "/ops/nothing"
            || (path.starts_with("/ops/requests/") && !path.starts_with("/ops/requests/sql"));
        assert_eq!(page.has(".window"), !is_fixed, "{url}");
        // Keys of controls that are not there do nothing either.
        assert_eq!(page.has("[data-key='[']"), !is_fixed, "{url}");
    }
}
