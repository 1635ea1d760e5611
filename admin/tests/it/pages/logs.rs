//! The logs: order, columns, the head with its chips, the sidebar, following, exports, and completion.

use logsearch::fields;
use logsearch::record::Level;
use serde_json::Value;

use crate::harness::{Answer, App};
use crate::html::Page;
use crate::lines::{line, log};

/// Twelve records of two users, three of them warnings.
async fn app() -> App {
    let one = |n: i64| {
        let level = if n % 4 == 0 { Level::Warn } else { Level::Info };
        let name = if n % 3 == 0 { "anna" } else { "ben \"b\"" };
        line(&format!("line {n}"))
            .at(n)
            .level(level)
            .text(fields::USER_NAME, name)
            .number("cart.items", n)
    };
    App::start(log((0..12).map(one))).await
}

async fn logs(app: &App, query: &str) -> Page {
    let answer = app.get(&format!("/ops/logs?from=1h{query}")).await;
    assert_eq!(answer.status, 200, "{query}");
    answer.page()
}

fn messages(page: &Page) -> Vec<String> {
    page.texts("tr.record summary")
}

#[tokio::test]
async fn records_are_listed_newest_first_and_the_order_turns_around() {
    let app = app().await;
    let page = logs(&app, "").await;
    let newest_first = messages(&page);
    assert_eq!((newest_first.len(), &*newest_first[0]), (12, "line 11"));
    let turned = app.get(page.one("thead th:first-child a").attr("href")).await.page();
    assert!(newest_first.iter().rev().eq(&messages(&turned)));
    let back = app.get(turned.one("thead th:first-child a").attr("href")).await.page();
    assert_eq!(messages(&back), newest_first);
}

#[tokio::test]
async fn columns_are_those_of_the_address_and_each_can_be_removed() {
    let app = app().await;
    let page = logs(&app, "&cols=user,cart.items").await;
    assert_eq!(
        page.values("tr.record:last-child td[data-title]", "data-title"),
        ["user", "cart.items"]
    );
    assert_eq!(page.texts("tr.record:last-child td[data-title]"), ["anna", "0"]);
    assert!(page.has("thead th.num"), "numbers are aligned");
    let remove = page.values("thead th:nth-child(4) a", "href").swap_remove(0);
    let fewer = app.get(&remove).await.page();
    assert_eq!(fewer.values("tr.record:last-child td[data-title]", "data-title"), ["cart.items"]);
    // So many columns as somebody may want, none twice.
    let many: Vec<String> = (0..200).map(|n| format!("c{n}")).collect();
    let page = logs(&app, &format!("&cols=user,user,{}", many.join(","))).await;
    let columns = page.values("tr.record:last-child td[data-title]", "data-title");
    assert!(columns.len() < 50 && columns.iter().filter(|name| *name == "user").count() == 1);
}

#[tokio::test]
async fn each_clause_of_the_query_is_switched_off_turned_around_or_removed_by_a_click() {
    let app = app().await;
    let page = logs(&app, "&q=level:warn+user:anna").await;
    assert_eq!(page.texts(".chips code"), ["level:warn", "user:anna"]);
    assert_eq!(messages(&page), ["line 0"]);
    let [toggle, negate, remove] = page.all(".chips li:first-child a").try_into().unwrap();
    for (link, expected) in [(toggle, 4), (negate, 3), (remove, 4)] {
        let page = app.get(link.attr("href")).await.page();
        assert_eq!(page.one("[data-total]").text(), format!("{expected} records"));
    }
    // Switched off it is still there, to be switched on again.
    let off = app.get(toggle.attr("href")).await.page();
    let on = off.one(".chips li.off a:first-child").attr("href");
    assert_eq!(messages(&app.get(on).await.page()), ["line 0"]);
}

#[tokio::test]
async fn the_sidebar_counts_values_and_finds_fields_by_their_name() {
    let app = app().await;
    let page = logs(&app, "").await;
    let level = page.one("[data-facet=level]");
    assert_eq!(level.texts(".num"), ["9", "3"]);
    let warnings = level.all("li").into_iter().find(|value| value.text().starts_with("warn"));
    let warnings = warnings.unwrap();
    for (link, count) in [("a.value", "3 records"), ("a.minus", "9 records")] {
        let page = app.get(warnings.one(link).attr("href")).await.page();
        assert_eq!(page.one("[data-total]").text(), count);
    }
    let found = logs(&app, "&fields=cart.items").await;
    assert_eq!(found.values("[data-facet]", "data-facet"), ["cart.items"]);
    assert!(found.has("aside .find + p a"), "back to all fields");
    let none = logs(&app, "&fields=nothing_like_this").await;
    assert!(!none.has("[data-facet]") && none.has("aside > p.hint"));
    // What is typed into the box is an option of it.
    let known = found.values("#known option", "value");
    assert!(["status", "user", "duration"].iter().all(|name| known.contains(&(*name).to_owned())));
}

#[tokio::test]
async fn nothing_found_offers_wider_windows_and_fewer_clauses() {
    let app = app().await;
    let page = logs(&app, "&q=user:anna+nobody_said_this").await;
    let without = page.texts("[data-empty=records] a code");
    assert_eq!(without, ["user:anna", "nobody_said_this"]);
    let links = page.values("[data-empty=records] a", "href");
    let wider = links.iter().filter(|link| link.contains("from=24h") || link.contains("from=7d"));
    assert_eq!(wider.count(), 2, "{links:?}");
    let found = app.get(links.last().unwrap()).await.page();
    assert_eq!(found.one("[data-total]").text(), "4 records");
}

#[tokio::test]
async fn without_a_stream_a_page_that_follows_asks_again_by_itself() {
    let app = app().await;
    let page = logs(&app, "&tail=1").await;
    assert_eq!(page.one("head > meta[http-equiv=refresh]").attr("content"), "5");
    assert!(!page.has("[data-tail]") && page.has("tbody[data-live]"));
    assert_eq!(messages(&page).len(), 12);
    let stop = page.one("form.query a[data-key=t]").attr("href").to_owned();
    assert!(!app.get(&stop).await.page().has("head > meta[http-equiv=refresh]"));
    assert_eq!(app.get("/ops/logs/tail").await.status, 404);
}

#[tokio::test]
async fn a_page_can_load_itself_again_every_so_often() {
    let app = app().await;
    let page = logs(&app, "&refresh=30").await;
    assert_eq!(page.one("body").attr("data-refresh"), "30");
    assert!(page.one("[data-fresh]").text().contains("30 s"));
    assert!(page.values(".refresh .presets a", "href").iter().any(|url| url.contains("refresh=")));
    for nonsense in ["0", "-1", "x", "1", "99999999999999999999"] {
        let page = logs(&app, &format!("&refresh={nonsense}")).await;
        let refresh =
            page.one("body").find("data-refresh").map(|text| text.parse::<u32>().unwrap());
        assert!(refresh.is_none_or(|seconds| (5..=3_600).contains(&seconds)), "{nonsense}");
    }
}

#[tokio::test]
async fn exports_have_what_the_page_shows_in_its_order_and_columns() {
    let app = app().await;
    let query = "q=user:anna&from=1h&cols=user,cart.items&sort=old";
    let ndjson = app.get(&format!("/ops/logs/export.ndjson?{query}")).await;
    let items: Vec<Value> =
        ndjson.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let items: Vec<_> = items.iter().map(|record| record["cart.items"].as_i64().unwrap()).collect();
    assert_eq!(items, [0, 3, 6, 9]);
    let name = |answer: &Answer| {
        let disposition = answer.headers["content-disposition"].to_str().unwrap().to_owned();
        disposition.split('"').nth(1).unwrap().to_owned()
    };
    let window = "20261031T230012Z-20261101T000012Z";
    assert_eq!(name(&ndjson), format!("logs-user-anna-{window}.ndjson"));
    let csv = app.get(&format!("/ops/logs/export.csv?{query}")).await;
    let rows: Vec<&str> = csv.text.lines().collect();
    assert_eq!(rows.len(), 5, "{}", csv.text);
    // What the command line writes, and what the page has besides.
    let columns = "timestamp,level,target,message,http.request.id,http.request.method,http.route,\
                   http.response.status_code,duration_us,user.name,error.message,code.callsite,\
                   cart.items";
    assert_eq!(rows[0], columns);
    assert!(rows[1].ends_with(",anna,,,0"), "{}", rows[1]);
    let odd = "q=path:%22/a%0D%0Ab;%22%20%C3%A6&from=2026-10-31T23:00:00Z&to=2026-10-31T23:30:00Z";
    let odd = name(&app.get(&format!("/ops/logs/export.csv?{odd}")).await);
    assert_eq!(odd, "logs-path-a-b-20261031T230000Z-20261031T233000Z.csv");
    assert!(csv.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    let quoted = app.get("/ops/logs/export.csv?q=cart.items:1&cols=user&from=1h").await;
    assert!(quoted.text.contains("\"ben \"\"b\"\"\""), "{}", quoted.text);
    let none = app.get("/ops/logs/export.ndjson?q=nothing_has_this").await;
    assert_eq!((none.status.as_u16(), &*none.text), (200, ""));
}

/// What the query box offers.
async fn offered(app: &App, q: &str, caret: usize) -> Vec<Value> {
    let answer = app.get(&format!("/ops/logs/complete?from=1h&q={q}&caret={caret}")).await;
    assert_eq!(answer.status, 200, "{q}");
    serde_json::from_str(&answer.text).unwrap()
}

#[tokio::test]
async fn the_query_box_offers_fields_then_their_values() {
    let app = app().await;
    let fields = offered(&app, "us", 2).await;
    let user = fields.iter().find(|choice| choice["q"] == "user:").unwrap();
    assert!(user["hint"].as_str().unwrap().contains("user") && user["caret"] == 5);
    let values = offered(&app, "user:", 5).await;
    let texts: Vec<_> = values.iter().map(|choice| choice["q"].as_str().unwrap().trim()).collect();
    assert!(texts.contains(&"user:anna") && texts.contains(&"user:\"ben \\\"b\\\"\""), "{texts:?}");
    let counts: Vec<_> = values.iter().map(|choice| &choice["hint"]).collect();
    assert_eq!(counts, ["8", "4"], "the most frequent first");
    // Whatever stands there, and wherever the caret is.
    for (q, caret) in [("", 0), ("user:anna", 99), ("%F0%9F%98%80", 2), ("((", 2), ("a+b", 1)] {
        assert!(offered(&app, q, caret).await.len() <= 12, "{q}");
    }
}

#[tokio::test]
async fn a_click_in_a_record_changes_the_query_by_its_field() {
    let app = app().await;
    let page = logs(&app, "&q=cart.items:3").await;
    let record = page.one("tr.record");
    let id = record.one("input[name=at]").attr("value");
    let fields = record.all(".fields tr");
    let user = fields.iter().find(|field| field.one("th").text() == "user").unwrap();
    let number = user.one("button[name=add]").attr("value");
    for (action, found) in [("add", "1 record"), ("not", "0 records"), ("only", "4 records")] {
        let url = format!("/ops/logs?from=1h&q=cart.items:3&at={id}&{action}={number}");
        let to = app.get(&url).await.headers["location"].to_str().unwrap().to_owned();
        assert_eq!(app.get(&to).await.page().one("[data-total]").text(), found, "{action}");
    }
    for nonsense in
        ["at=0-0&add=1", &format!("at={id}&add=99"), &format!("at={id}&add=x"), "at=x&not=1"]
    {
        assert_eq!(app.get(&format!("/ops/logs?{nonsense}")).await.status, 404, "{nonsense}");
    }
}
