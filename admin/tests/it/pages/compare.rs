//! Two windows side by side: what became of requests, errors and statements, how a deployment leads there,
//! and what its address may say.

use admin::Deploy;
use logsearch::fields;
use logsearch::record::{Level, LogRecord};

use crate::harness::App;
use crate::host::Host;
use crate::html::Page;
use crate::lines::{Line, MINUTE, START, line, log, request, statement};

/// When the new version came, in seconds behind the start.
const DEPLOYED: i64 = 600;
const LIST: &str = "SELECT * FROM items";
const COUNT: &str = "SELECT count(*) FROM orders";

fn failure(message: &str, place: &str) -> Line {
    line(message).level(Level::Error).text(fields::CALLSITE, place)
}

/// Ten minutes of a version and ten of the next one, which fails a sixth of its requests and is five times
/// slower. The panel asks for a page of its own every three seconds.
fn records() -> Vec<LogRecord> {
    let mut lines = Vec::new();
    for at in (0..2 * DEPLOYED).step_by(3) {
        let is_new = at >= DEPLOYED;
        let status = if is_new && at % 18 == 0 { 503 } else { 200 };
        let millis = if is_new { 50 } else { 10 } + at % 5;
        lines.push(request("/cart", status, millis).at(at));
        lines.push(request("/own", 500, 9_000).at(at));
        let runs = if is_new { 30 } else { 1 };
        let id = format!("r{at}");
        lines.push(statement(&id, "items.list", LIST, runs, runs).text("q", "x").at(at));
        lines.push(statement(&id, "orders.count", COUNT, 1, 2).at(at));
    }
    lines.push(failure("disk is full", "src/disk.rs:1").at(30));
    lines.push(failure("cart is locked", "src/cart.rs:1").at(900));
    log(lines)
}

async fn app() -> App {
    let deploy = Deploy {
        at: START + DEPLOYED * 1_000_000 + 250_000,
        version: "1.5.0".to_owned(),
        revision: "4d5e6f".to_owned(),
        note: String::new(),
    };
    App::start_in(Host { deploys: vec![deploy], ..Host::default() }, records()).await
}

/// The comparison of before and after the deployment, of requests other than the panel's own.
async fn deployed(app: &App) -> Page {
    app.get("/ops/compare?from=2026-11-01T00:10:00Z&q=-route:/own").await.page()
}

fn verdict(page: &Page, row: &str) -> String {
    page.one(&format!("tr[{row}]")).attr("data-verdict").to_owned()
}

#[tokio::test]
async fn a_deployment_leads_to_before_and_after_in_one_click() {
    let app = app().await;
    let wanted = "/ops/compare?from=2026-11-01T00:10:00Z";
    for path in ["", "/logs", "/requests", "/errors", "/metrics", "/system"] {
        let page = app.get(&format!("/ops{path}?from=1h")).await.page();
        let links = page.values("main [data-compare]", "href");
        let overview = path == "/logs" || !links.is_empty();
        assert!(overview && links.iter().all(|link| link == wanted), "{path}: {links:?}");
    }
    let title = app.get(wanted).await.page().one("head > title").text();
    assert_eq!(title, "Before and after 1.5.0 (4d5e6f) · shop");
    // A day later, the hour that followed it is compared, and not the day.
    let quiet = log([line("late").at(86_400)]);
    let at = START + DEPLOYED * 1_000_000;
    let deploy = Deploy { at, version: "1.5.0".to_owned(), ..Deploy::default() };
    let late = App::start_in(Host { deploys: vec![deploy], ..Host::default() }, quiet).await;
    let page = late.get("/ops?from=2d").await.page();
    let wanted = format!("{wanted}&to=2026-11-01T01:10:00Z");
    assert_eq!(page.values("main [data-compare]", "href"), [wanted]);
}

#[tokio::test]
async fn what_became_worse_is_said_in_words_and_what_did_not_is_not() {
    let app = app().await;
    let page = deployed(&app).await;
    for (figure, wanted) in
        [("rate", "unchanged"), ("failures", "worse"), ("p50", "worse"), ("p95", "worse")]
    {
        let row = page.one(&format!("[data-figure={figure}]"));
        assert_eq!(row.attr("data-verdict"), wanted, "{figure}");
        assert!(wanted != "worse" || row.text().contains("worse"), "{figure}");
    }
    let cells = page.values("[data-figure=failures] a", "title");
    assert_eq!(cells, ["0 of 199 requests", "33 of 200 requests"]);
    // Each figure leads to what it counts.
    let failed = page.values("[data-figure=failures] a", "href").swap_remove(1);
    let total = app.get(&failed).await.page().one("[data-total]").text();
    assert_eq!(total, "33 requests");
    assert!(page.has("[data-side=Before] rect.info") && page.has("[data-side=After] rect.info"));
}

#[tokio::test]
async fn errors_of_one_window_are_new_or_gone() {
    let app = app().await;
    let page = deployed(&app).await;
    let errors: Vec<_> = page
        .all("tr[data-error]")
        .iter()
        .map(|row| (row.one("td > a").text(), row.attr("data-verdict").to_owned()))
        .collect();
    let wanted = [("cart is locked", "new"), ("disk is full", "gone")];
    assert_eq!(errors, wanted.map(|(text, verdict)| (text.to_owned(), verdict.to_owned())));
    assert!(page.all("tr[data-known]").is_empty());
    for link in page.values("tr[data-error] td > a", "href") {
        assert_eq!(app.get(&link).await.status, 200, "{link}");
    }
    // Of the last minutes alone, both have been seen before.
    let late = app.get("/ops/compare?from=2026-11-01T00:14:00Z&to=2026-11-01T00:16:00Z").await;
    assert_eq!(late.page().texts("tr[data-error] td > a"), ["cart is locked"]);
}

#[tokio::test]
async fn statements_come_in_the_order_of_their_change() {
    let app = app().await;
    let page = app.get("/ops/compare?from=2026-11-01T00:10:00Z").await.page();
    let names = page.values("tr[data-statement]", "data-statement");
    assert_eq!(names, ["items.list", "orders.count"]);
    let figures = page.texts("tr[data-statement='items.list'] td.num");
    assert_eq!(figures, ["333 µs → 10 ms", "0.333 → 10", "1 ms → 1 ms"]);
    assert_eq!(verdict(&page, "data-statement='orders.count'"), "unchanged");
    let sorted = page.values("#table-compared-statements thead a", "href").swap_remove(0);
    let sorted = app.get(sorted.split('#').next().unwrap()).await.page();
    assert!(sorted.has("#table-compared-statements th[aria-sort]"));
}

#[tokio::test]
async fn windows_of_different_length_compare_per_second() {
    let app = app().await;
    let page = app
        .get(
            "/ops/compare?q=-route:/own&from=2026-11-01T00:05:00Z&to=2026-11-01T00:10:00Z\
             &before-from=2026-11-01T00:00:00Z&before-to=2026-11-01T00:01:30Z",
        )
        .await
        .page();
    assert_eq!(page.values("[data-figure=rate] a", "title"), ["30 requests", "100 requests"]);
    assert_eq!(verdict(&page, "data-figure=rate"), "unchanged");
    assert_eq!(verdict(&page, "data-figure=p50"), "unchanged");
    assert_eq!(verdict(&page, "data-figure=p95"), "too-few", "of 30 requests");
}

#[tokio::test]
async fn a_few_requests_are_not_called_worse() {
    let mut lines: Vec<Line> = (0..12).map(|at| request("/cart", 200, 10).at(at)).collect();
    lines.extend((60..72).map(|at| request("/cart", 503, 900).at(at)));
    let app = App::start(log(lines)).await;
    let page = app.get("/ops/compare?from=2026-11-01T00:01:00Z&to=2026-11-01T00:02:00Z").await;
    let page = page.page();
    for figure in ["failures", "p50", "p95"] {
        assert_eq!(verdict(&page, &format!("data-figure={figure}")), "too-few");
    }
    assert!(!page.has("main strong.warn[data-verdict], tr[data-verdict=worse]"));
    let empty = app.get("/ops/compare?from=2026-11-01T05:00:00Z&to=2026-11-01T06:00:00Z").await;
    assert!(empty.page().has("[data-empty=errors]") && empty.page().has("[data-empty=statements]"));
}

#[tokio::test]
async fn requests_of_the_panel_are_left_out() {
    let app = App::start_with(records(), |panel| panel.traffic_filter("-route:/own")).await;
    let page = app.get("/ops/compare?from=2026-11-01T00:10:00Z").await.page();
    let cells = page.values("[data-figure=failures] a", "title");
    assert_eq!(cells, ["0 of 199 requests", "33 of 200 requests"]);
    let all = page.values("[data-figure=rate] a", "href").swap_remove(0);
    assert_eq!(app.get(&all).await.page().one("[data-total]").text(), "199 requests");
}

#[tokio::test]
async fn the_window_menu_compares_with_the_window_before() {
    let app = app().await;
    for path in ["/logs", "/requests"] {
        let url = format!("/ops{path}?q=route:/cart&from=5m");
        let link = app.get(&url).await.page().one(".window [data-compare]").attr("href").to_owned();
        assert_eq!(link, "/ops/compare?q=route:/cart&from=5m");
        let page = app.get(&link).await.page();
        let requests = page.values("[data-figure=rate] a", "title");
        assert_eq!(requests, ["100 requests", "100 requests"], "{path}");
        assert_eq!(verdict(&page, "data-figure=p50"), "unchanged", "{path}");
    }
    // What a page of the service's own searches is no query of records.
    let own = app.get("/ops/orders?q=whale&from=5m").await.page();
    assert_eq!(own.one(".window [data-compare]").attr("href"), "/ops/compare?from=5m");
}

#[tokio::test]
async fn both_windows_are_typed_and_what_is_not_read_is_kept() {
    let app = app().await;
    let url = "/ops/compare?from=5m&before-from=20m&before-to=15m";
    let page = app.get(url).await.page();
    let value = |page: &Page, name: &str| {
        page.one(&format!("form[data-windows] [name={name}]")).attr("value").to_owned()
    };
    assert_eq!(
        ["before-from", "before-to", "from"].map(|name| value(&page, name)),
        ["20m", "15m", "5m"]
    );
    // The window of the search box and of the menu keeps the other one.
    for form in ["form.query", ".window form"] {
        let kept = page.values(&format!("{form} [name=before-from]"), "value");
        assert_eq!(kept, ["20m"], "{form}");
    }
    // A bar of a window chooses that window alone.
    let bars =
        |side: &str| page.values(&format!("[data-side={side}] svg a"), "href").swap_remove(0);
    assert!(bars("Before").contains("from=5m") && bars("Before").contains("before-from=2026-"));
    assert!(bars("After").contains("before-from=20m") && bars("After").contains("from=2026-"));
    let names = page.values("svg[data-names]", "data-names");
    assert_eq!(names, ["before-from before-to", "from to"]);
    let wrong = app.get("/ops/compare?from=5m&before-from=nonsense").await.page();
    assert!(wrong.has("[data-misread-before]"));
    assert_eq!(value(&wrong, "before-from"), "nonsense");
    assert!(!page.has("[data-misread-before]"));
}

#[tokio::test]
async fn a_deployment_of_the_future_is_no_error() {
    let deploy = Deploy { at: START + 90 * MINUTE, version: "2".to_owned(), ..Deploy::default() };
    let app = App::start_in(Host { deploys: vec![deploy], ..Host::default() }, records()).await;
    for link in app.get("/ops/system").await.page().values("main [data-compare]", "href") {
        assert_eq!(app.get(&link).await.status, 200, "{link}");
    }
}
