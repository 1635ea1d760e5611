//! The way from a notification to the offending line: the alert's page, the inbox, and what Now says.

use admin::{Alert, Rule};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use logsearch::record::{Level, LogRecord, Value};

use crate::harness::{App, attributes};
use crate::host::Host;

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
        labels: vec![pair("severity", "critical"), pair("replica", &format!("r{id}"))],
        annotations: vec![pair("logs_query", "status:5xx"), pair("summary", "Requests fail")],
        values: vec![pair("A", "0.33")],
        started: START + minute * MINUTE,
        ended: ended.map(|minute| START + minute * MINUTE),
        heard: START + minute * MINUTE,
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

/// The rows of a page's records: `(is open, text)`.
fn rows(page: &str) -> Vec<(bool, String)> {
    let rows = page.split("<td class=\"message\">").skip(1);
    rows.map(|row| (row.starts_with("<details open>"), row.to_owned())).collect()
}

#[tokio::test]
async fn the_page_of_a_rule_shows_its_newest_line_opened_with_its_request() {
    let app = app(vec![alert(1, 45, None)]).await;
    let page = app.get("/ops/alerts/HighErrorRate").await.text;
    let rows = rows(&page);
    let (is_open, newest) = &rows[0];
    assert!(*is_open && newest.contains("503 178"), "{newest}");
    assert!(newest.contains("<th scope=\"row\">error</th>"), "{newest}");
    assert!(
        newest
            .contains("href=\"/ops/requests/01JD8QK9T3Z4M5N6P7R8S9T178\" data-request>request</a>")
    );
    assert!(rows.iter().skip(1).all(|(is_open, _)| !is_open) && rows.len() == 10);
    for text in
        ["firing for 14 min", "Requests fail", "A = 0.33", "replica=r1", "critical", "status:5xx"]
    {
        assert!(page.contains(text), "{text}");
    }
    // From a quarter of an hour before it fired until now, marked since it fires.
    assert!(page.contains("19 records") && page.contains("<rect class=\"band\""), "{page}");
    assert!(page.contains("from=2026-11-01T00:30:00Z"), "{page}");
}

#[tokio::test]
async fn what_differs_names_the_failing_route_and_counts_exactly() {
    let app = app(vec![alert(1, 45, None)]).await;
    let page = app.get("/ops/alerts/HighErrorRate").await.text;
    let differs = page.split("<h2>Comparison").nth(1).unwrap().split("</section>").next().unwrap();
    for (value, counts) in
        [("503", "19 of 90, before 0 of 90"), ("/add_message", "19 of 90, before 0 of 90")]
    {
        let row = differs.split("<tr ").find(|row| row.contains(&format!(">{value}</a>")));
        let row = row.unwrap_or_else(|| panic!("{value} in {differs}"));
        assert!(row.contains(counts), "{row}");
    }
    assert!(!differs.contains(">200</a>"), "{differs}");
    let link = attributes(differs, "href").into_iter().find(|url| url.contains("status")).unwrap();
    let logs = app.get(&link).await.text;
    assert!(logs.contains("<strong>19 records</strong>"), "{link}");
}

#[tokio::test]
async fn another_time_of_a_rule_is_chosen_by_its_address() {
    let app = app(vec![alert(1, 10, Some(20)), alert(2, 45, Some(50)), alert(3, 30, None)]).await;
    let firing = app.get("/ops/alerts/HighErrorRate").await.text;
    assert!(firing.contains("firing for 29 min"), "what fires comes before what began later");
    let ended = app.get("/ops/alerts/HighErrorRate?at=1").await.text;
    assert!(ended.contains("after 10 min") && ended.contains("No matching records in this window"));
    let times = ended.split("Firing history").nth(1).unwrap();
    assert_eq!(times.matches("<a href=\"/ops/alerts/HighErrorRate?at=").count(), 3);
    assert!(ended.contains("?at=1\" aria-current=\"true\""));
    let gone = app.get("/ops/alerts/HighErrorRate?at=77").await.text;
    assert!(gone.contains("has been deleted") && gone.contains("firing for 29 min"));
    let window = app.get("/ops/alerts/HighErrorRate?at=1&from=2026-11-01T00:41:00Z").await.text;
    assert!(window.contains("503 178"));
}

#[tokio::test]
async fn a_rule_without_a_notification_shows_the_last_hour_and_an_unknown_one_says_so() {
    let app = app(Vec::new()).await;
    let known = app.get("/ops/alerts/Slow").await;
    assert!(known.text.contains("No firing of this rule") && known.text.contains("Pages are slow"));
    assert!(rows(&known.text)[0].0 && known.text.contains("route:/public"));
    let unknown = app.get("/ops/alerts/Nobody%20knows").await;
    assert_eq!(unknown.status, StatusCode::OK);
    assert!(unknown.text.contains("Unknown rule"), "{}", unknown.text);
    assert!(unknown.text.contains("19 records</strong> with errors") && rows(&unknown.text)[0].0);
}

#[tokio::test]
async fn a_host_whose_database_is_away_still_gets_the_line() {
    let app = App::start_in(Host { is_away: true, ..Host::default() }, records()).await;
    let page = app.get("/ops/alerts/HighErrorRate").await.text;
    assert!(page.contains("Could not load") && rows(&page)[0].0, "{page}");
    let now = app.get("/ops").await.text;
    assert!(now.contains("● unknown</strong> alert status unavailable"));
    let inbox = app.get("/ops/alerts").await.text;
    assert!(inbox.contains("Could not load") && inbox.contains("Alert status unavailable."));
}

#[tokio::test]
async fn the_inbox_lists_what_fires_then_what_ended_and_whether_alerting_lives() {
    let end = START + 59 * MINUTE;
    let app = App::start_in(Host::busy(end), records()).await;
    let page = app.get("/ops/alerts").await.text;
    let (firing, ended) = page.split_once("<h2>Resolved, last 7d</h2>").unwrap();
    assert!(
        firing.contains("/ops/alerts/Errors?at=1") && ended.contains("/ops/alerts/Errors?at=2")
    );
    assert!(firing.contains("stale: no update since 30 h ago"), "{firing}");
    assert!(firing.contains("Alerting works: last Watchdog heartbeat 1 min ago"), "{firing}");
    assert!(ended.contains("href=\"/ops/alerts/NeverFired\""));
    let narrow = app.get("/ops/alerts?from=5m").await.text;
    assert!(narrow.contains("Resolved, last 5m") && narrow.contains("No resolved alerts"));

    let late = Host::busy(end - 20 * MINUTE);
    let page = App::start_in(late, records()).await.get("/ops/alerts").await.text;
    assert!(page.contains("No heartbeat from "));
}

#[tokio::test]
async fn now_says_whether_an_alert_fires_and_what_changed() {
    let app = App::start_in(Host::busy(START + 59 * MINUTE), records()).await;
    let page = app.get("/ops").await.text;
    assert!(page.contains("href=\"/ops/alerts/Errors\">Errors 10 min → investigate</a>"), "{page}");
    assert!(!page.contains("Unheard"), "what was not heard of for a day may have ended");
    assert!(page.contains("1.4.2 (1a2b3c), deployed 20 min ago"));
    let system = app.get("/ops/system").await.text;
    assert!(system.contains("<dt>deployed</dt><dd>20 min ago by hand</dd>"), "{system}");
    let changes = page.split("What changed").nth(1).unwrap().split("</section>").next().unwrap();
    let order = ["?at=1\">Errors", "deploy</span>", "alert ended</span>", "?at=2\">Errors"];
    let places: Vec<_> = order.iter().map(|text| changes.find(text).unwrap()).collect();
    assert!(places.is_sorted(), "{changes}");
    let quiet = App::start(records()).await.get("/ops").await.text;
    assert!(quiet.contains("● OK</strong> <a href=\"/ops/alerts\">no alerts firing</a>"));
    assert!(quiet.contains("No deployments, alerts or operator actions"));
}

#[tokio::test]
async fn a_sender_whose_clock_is_ahead_is_shown_without_a_negative_time() {
    let app = app(vec![alert(1, 62, None)]).await;
    let page = app.get("/ops/alerts/HighErrorRate").await.text;
    assert!(page.contains("firing for 0 s") && rows(&page)[0].0, "{page}");
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
