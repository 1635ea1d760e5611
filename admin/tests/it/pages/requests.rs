//! The list of requests: its orders, its table of routes, what it makes of a query.

use logsearch::fields;

use crate::harness::App;
use crate::html::Page;
use crate::lines::{Line, log, request};

/// Six requests of three routes, the oldest first: durations, times in the database and numbers of
/// statements each put them into another order.
async fn app() -> App {
    let one = |second: i64, route: &str, status: i64, millis: i64, database: (i64, i64)| {
        request(route, status, millis)
            .at(second)
            .text(fields::REQUEST_ID, &format!("r{second}"))
            .number(fields::DB_DURATION, database.0 * 1_000)
            .number(fields::DB_COUNT, database.1)
    };
    App::start(log([
        one(1, "/cart", 200, 10, (1, 9)).number(fields::DB_REPEATS, 4),
        one(2, "/cart", 500, 400, (2, 1)).text(fields::USER_NAME, "anna"),
        one(3, "/cart", 503, 20, (300, 2)),
        one(4, "/orders", 200, 900, (3, 3)).number(fields::DB_REPEATS, 5),
        one(5, "/orders", 200, 30, (4, 30)),
        request("/ping", 404, 1).at(6),
    ]))
    .await
}

async fn requests(app: &App, query: &str) -> Page {
    let answer = app.get(&format!("/ops/requests?from=1h{query}")).await;
    assert_eq!(answer.status, 200, "{query}");
    answer.page()
}

/// The ids of the requests of the list, in its order; that of the ping is empty.
fn listed(page: &Page) -> Vec<String> {
    let rows = page.values("[data-section=requests] tr.record .name [data-request]", "href");
    let id = |url: &String| url.strip_prefix("/ops/requests/").unwrap_or_default().to_owned();
    rows.iter().map(id).collect()
}

#[tokio::test]
async fn requests_are_listed_newest_first_or_by_what_they_cost() {
    let app = app().await;
    for (sort, order) in [
        ("", ["", "r5", "r4", "r3", "r2", "r1"]),
        ("slow", ["r4", "r2", "r5", "r3", "r1", ""]),
        ("db", ["r3", "r5", "r4", "r2", "r1", ""]),
        ("queries", ["r5", "r1", "r4", "r3", "r2", ""]),
        ("nonsense", ["", "r5", "r4", "r3", "r2", "r1"]),
    ] {
        let page = requests(&app, &format!("&sort={sort}")).await;
        let listed = listed(&page);
        // Who has no such figure is behind those who have, or is not listed.
        let order = order.iter().take(listed.len()).copied();
        assert!(listed.len() >= 5 && listed.iter().eq(order), "{sort}: {listed:?}");
        let current = page.one("nav[aria-label=Order] [aria-current]").attr("href");
        let is_known = !sort.is_empty() && sort != "nonsense";
        assert_eq!(current.contains(&format!("sort={sort}")), is_known, "{current}");
    }
}

#[tokio::test]
async fn of_each_route_the_costliest_request_alone_can_be_listed() {
    let app = app().await;
    let all = requests(&app, "&sort=slow").await;
    let each = all.values("nav[aria-label=Order] a[href*='-of-routes']", "href").swap_remove(0);
    let page = app.get(&each).await.page();
    assert_eq!(listed(&page), ["r4", "r2", ""]);
    let back = page.one("nav[aria-label=Order] a[aria-current][title]").attr("href");
    assert_eq!(listed(&app.get(back).await.page()).len(), 6);
    // Newest first there is nothing to compare by.
    assert!(!requests(&app, "").await.has("nav[aria-label=Order] a[title]"));
}

#[tokio::test]
async fn a_route_has_its_figures_and_leads_to_its_requests_and_failures() {
    let app = app().await;
    let page = requests(&app, "").await;
    let routes = page.values("tr[data-route]", "data-route");
    assert_eq!(routes.len(), 3, "{routes:?}");
    let cart = page.one("[data-route='/cart']");
    let cells = cart.texts("td");
    assert_eq!(cells[..3], ["GET /cart", "3", "66.7%"].map(str::to_owned), "{cells:?}");
    for (link, ids) in [
        (cart.one("td:first-child a"), &["r3", "r2", "r1"][..]),
        (cart.one("a.error"), &["r3", "r2"]),
    ] {
        assert_eq!(listed(&app.get(link.attr("href")).await.page()), ids);
    }
    let ping = page.one("[data-route='/ping']");
    assert!(!ping.has("a.error"), "a 404 is no failure of the service");
    assert_eq!(ping.texts("td")[7..], ["–", "–"].map(str::to_owned), "nothing is known of its SQL");
}

#[tokio::test]
async fn what_clients_gave_up_stands_beside_what_failed() {
    let app = App::start(log([
        request("/cart", 200, 10).at(1).text(fields::REQUEST_ID, "r1"),
        request("/cart", 499, 300)
            .at(2)
            .text(fields::REQUEST_ID, "r2")
            .text(fields::ERROR_TYPE, "abandoned"),
        request("/cart", 499, 5).at(3).text(fields::REQUEST_ID, "r3"),
        request("/cart", 500, 20).at(4).text(fields::REQUEST_ID, "r4"),
    ]))
    .await;
    let page = requests(&app, "").await;
    let cart = page.one("[data-route='/cart']");
    assert_eq!(cart.one("[data-title=failed]").text(), "25.0%");
    assert_eq!(cart.one("[data-title='gave up']").text(), "25.0%");
    let link = cart.one("[data-title='gave up'] a.error").attr("href");
    assert_eq!(listed(&app.get(link).await.page()), ["r4", "r2"]);
    let rows = page.all("[data-section=requests] tr.record");
    let told: Vec<_> = rows.iter().filter(|row| row.text().contains("499 gave up")).collect();
    assert!(told.len() == 1 && told[0].has("a[href$='/r2']"), "who left early did not give up");
    let now = app.get("/ops?from=1h").await.page();
    let tile = now.all(".tiles > li:not(.vitals) a").swap_remove(1);
    assert_eq!(
        (tile.one("strong").text(), tile.texts(".hint")[1].clone()),
        ("50.0%".to_owned(), "1 failed, 1 gave up".to_owned())
    );
    let listed = listed(&app.get(tile.attr("href")).await.page());
    assert_eq!(listed, ["r4", "r2"]);
}

#[tokio::test]
async fn a_query_restricts_list_routes_and_total_alike() {
    let app = app().await;
    for (query, total, routes) in [
        ("&q=status:5xx", "2 requests", 1),
        ("&q=user:anna", "1 request", 1),
        ("&q=duration:%3E100ms", "2 requests", 2),
        ("&q=-route:/cart", "3 requests", 2),
    ] {
        let page = requests(&app, query).await;
        assert_eq!(page.one("[data-total]").text(), total, "{query}");
        assert_eq!(page.all("tr[data-route]").len(), routes, "{query}");
        assert_eq!(page.all("[data-section=requests] tr.record").len().to_string(), total[..1]);
        let drawn = page.texts(".histogram tbody .num");
        let drawn: usize = drawn.iter().map(|count| count.parse::<usize>().unwrap()).sum();
        assert_eq!(drawn.to_string(), total[..1], "{query}");
    }
}

#[tokio::test]
async fn a_request_is_called_n_plus_one_from_the_fifth_run_of_a_statement_on() {
    let page = requests(&app().await, "").await;
    let rows = page.all("[data-section=requests] tr.record");
    let marked = rows.iter().filter(|row| row.has("strong.warn"));
    let marked: Vec<_> = marked.map(|row| row.one(".name a").attr("href")).collect();
    assert_eq!(marked, ["/ops/requests/r4"]);
}

#[tokio::test]
async fn a_request_without_an_id_leads_to_its_record() {
    let app = app().await;
    let page = requests(&app, "&q=status:404").await;
    let link = page.one("[data-section=requests] .name a").attr("href");
    assert!(link.starts_with("/ops/events/"), "{link}");
    assert_eq!(app.get(link).await.status, 200);
}

#[tokio::test]
async fn more_requests_than_a_page_holds_are_all_in_the_logs() {
    let many = (0..130).map(|second| request("/cart", 200, second).at(second));
    let app = App::start(log(many)).await;
    for (sort, newest) in [("", "129.0"), ("slow", "129.0")] {
        let page = requests(&app, &format!("&sort={sort}")).await;
        let durations = page.texts("[data-section=requests] [data-title=ms]");
        assert_eq!((durations.len(), &*durations[0]), (100, newest), "{sort}");
        let more = page.one("[data-section=requests] > p a").attr("href");
        let logs = app.get(more).await.page();
        assert!(logs.one("[data-total]").text().starts_with("130 "), "{more}");
    }
}

#[tokio::test]
async fn without_requests_the_page_offers_a_longer_window() {
    let only_lines: [Line; 1] = [crate::lines::line("no request")];
    let app = App::start(log(only_lines)).await;
    let page = requests(&app, "").await;
    let wider = page.one("[data-empty=requests] a").attr("href").to_owned();
    assert!(wider.starts_with("/ops/requests?from=") && !wider.contains("from=1h"), "{wider}");
    assert!(page.one("[data-total]").text().starts_with("0 ") && !page.has("[data-section]"));
    assert_eq!(app.get(&wider).await.status, 200);
}

#[tokio::test]
async fn what_of_a_query_was_not_understood_is_said_above_what_the_rest_finds() {
    let page = requests(&app().await, "&q=status:5xx+rout:/cart").await;
    let notices = page.texts(".notice");
    assert!(notices[0].contains("rout") && notices.len() == 2, "with a suggestion: {notices:?}");
}
