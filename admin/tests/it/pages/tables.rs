//! Tables that a click on the head of a column sorts: each for itself, at an address, in both directions.

use logsearch::fields;
use logsearch::record::Level;

use crate::harness::App;
use crate::html::{Element, Page};
use crate::lines::{Line, line, log, request, statement};

/// Requests of three routes with two methods, errors of two places, statements of two requests.
fn lines() -> Vec<Line> {
    let of = |n: i64, method: &str, route: &str, status: i64, millis: i64| {
        line("request ended")
            .at(n)
            .text(fields::METHOD, method)
            .text(fields::ROUTE, route)
            .text(fields::REQUEST_ID, &format!("r{n}"))
            .number(fields::STATUS, status)
            .number(fields::DURATION, millis * 1_000)
            .number(fields::DB_COUNT, n)
            .number(fields::DB_DURATION, millis * 10)
            .text(fields::USER_NAME, ["ben", "anna"][usize::from(n % 2 == 0)])
    };
    let error = |n: i64, place: &str| {
        line(&format!("{place} broke")).at(20 + n).level(Level::Error).text(fields::CALLSITE, place)
    };
    let by = |line: Line, request: &str| line.at(30).text(fields::ROUTE, request);
    vec![
        of(1, "GET", "/cart", 200, 100),
        of(2, "POST", "/cart", 500, 300),
        of(3, "POST", "/cart", 200, 50),
        of(4, "GET", "/orders", 200, 900),
        of(5, "GET", "/cart", 200, 10),
        of(6, "GET", "/cart", 200, 20),
        error(0, "src/b.rs:1"),
        error(1, "src/b.rs:1"),
        error(2, "src/a.rs:1"),
        by(statement("r1", "items.list", "SELECT a", 9, 90), "/cart"),
        by(statement("r1", "orders.add", "INSERT b", 1, 500), "/cart"),
        by(statement("r2", "items.list", "SELECT a", 2, 200), "/cart"),
    ]
}

async fn app() -> App {
    App::start(log(lines())).await
}

/// The heads of a table that can be clicked, by their text.
fn head<'a>(page: &'a Page, table: &str, title: &str) -> Element<'a> {
    let heads = page.all(&format!("#table-{table} thead a[data-sort]"));
    let found = heads.into_iter().find(|head| head.text() == title);
    found.unwrap_or_else(|| panic!("{table} has no {title}"))
}

async fn click(app: &App, page: &Page, table: &str, title: &str) -> Page {
    let url = head(page, table, title).attr("href");
    let (url, fragment) = url.split_once('#').unwrap();
    assert_eq!(fragment, format!("table-{table}"), "a click stays where the table is");
    let answer = app.get(url).await;
    assert_eq!(answer.status, 200, "{url}");
    answer.page()
}

/// A column of a table from top to bottom.
fn column(page: &Page, table: &str, at: usize) -> Vec<String> {
    let cells = format!("#table-{table} > tbody > tr > td:nth-child({at})");
    page.all(&cells).iter().map(Element::text).collect()
}

#[tokio::test]
async fn methods_of_a_route_are_rows_of_their_own() {
    let app = app().await;
    let page = app.get("/ops/requests?from=1h").await.page();
    let mut rows = column(&page, "routes", 1);
    assert_eq!(rows[0], "GET /cart", "the busiest first");
    rows.sort_unstable();
    assert_eq!(rows, ["GET /cart", "GET /orders", "POST /cart"]);
    let post = page.one("[data-route='/cart'][data-method=POST]");
    assert_eq!(post.texts("td")[1..3], ["2".to_owned(), "50.0%".to_owned()]);
    let requests = app.get(post.one("td:first-child a").attr("href")).await.page();
    assert_eq!(requests.one("[data-total]").text(), "2 requests");
    let failed = app.get(post.one("a.error").attr("href")).await.page();
    assert_eq!(failed.one("[data-total]").text(), "1 request");
}

#[tokio::test]
async fn a_record_without_a_method_is_a_row_without_one() {
    let nameless = line("done")
        .text(fields::ROUTE, "/job")
        .number(fields::STATUS, 200)
        .number(fields::DURATION, 5_000);
    let app = App::start(log([nameless, request("/cart", 200, 1)])).await;
    let page = app.get("/ops/requests?from=1h").await.page();
    let row = page.one("[data-route='/job']");
    assert_eq!(row.attr("data-method"), "");
    let only = app.get(row.one("td a").attr("href")).await.page();
    assert_eq!(only.one("[data-total]").text(), "1 request");
    assert!(!only.has("[data-route='/cart']"));
}

#[tokio::test]
async fn a_click_sorts_and_another_one_turns_the_order_around() {
    let app = app().await;
    for (path, table, title, at, first, last) in [
        ("/ops/requests", "routes", "p95", 1, "GET /orders", "GET /cart"),
        ("/ops/requests", "routes", "failed", 1, "POST /cart", ""),
        ("/ops/requests", "routes", "route", 1, "GET /cart", "GET /orders"),
        ("/ops/requests", "requests", "user", 7, "anna", "ben"),
        ("/ops/requests", "requests", "status", 2, "500", "200"),
        ("/ops/errors", "groups", "count", 2, "2", "1"),
        ("/ops/errors", "groups", "last seen", 2, "1", "2"),
        ("/ops/requests/sql", "statements", "runs", 3, "11", "1"),
        ("/ops/requests/sql", "statements", "slowest", 5, "500 ms", "100 ms"),
        ("/ops/logs/patterns", "types", "count", 1, "", "1"),
        ("/ops", "routes", "requests", 2, "3", "1"),
        ("/ops", "slow", "ms", 4, "900.0", "10.0"),
    ] {
        let page = app.get(&format!("{path}?from=1h&q=-db_operation:nothing")).await.page();
        let sorted = click(&app, &page, table, title).await;
        let there = column(&sorted, table, at);
        let ends = (there.first().unwrap().as_str(), there.last().unwrap().as_str());
        let is = |found: &str, wanted: &str| wanted.is_empty() || found == wanted;
        assert!(is(ends.0, first) && is(ends.1, last), "{path} by {title}: {there:?}");
        let turned = click(&app, &sorted, table, title).await;
        let mut back = column(&turned, table, at);
        back.reverse();
        // What is equal may stand in either order.
        assert_eq!(back.first(), there.first(), "{path} by {title}");
        let states: Vec<_> = [&sorted, &turned]
            .map(|page| {
                page.one(&format!("#table-{table} th[aria-sort]")).attr("aria-sort").to_owned()
            })
            .into();
        assert!(states[0] != states[1] && states.iter().all(|state| state.ends_with("scending")));
    }
}

#[tokio::test]
async fn the_costliest_requests_of_all_are_chosen_not_only_sorted() {
    let many = (0..250).map(|n| {
        request("/cart", 200, (n * 7_919) % 251).at(n).text(fields::REQUEST_ID, &format!("r{n}"))
    });
    let app = App::start(log(many)).await;
    let page = app.get("/ops/requests?from=1h").await.page();
    let sorted = click(&app, &page, "requests", "ms").await;
    assert_eq!(column(&sorted, "requests", 4)[0], "250.0", "it was not among the newest");
    assert_eq!(sorted.one("#table-requests th[aria-sort]").attr("aria-sort"), "descending");
    let turned = click(&app, &sorted, "requests", "ms").await;
    assert_eq!(column(&turned, "requests", 4).last().unwrap(), "250.0");
    let newest = click(&app, &turned, "requests", "time").await;
    assert_eq!(column(&newest, "requests", 4)[0], "226.0", "the last of them");
}

#[tokio::test]
async fn each_table_of_a_page_has_an_order_of_its_own() {
    let app = app().await;
    let page = app.get("/ops/requests?from=1h&q=route:*").await.page();
    let one = click(&app, &page, "routes", "route").await;
    let both = click(&app, &one, "requests", "user").await;
    assert_eq!(column(&both, "routes", 1), column(&one, "routes", 1));
    assert_eq!(both.all("th[aria-sort]").len(), 2);
    assert_eq!(both.one("#q").attr("value"), "route:*");
}

#[tokio::test]
async fn statements_of_a_request_and_runs_of_a_statement_are_sorted_too() {
    let app = app().await;
    let page = app.get("/ops/requests/r1").await.page();
    let by_runs = click(&app, &page, "statements", "runs").await;
    assert_eq!(column(&by_runs, "statements", 2), ["9", "1"]);
    let by_total = click(&app, &by_runs, "statements", "total").await;
    assert_eq!(column(&by_total, "statements", 2), ["1", "9"]);
    let sql = app.get("/ops/requests/sql?from=1h&q=db_operation:items.list").await.page();
    let link = sql.values(".links a[href^='/ops/requests/sql/']", "href").swap_remove(0);
    let statement = app.get(&link).await.page();
    let by_runs = click(&app, &statement, "slowest", "runs").await;
    assert_eq!(column(&by_runs, "slowest", 4), ["9", "2"]);
}

#[tokio::test]
async fn whatever_an_address_says_of_tables_a_page_is_shown() {
    let app = app().await;
    let usual = column(&app.get("/ops/requests?from=1h").await.page(), "routes", 1);
    let long = "routes:p95,".repeat(500);
    for by in [
        "routes",
        "routes:",
        ":p95",
        "routes:nothing",
        "nothing:p95",
        ",,,",
        "routes:p95:",
        "\u{0}:\u{7f}",
        "routes:<script>",
        &long,
    ] {
        let query = serde_urlencoded::to_string([("from", "1h"), ("by", by)]).unwrap();
        let answer = app.get(&format!("/ops/requests?{query}")).await;
        assert_eq!(answer.status, 200, "{by}");
        assert!(!answer.text.contains("<script>a") && !answer.text.contains(":<script>"), "{by}");
        if !by.starts_with("routes:p95") {
            assert_eq!(column(&answer.page(), "routes", 1), usual, "{by}");
        }
    }
}

#[tokio::test]
async fn every_head_of_every_sorted_table_can_be_clicked_in_a_page_full_of_hostile_texts() {
    let app = App::with_log(600).await;
    let mut tables = 0;
    for path in [
        "",
        "/requests",
        "/requests/sql",
        "/errors",
        "/compare",
        "/logs/patterns",
        "/logs/searches",
        "/system",
    ] {
        let page = app.get(&format!("/ops{path}?from=30d")).await.page();
        for table in page.all("table[id^=table-]") {
            tables += 1;
            assert!(
                table.all("thead th").len() == table.all("tbody > tr")[0].all("td").len(),
                "{path}"
            );
            for url in table.values("thead a[data-sort]", "href") {
                let answer = app.get(url.split('#').next().unwrap()).await;
                assert_eq!(answer.status, 200, "{url}");
                let sorted = answer.page();
                let id = table.attr("id");
                assert!(sorted.has(&format!("#{id} th[aria-sort] a")), "{url}");
                let rows = sorted.all(&format!("#{id} > tbody > tr")).len();
                assert_eq!(rows, table.all("tbody > tr").len(), "{url}");
            }
        }
    }
    assert!(tables >= 11, "{tables}");
}
