//! The page of one request: its statements, its steps, what failed, and how it compares.

use logsearch::fields;
use logsearch::record::Level;

use crate::harness::App;
use crate::html::Page;
use crate::lines::{Line, line, log, request, statement};

const ID: &str = "01checkout";
const SELECT: &str = "SELECT * FROM items WHERE cart = $1";
const INSERT: &str = "INSERT INTO orders VALUES ($1)";

/// A request that failed: a stage, a statement that ran six times, one that failed, and its records.
fn checkout() -> Vec<Line> {
    let of = |line: Line, second: i64| line.text(fields::REQUEST_ID, ID).at(second);
    vec![
        of(line("packing <b>"), 10),
        of(line("no stock").level(Level::Error), 11)
            .text(fields::ERROR_MESSAGE, "no checkout: could not insert: out of stock"),
        request("/checkout", 500, 800)
            .at(12)
            .text(fields::REQUEST_ID, ID)
            .text(fields::PATH, "/checkout/7")
            .text(fields::USER_NAME, "anna")
            .number(fields::DB_COUNT, 7)
            .number(fields::DB_DURATION, 500_000),
        of(line("stage handler"), 12)
            .text(fields::SPAN_NAME, "handler")
            .number(fields::OFFSET, 100_000)
            .number(fields::DURATION, 600_000),
        statement(ID, "items.list", SELECT, 6, 300)
            .at(12)
            .number(fields::OFFSET, 150_000)
            .number(fields::DB_ROWS, 12)
            .text("db.query.source", "src/items.rs:7"),
        statement(ID, "orders.insert", INSERT, 1, 200)
            .at(12)
            .number(fields::OFFSET, 500_000)
            .text(fields::ERROR_TYPE, "unavailable"),
        line("request headers")
            .at(12)
            .text(fields::REQUEST_ID, ID)
            .text("http.request.header.host", "shop.example")
            .text("user_agent.original", "Browser \"1\""),
    ]
}

/// Others of the same route, each a tenth as long.
fn others() -> impl Iterator<Item = Line> {
    (0..20).map(|n| {
        request("/checkout", 200, 80)
            .at(n)
            .text(fields::REQUEST_ID, &format!("other{n}"))
            .number(fields::DB_COUNT, 2)
            .number(fields::DB_DURATION, 10_000)
    })
}

async fn page(lines: impl IntoIterator<Item = Line>) -> (App, Page) {
    let app = App::start(log(lines)).await;
    let answer = app.get(&format!("/ops/requests/{ID}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    (app, answer.page())
}

#[tokio::test]
async fn a_request_shows_who_asked_what_and_how_it_ended() {
    let (_, page) = page(checkout()).await;
    let title = page.one("main h1").text();
    assert!(title.starts_with("GET /checkout 500") && title.contains("800"), "{title}");
    assert!(page.has("main h1 .level.error"));
    let sum = page.texts(".sum").concat();
    for part in ["anna", "/checkout/7", ID, "7 statements"] {
        assert!(sum.contains(part), "{part} in {sum}");
    }
    // The chain of what failed, outermost first.
    assert_eq!(page.one(".failure > strong").text(), "no stock");
    assert_eq!(
        page.texts(".failure .chain li"),
        ["no checkout", "could not insert", "out of stock"]
    );
}

#[tokio::test]
async fn every_statement_has_its_figures_and_its_place_and_what_is_wrong_with_it() {
    let (app, page) = page(checkout()).await;
    let list = page.one("[data-statement='items.list']");
    assert_eq!(list.texts("td.num"), ["6", "300 ms", "50 ms", "12"]);
    assert_eq!(list.one("pre").text(), SELECT);
    assert!(list.text().contains("src/items.rs:7") && list.text().contains("N+1 ×6"));
    assert!(list.has("details[open]") && list.find("data-failed").is_none());
    let insert = page.one("[data-statement='orders.insert'][data-failed]");
    assert_eq!(insert.texts("td.num"), ["1", "200 ms", "200 ms", "0"]);
    let everywhere = list.one(".links a").attr("href");
    assert_eq!(app.get(everywhere).await.page().one("main > pre").text(), SELECT);
}

#[tokio::test]
async fn the_steps_are_in_the_order_of_their_starts_within_the_request() {
    let (_, page) = page(checkout()).await;
    let steps = page.all("[data-section=steps] tbody tr");
    let names: Vec<_> = steps.iter().map(|step| step.texts("td")[0].clone()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(names[1].starts_with("handler") && names[2].starts_with("items.list"), "{names:?}");
    assert!(names[3].starts_with("orders.insert"), "{names:?}");
    let bad: Vec<_> = steps.iter().map(|step| step.attr("class").contains("bad")).collect();
    assert_eq!(bad, [false, false, true, true]);
    // Widths are thousandths of the request.
    let widths: Vec<_> = steps.iter().map(|step| step.one("rect").attr("width")).collect();
    assert_eq!(widths, ["1000.0", "750.0", "375.0", "250.0"]);
}

#[tokio::test]
async fn its_records_are_there_without_what_only_measures_it() {
    let (app, page) = page(checkout()).await;
    let messages = page.texts("#logs tr.record summary");
    assert!(messages.iter().any(|message| message == "packing <b>"), "{messages:?}");
    assert!(!messages.iter().any(|message| message.contains("statement profile")), "{messages:?}");
    let all = page.one("#logs h2 a").attr("href");
    let found = app.get(all).await.page().one("[data-total]").text();
    assert!(found.starts_with("7 "), "{found}");
    let headers = page.all("#headers tr");
    let headers: Vec<_> =
        headers.iter().map(|row| (row.one("th").text(), row.one("td").text())).collect();
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(headers, [header("host", "shop.example"), header("user-agent", "Browser \"1\"")]);
    assert!(page.one("#json details pre").text().contains("\"http.route\": \"/checkout\""));
}

#[tokio::test]
async fn a_request_is_compared_with_others_of_its_route() {
    let (app, page) = page(checkout().into_iter().chain(others())).await;
    let rows = page.all("#compared tbody tr");
    assert!(!rows.is_empty());
    let duration = rows[0].texts("td");
    assert_eq!(duration[0], "800 ms", "{duration:?}");
    assert!(duration[1].starts_with("80"), "{duration:?}");
    assert!(rows[0].has("td.error"), "ten times the median is unusual");
    let similar = page.values("nav a[href^='/ops/requests?']", "href").pop().unwrap();
    let listed = app.get(&similar).await.page();
    assert!(listed.has("[data-route='/checkout']"), "{similar}");
}

#[tokio::test]
async fn without_others_and_without_statements_those_parts_are_left_out() {
    let alone = request("/checkout", 200, 5).text(fields::REQUEST_ID, ID);
    let (_, page) = page([alone]).await;
    for part in ["#sql", "#headers", "[data-section=steps]", ".failure"] {
        assert!(!page.has(part), "{part}");
    }
    assert!(page.has("[data-empty=statements]"));
}

#[tokio::test]
async fn a_request_whose_end_is_not_known_yet_shows_what_it_said_so_far() {
    let lines = (0..3).map(|n| line(&format!("step {n}")).at(n).text(fields::REQUEST_ID, ID));
    let (_, page) = page(lines).await;
    assert_eq!(page.all("#logs tr.record").len(), 3);
}

#[tokio::test]
async fn an_id_that_nothing_has_leads_nowhere() {
    let app = App::start(log(checkout())).await;
    for id in ["nobody", "01CHECKOUT", "%00", "a%2Fb", "01ARZ3NDEKTSV4RRFFQ69G5FAV"] {
        let answer = app.get(&format!("/ops/requests/{id}")).await;
        assert_eq!(answer.status, 404, "{id}");
        assert!(answer.page().has("[data-error='404']"), "{id}");
    }
}

#[tokio::test]
async fn a_request_of_thousands_of_records_has_the_figures_of_all() {
    let run = || {
        line("statement executed")
            .at(1)
            .text(fields::REQUEST_ID, ID)
            .text(fields::DB_QUERY, SELECT)
            .number(fields::DURATION, 2)
    };
    let mut lines: Vec<Line> = (0..2_000).map(|_| run()).collect();
    lines.push(request("/checkout", 200, 5).at(1).text(fields::REQUEST_ID, ID));
    let (_, page) = page(lines).await;
    let title = page.one("main h1").text();
    assert!(title.contains("200") && title.contains("5 ms"), "{title}");
    let sum = page.one(".sum > strong:first-child").text();
    assert_eq!(sum, "4 ms in the database, 2,000 statements");
    assert_eq!(page.one("[data-statement] [data-title=runs]").text(), "2000");
    assert_eq!(page.all("#logs tr.record").len(), 500, "the list is cut, figures are not");
    assert!(page.one("#logs .notice").text().contains("Not all records"));
}

#[tokio::test]
async fn what_a_request_did_after_its_client_left_is_told_apart() {
    let folded = |runs, offset, millis| {
        statement(ID, "orders.insert", INSERT, runs, millis).at(1).number(fields::OFFSET, offset)
    };
    let end = request("/checkout", 499, 300)
        .at(1)
        .text(fields::REQUEST_ID, ID)
        .text(fields::ERROR_TYPE, "abandoned")
        .text(fields::ERROR_MESSAGE, "client gave up while statement orders.insert was waiting")
        .number(fields::DB_COUNT, 1)
        .number(fields::DB_DURATION, 290_000);
    let (_, page) = page([folded(1, 10_000, 290), end, folded(0, 300_000, 1_700)]).await;
    assert!(page.one("main h1").text().contains("499 gave up"));
    let sum = page.one(".sum > strong:first-child").text();
    let told = "290 ms in the database, 1 statement; after the client left 1.7 s more";
    assert_eq!(sum, told);
    assert!(page.one(".failure").text().contains("client gave up"));
}
