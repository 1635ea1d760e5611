//! What a page counts is what an export has.

use axum::http::StatusCode;

use crate::harness::{App, attributes};

async fn exported(app: &App, q: &str) -> usize {
    let answer = app.get(&format!("/ops/logs/export.ndjson?from=24h&q={q}")).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.text.lines().filter(|line| line.starts_with('{') && line.ends_with('}')).count()
}

fn count(text: &str) -> usize {
    text.replace(',', "").parse().unwrap()
}

#[tokio::test]
async fn the_total_and_every_value_of_the_sidebar_equal_the_export() {
    let app = App::with_log(3_000).await;
    let page = app.get("/ops/logs?from=24h").await.text;
    let total = page.split("<p class=\"sum\"><strong>").nth(1).unwrap();
    let total = count(total.split(' ').next().unwrap());
    assert_eq!(total, 3_000);
    assert_eq!(exported(&app, "").await, total);

    let mut checked = 0;
    for value in page.split("<a class=\"value ").skip(1) {
        let url = value.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
        let shown = value.split("<span class=\"num\">").nth(1).unwrap();
        let shown = count(shown.split('<').next().unwrap());
        let q = url.split("q=").nth(1).unwrap().split("&amp;").next().unwrap();
        assert_eq!(exported(&app, q).await, shown, "{q}");
        checked += 1;
    }
    assert!(checked > 20, "{checked}");
}

#[tokio::test]
async fn bars_add_up_to_the_total() {
    let app = App::with_log(3_000).await;
    let page = app.get("/ops/logs?from=24h&q=level%3E%3Dwarn").await.text;
    let table = page.split("<figcaption>").nth(1).unwrap().split("</figcaption>").next().unwrap();
    let cells = table.split("<td class=\"num\">").skip(1);
    let sum: usize = cells.map(|cell| count(cell.split('<').next().unwrap())).sum();
    assert_eq!(sum, exported(&app, "level%3E%3Dwarn").await);
}

/// The address behind the button for older or newer records.
fn pager(page: &str, parameter: &str) -> Option<String> {
    let pagers = page.split("<p class=\"pager\">").skip(1);
    pagers
        .filter_map(|pager| attributes(pager, "href").into_iter().next())
        .find(|url| url.contains(parameter))
}

#[tokio::test]
async fn going_to_older_records_and_back_shows_each_once() {
    let app = App::with_log(350).await;
    let mut url = "/ops/logs?from=24h".to_owned();
    let mut ids = Vec::new();
    loop {
        let page = app.get(&url).await.text;
        let rows = attributes(&page, "id").into_iter();
        ids.extend(rows.filter(|id| id.starts_with('e')));
        match pager(&page, "older=") {
            Some(older) => url = older,
            None => break,
        }
    }
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), all), (350, 350));
    let page = app.get(&url).await.text;
    let newer = pager(&page, "newer=").unwrap();
    assert_eq!(app.get(&newer).await.text.matches("<tr class=\"record ").count(), 100);
}

#[tokio::test]
async fn a_click_on_a_field_changes_the_query_at_an_address_to_share() {
    let app = App::with_log(100).await;
    let to = async |query: &str| {
        let answer = app.get(&format!("/ops/logs?{query}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{query}");
        answer.headers["location"].to_str().unwrap().to_owned()
    };
    assert_eq!(to("q=rows&add=status:200").await, "/ops/logs?q=rows+status:200");
    assert_eq!(to("q=status:200&not=status:200").await, "/ops/logs?q=-status:200");
    assert_eq!(to("q=a&only=level:warn&from=15m").await, "/ops/logs?q=level:warn&from=15m");
    assert_eq!(to("col=route").await, "/ops/logs?cols=request_id,duration,route");
    assert_eq!(to("col=duration").await, "/ops/logs?cols=request_id");
}

#[tokio::test]
async fn every_query_has_a_page_and_what_was_not_understood_is_said() {
    let app = App::with_log(100).await;
    for q in ["%28%28%28", "a+AND", "%22open", "status:%3E", "%00%ff", "level:%28a", "%23%23"] {
        let answer = app.get(&format!("/ops/logs?q={q}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{q}");
    }
    let page = app.get("/ops/logs?q=usr:anna").await.text;
    assert!(page.contains("no field") && page.contains("q=user:anna"), "{page}");
    let long = "x".repeat(5_000);
    assert_eq!(app.get(&format!("/ops/logs?q={long}")).await.status, StatusCode::OK);
    let empty = app.get("/ops/logs?from=5m&q=zzzz").await.text;
    assert!(empty.contains("No records in this window") && empty.contains("from=24h"));
}
