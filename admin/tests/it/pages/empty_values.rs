//! Values that would not be seen: empty ones, and ones of white space alone.

use logsearch::fields;

use crate::harness::App;
use crate::lines::{line, log};

const INVISIBLE: [&str; 4] = ["", " ", "\t", "\u{a0}"];

async fn app() -> App {
    let named = |name: &str| line("signed in").text(fields::USER_NAME, name);
    let lines = INVISIBLE.iter().map(|name| named(name)).chain([named("anna"), line("nobody")]);
    App::start(log(lines)).await
}

#[tokio::test]
async fn the_sidebar_shows_them_in_quotes_and_a_click_finds_them() {
    let app = app().await;
    let page = app.get("/ops/logs?from=1h&fields=user").await.page();
    let values = page.all("[data-facet=user] li a.value");
    let quoted: Vec<_> = values.iter().filter(|value| value.text().starts_with('"')).collect();
    assert!(!quoted.is_empty(), "{:?}", page.texts("[data-facet=user] li"));
    assert!(values.iter().all(|value| !value.text().is_empty()));
    let empty = quoted.iter().find(|value| value.text() == "\"\"").unwrap();
    let found = app.get(empty.attr("href")).await.page();
    assert_eq!(found.one("[data-total]").text(), "1 record");
    let minus = page.all("[data-facet=user] li a.minus");
    assert!(minus.iter().all(|link| link.attr("aria-label").chars().any(char::is_alphanumeric)));
}

#[tokio::test]
async fn fields_of_a_record_and_columns_show_them_too() {
    let app = app().await;
    let page = app.get("/ops/logs?from=1h&cols=user&q=user:*").await.page();
    let cells = page.texts("tr.record td[data-title=user]");
    assert!(cells.contains(&"\"\"".to_owned()) && cells.contains(&"anna".to_owned()), "{cells:?}");
    let fields = page.all(".fields tr");
    let users = fields.iter().filter(|field| field.one("th").text() == "user");
    assert!(users.map(|field| field.one(".value").text()).all(|text| !text.is_empty()));
    // What is not there at all is no empty text.
    let page = app.get("/ops/logs?from=1h&cols=user&q=nobody").await.page();
    assert_eq!(page.one("tr.record td[data-title=user]").text(), "");
}
