//! Statements over many requests, one of them, and its plan.

use admin::{Host, HostError, Plans};
use async_trait::async_trait;
use logsearch::fields;

use crate::harness::App;
use crate::html::{Element, Page};
use crate::lines::{Line, log, statement};

const LIST: &str = "SELECT * FROM items";
const INSERT: &str = "INSERT INTO orders VALUES ($1)";
const SLOW: &str = "SELECT count(*) FROM orders";

/// Three statements: one that runs often, one that fails, one that is slow. The metrics of the panel's
/// own tests know none of them.
fn lines() -> Vec<Line> {
    let of = |request: &str, route: &str, line: Line| {
        line.text(fields::ROUTE, route).text("db.query.source", &format!("src/{request}.rs:1"))
    };
    let mut lines = vec![
        of("r1", "/cart", statement("r1", "items.list", LIST, 10, 50)).at(1),
        of("r2", "/cart", statement("r2", "items.list", LIST, 2, 20)).at(2),
        of("r3", "/orders", statement("r3", "items.list", LIST, 1, 30)).at(3),
        of("r3", "/orders", statement("r3", "orders.count", SLOW, 1, 900)).at(4),
    ];
    let failed = statement("r2", "orders.insert", INSERT, 3, 9).text(fields::ERROR_TYPE, "taken");
    lines.push(of("r2", "/cart", failed).at(5));
    lines
}

async fn app() -> App {
    App::start(log(lines())).await
}

fn names(page: &Page) -> Vec<String> {
    page.values("[data-statement]:not([data-runs=none])", "data-statement")
}

fn figures(row: &Element) -> Vec<String> {
    row.texts("td.num")
}

#[tokio::test]
async fn statements_are_added_up_over_their_requests() {
    let app = app().await;
    let page = app.get("/ops/requests/sql?from=1h&q=route:*").await.page();
    // Time, runs, p95 of one run, the slowest run, failures, requests that repeat it.
    for (name, wanted) in [
        ("items.list", ["100 ms", "13", "10 ms", "30 ms", "", "1"]),
        ("orders.count", ["900 ms", "1", "900 ms", "900 ms", "", ""]),
        ("orders.insert", ["9 ms", "3", "3 ms", "3 ms", "1", ""]),
    ] {
        let row = page.one(&format!("[data-statement='{name}']"));
        assert_eq!(figures(&row), wanted, "{name}");
    }
    let slowest = page.one("[data-statement='items.list'] td a[href^='/ops/requests/r']");
    assert_eq!(slowest.attr("href"), "/ops/requests/r3");
}

#[tokio::test]
async fn statements_are_sorted_by_what_is_asked_for() {
    let app = app().await;
    for (sort, order) in [
        ("", ["orders.count", "items.list", "orders.insert"]),
        ("times", ["items.list", "orders.insert", "orders.count"]),
        ("p95", ["orders.count", "items.list", "orders.insert"]),
        ("repeats", ["items.list", "orders.insert", "orders.count"]),
        ("nonsense", ["orders.count", "items.list", "orders.insert"]),
    ] {
        let page =
            app.get(&format!("/ops/requests/sql?from=1h&q=route:*&sort={sort}")).await.page();
        assert_eq!(names(&page), order, "{sort}");
        assert_eq!(page.all("nav[aria-label=Order] [aria-current]").len(), 1, "{sort}");
    }
}

#[tokio::test]
async fn a_query_chooses_the_requests_whose_statements_count() {
    let app = app().await;
    let page = app.get("/ops/requests/sql?from=1h&q=route:/orders").await.page();
    assert_eq!(names(&page), ["orders.count", "items.list"]);
    assert_eq!(figures(&page.one("[data-statement='items.list']"))[1], "1");
    let none = app.get("/ops/requests/sql?from=1h&q=route:/nowhere").await.page();
    assert!(none.has("[data-empty=statements] a[href^='/ops/requests/sql?']"));
}

/// The page of a statement.
async fn statement_page(app: &App, name: &str) -> Page {
    let page = app.get("/ops/requests/sql?from=1h&q=route:*").await.page();
    let row = page.one(&format!("[data-statement='{name}']"));
    let url = row.one(".links a[href^='/ops/requests/sql/']").attr("href").to_owned();
    app.get(&url).await.page()
}

#[tokio::test]
async fn a_statement_says_where_it_is_called_and_by_which_requests() {
    let app = app().await;
    let page = statement_page(&app, "items.list").await;
    assert_eq!(page.one("main h1").text(), "items.list");
    assert_eq!(page.one("main > pre").text(), LIST);
    assert_eq!(
        page.texts("[data-section=callsites] li"),
        ["src/r1.rs:1 ×10", "src/r2.rs:1 ×2", "src/r3.rs:1 ×1"]
    );
    assert_eq!(page.texts("[data-section=routes] li"), ["/cart ×12", "/orders ×1"]);
    let slowest = page.values("[data-section=slowest] [data-request]", "href");
    assert_eq!(slowest, ["/ops/requests/r3", "/ops/requests/r2", "/ops/requests/r1"]);
    let repeating = page.values("[data-section=repeating] [data-request]", "href");
    assert_eq!(repeating, ["/ops/requests/r1"]);
    let records = page.one(".links a[href^='/ops/logs?']").attr("href");
    let found = app.get(records).await.page().one("[data-total]").text();
    assert!(found.starts_with("3 "), "{found}");
}

#[tokio::test]
async fn a_failed_run_is_marked_and_the_part_of_repetitions_left_out_without_any() {
    let page = statement_page(&app().await, "orders.insert").await;
    assert!(page.has("[data-section=slowest] tr.bad strong"));
    assert!(!page.has("[data-section=repeating]"));
    // No host explains statements here.
    assert!(!page.has("a[href*='/plan']"));
}

#[tokio::test]
async fn a_statement_outside_the_window_is_known_without_its_runs_and_an_unknown_one_is_not() {
    let app = app().await;
    let page = app.get("/ops/requests/sql?from=1h&q=route:*").await.page();
    let url = page.values(".links a[href^='/ops/requests/sql/']", "href").swap_remove(0);
    let path = url.split('?').next().unwrap();
    let before = "from=2026-10-31T23:00:00Z&to=2026-10-31T23:59:00Z";
    let page = app.get(&format!("{path}?{before}")).await.page();
    assert!(page.has("[data-empty=runs] a") && page.has("main > pre"));
    for unknown in ["0000000000000000", "nonsense", "%00"] {
        let answer = app.get(&format!("/ops/requests/sql/{unknown}?from=1h")).await;
        assert_eq!(answer.status, 404, "{unknown}");
    }
}

/// Explains the list, has no such statement as the insert, and breaks at the slow one.
struct Database;

impl Host for Database {
    fn plans(&self) -> Option<&dyn Plans> {
        Some(self)
    }
}

#[async_trait]
impl Plans for Database {
    async fn plan(&self, sql: &str) -> Result<Option<Vec<String>>, HostError> {
        match sql {
            LIST => Ok(Some(vec!["Limit".to_owned(), "  Seq Scan on <items>".to_owned()])),
            SLOW => Err("the database is away".into()),
            _ => Ok(None),
        }
    }
}

#[tokio::test]
async fn a_plan_is_shown_as_the_host_gives_it_or_not_at_all() {
    let app = App::start_with(log(lines()), |panel| panel.host(Database)).await;
    let plan = async |name: &str| {
        let page = statement_page(&app, name).await;
        app.get(page.one(".links a[href*='/plan']").attr("href")).await
    };
    let known = plan("items.list").await.page();
    assert_eq!(known.one("[data-section=plan] pre").text(), "Limit Seq Scan on <items>");
    assert_eq!(known.one("main > pre").text(), LIST);
    assert!(plan("orders.insert").await.page().has("[data-empty=statement]"));
    let away = plan("orders.count").await;
    assert_eq!(away.status, 503);
    assert!(!away.text.contains("the database is away"), "what broke is for the log");
}
