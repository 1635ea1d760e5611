//! The way from a notification to the offending line: the alert's page, the inbox, and what Now says.

use admin::{Alert, Rule};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use logsearch::record::{Level, LogRecord, Value};

use crate::harness::App;
use crate::host::Host;
use crate::html::{Element, Page};

const MINUTE: i64 = 60_000_000;
const START: i64 = 1_793_491_200_000_000;

/// A request that was logged so many minutes behind the start.
fn request(n: u64, minute: i64, status: i64) -> LogRecord {
    let id = format!("01JD8QK9T3Z4M5N6P7R8S9T{n:03}");
    let text = |text: &str| Value::Str(text.to_owned());
    let mut fields = vec![
        ("http.request.id".to_owned(), Value::Str(id)),
        ("http.route".to_owned(), text(if status == 503 { "/add_message" } else { "/public" })),
        ("http.response.status_code".to_owned(), Value::Int(status)),
        ("duration_us".to_owned(), Value::Int(1_000)),
    ];
    if status == 503 {
        fields.push(("error.message".to_owned(), text("insert: database is locked")));
    }
    LogRecord {
        timestamp: START + minute * MINUTE,
        sequence: n,
        level: if status == 503 { Level::Warn } else { Level::Info },
        target: "shop".to_owned(),
        message: format!("{status} {n}"),
        fields,
    }
}

/// An hour of requests, of which every third failed from its 41st minute on.
fn records() -> Vec<LogRecord> {
    (0..180_u64)
        .map(|n| {
            let minute = i64::try_from(n / 3).unwrap();
            request(n + 1, minute, if minute > 40 && n % 3 == 0 { 503 } else { 200 })
        })
        .collect()
}

fn alert(id: i64, minute: i64, ended: Option<i64>) -> Alert {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Alert {
        id,
        rule: "HighErrorRate".to_owned(),
        labels: [pair("severity", "critical"), pair("replica", &format!("r{id}"))].into(),
        annotations: [pair("logs_query", "status:5xx"), pair("summary", "Requests fail")].into(),
        values: [pair("A", "0.33")].into(),
        started: START + minute * MINUTE,
        ended: ended.map(|minute| START + minute * MINUTE),
        last_received: START + minute * MINUTE,
        ..Alert::default()
    }
}

async fn app(alerts: Vec<Alert>) -> App {
    let rule = Rule {
        name: "Slow".to_owned(),
        severity: "warning".to_owned(),
        summary: "Pages are slow".to_owned(),
        logs_query: "route:/public".to_owned(),
        ..Rule::default()
    };
    App::start_in(Host { alerts, rules: vec![rule], ..Host::default() }, records()).await
}

/// Whether of the records of a page the newest is opened, and no other.
fn is_newest_open(page: &Page) -> bool {
    let rows = page.all("tr.record");
    let open = rows.iter().map(|row| row.has(".message > details[open]"));
    !rows.is_empty() && open.eq((0..rows.len()).map(|at| at == 0))
}

/// What the fields of a record say of one of them.
fn field(record: &Element, name: &str) -> String {
    let fields = record.all(".fields tr").into_iter();
    let mut named = fields.filter(|field| field.one("th").text() == name);
    named.next().unwrap_or_else(|| panic!("no {name}")).one(".value").text()
}

#[tokio::test]
async fn the_page_of_a_rule_shows_its_newest_line_opened_with_its_request() {
    let app = app(vec![alert(1, 45, None)]).await;
    let page = app.get("/ops/alerts/HighErrorRate").await.page();
    let rows = page.all("tr.record");
    assert!(is_newest_open(&page) && rows.len() == 10, "{}", rows.len());
    assert!(rows[0].one("summary").text().starts_with("503 178"));
    assert_eq!(field(&rows[0], "error"), "insert: database is locked");
    let request = rows[0].one(".links [data-request]").attr("href");
    assert_eq!(request, "/ops/requests/01JD8QK9T3Z4M5N6P7R8S9T178");
    assert!(page.one("[data-status=firing]").text().contains("14 min"));
    let main = page.one("main").text();
    for text in ["Requests fail", "A = 0.33", "replica=r1", "critical", "status:5xx"] {
        assert!(main.contains(text), "{text}");
    }
    // From a quarter of an hour before it fired until now, marked since it fires.
    assert!(page.one("[data-total]").text().starts_with("19 ") && page.has("rect.band"));
    assert!(page.has(".sum a[href*='from=2026-11-01T00:30:00Z']"));
}

#[tokio::test]
async fn what_differs_names_the_failing_route_and_counts_exactly() {
    let app = app(vec![alert(1, 45, None)]).await;
    let page = app.get("/ops/alerts/HighErrorRate").await.page();
    let differences = page.one("[data-section=differences]");
    for value in ["503", "/add_message"] {
        let row = differences.one(&format!("[data-value='{value}']"));
        assert_eq!(row.attr("title"), "19 of 90, before 0 of 90", "{value}");
    }
    assert!(!differences.has("[data-value='200']"));
    let link = differences.one("[data-field=status] a").attr("href");
    let logs = app.get(link).await.page();
    assert!(logs.one("[data-total]").text().starts_with("19 "), "{link}");
}

#[tokio::test]
async fn another_time_of_a_rule_is_chosen_by_its_address() {
    let app = app(vec![alert(1, 10, Some(20)), alert(2, 45, Some(50)), alert(3, 30, None)]).await;
    let shown = |page: &Page, status: &str| page.one(&format!("[data-status={status}]")).text();
    let rule =
        async |query: &str| app.get(&format!("/ops/alerts/HighErrorRate{query}")).await.page();
    let firing = shown(&rule("").await, "firing");
    assert!(firing.contains("29 min"), "what fires comes before what began later: {firing}");
    let ended = rule("?at=1").await;
    assert!(shown(&ended, "ended").contains("10 min") && ended.has("[data-empty=records]"));
    let firings = ended.one("[data-section=firings]");
    assert_eq!(firings.all("a[href^='/ops/alerts/HighErrorRate?at=']").len(), 3);
    assert!(firings.one("[aria-current]").attr("href").ends_with("?at=1"));
    let gone = rule("?at=77").await;
    assert!(gone.has(".notice") && shown(&gone, "firing").contains("29 min"));
    let window = rule("?at=1&from=2026-11-01T00:41:00Z").await;
    assert!(window.texts("tr.record summary")[0].starts_with("503 178"));
}

#[tokio::test]
async fn a_rule_without_a_notification_shows_the_last_hour_and_an_unknown_one_says_so() {
    let app = app(Vec::new()).await;
    let known = app.get("/ops/alerts/Slow").await.page();
    let notice = known.one(".notice").text();
    assert!(
        !known.has(".sum [data-status]") && known.one("main").text().contains("Pages are slow")
    );
    assert!(
        is_newest_open(&known) && known.texts(".sum code").contains(&"route:/public".to_owned())
    );
    let unknown = app.get("/ops/alerts/Nobody%20knows").await;
    assert_eq!(unknown.status, StatusCode::OK);
    let unknown = unknown.page();
    assert!(!unknown.has(".sum [data-status]") && unknown.one(".notice").text() != notice);
    assert!(unknown.one("[data-total]").text().starts_with("19 ") && is_newest_open(&unknown));
}

#[tokio::test]
async fn a_host_whose_database_is_away_still_gets_the_line() {
    let app = App::start_in(Host { is_away: true, ..Host::default() }, records()).await;
    let page = app.get("/ops/alerts/HighErrorRate").await.page();
    assert!(page.has(".notice") && is_newest_open(&page));
    assert!(app.get("/ops").await.page().has("[data-alerts=unknown]"));
    let inbox = app.get("/ops/alerts").await.page();
    assert!(inbox.has(".notice") && inbox.has("[data-section=firing] [data-empty=unknown]"));
}

#[tokio::test]
async fn the_inbox_lists_what_fires_then_what_ended_and_whether_alerting_lives() {
    let end = START + 59 * MINUTE;
    let app = App::start_in(Host::busy(end), records()).await;
    let page = app.get("/ops/alerts").await.page();
    let urls = |section: &str| page.values(&format!("[data-section={section}] td a"), "href");
    assert!(urls("firing").contains(&"/ops/alerts/Errors?at=1".to_owned()));
    assert_eq!(urls("ended"), ["/ops/alerts/Errors?at=2"]);
    assert_eq!(urls("rules"), ["/ops/alerts/NeverFired"]);
    let stale = page.one("[data-section=firing] [data-stale]");
    assert_eq!(stale.attr("data-alert"), "Unheard");
    assert!(stale.text().contains("30 h ago"), "{}", stale.text());
    let heartbeat = page.one("[data-heartbeat=received]").text();
    assert!(heartbeat.contains("Watchdog") && heartbeat.contains("1 min ago"), "{heartbeat}");
    let narrow = app.get("/ops/alerts?from=5m").await.page();
    assert!(narrow.has("[data-section=ended] [data-empty=none]"));

    let late = Host::busy(end - 20 * MINUTE);
    let page = App::start_in(late, records()).await.get("/ops/alerts").await.page();
    assert!(page.has("[data-heartbeat=late]"));
}

#[tokio::test]
async fn now_says_whether_an_alert_fires_and_what_changed() {
    let app = App::start_in(Host::busy(START + 59 * MINUTE), records()).await;
    let page = app.get("/ops").await.page();
    // Of the third, nothing was heard for a day: it may have ended.
    assert_eq!(page.values("[data-alerts=firing] a", "href"), ["/ops/alerts/Errors"]);
    assert!(page.one("[data-alerts=firing] a").text().contains("10 min"));
    let deployed = page.one("[data-deployed]").text();
    assert!(deployed.contains("1.4.2 (1a2b3c)") && deployed.contains("20 min ago"), "{deployed}");
    let build = app.get("/ops/system").await.page().one("[data-section=build]").text();
    assert!(build.contains("20 min ago by hand"), "{build}");
    let changes = page.all("[data-section=changes] [data-change]");
    let changes: Vec<_> = changes
        .iter()
        .map(|change| (change.attr("data-change"), change.values("a", "href").concat()))
        .collect();
    let expected = [
        ("alert", "/ops/alerts/Errors?at=1"),
        ("deploy", "/ops/compare?from=2026-11-01T00:39:00Z"),
        ("alert resolved", "/ops/alerts/Errors?at=2"),
        ("alert", "/ops/alerts/Errors?at=2"),
    ];
    assert_eq!(changes, expected.map(|(kind, url)| (kind, url.to_owned())));
    let quiet = App::start(records()).await.get("/ops").await.page();
    assert_eq!(quiet.values("[data-alerts=none] a", "href"), ["/ops/alerts"]);
    assert!(quiet.has("[data-empty=changes]"));
}

#[tokio::test]
async fn a_sender_whose_clock_is_ahead_is_shown_without_a_negative_time() {
    let app = app(vec![alert(1, 62, None)]).await;
    let page = app.get("/ops/alerts/HighErrorRate").await.page();
    assert!(page.one("[data-status=firing]").text().contains(" 0 s") && is_newest_open(&page));
}

#[tokio::test]
async fn viewers_may_read_alerts() {
    let app = app(vec![alert(1, 45, None)]).await;
    for path in ["/ops/alerts", "/ops/alerts/HighErrorRate"] {
        let request = Request::get(path).header("authorization", "letmein viewer");
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
}
