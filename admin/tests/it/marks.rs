//! Alerts and deployments on the charts of the server, as drawing and as text.

use admin::{Alert, Deploy};
use logsearch::record::LogRecord;
use logsearch::testing::WebLog;

use crate::harness::App;
use crate::host::Host;

const MINUTE: i64 = 60_000_000;

fn records() -> Vec<LogRecord> {
    WebLog::new(7).take(400).collect()
}

fn end() -> i64 {
    records().iter().map(|record| record.timestamp).max().unwrap()
}

fn alert(id: i64, rule: &str, started: i64, ended: Option<i64>) -> Alert {
    let severity = if rule == "Watchdog" { "none" } else { "critical" };
    let labels = [("severity".to_owned(), severity.to_owned())].into();
    Alert {
        id,
        rule: rule.to_owned(),
        labels,
        started,
        ended,
        last_received: started,
        ..Alert::default()
    }
}

fn host() -> Host {
    let at = end();
    Host {
        alerts: vec![
            alert(1, "Errors", at - 10 * MINUTE, None),
            alert(2, "Slow <b>", at - 40 * MINUTE, Some(at - 30 * MINUTE)),
            alert(3, "Old", at - 600 * MINUTE, Some(at - 500 * MINUTE)),
            alert(4, "Watchdog", at - 600 * MINUTE, None),
        ],
        deploys: vec![Deploy {
            at: at - 20 * MINUTE,
            version: "1.4.2".to_owned(),
            revision: "1a2b3c".to_owned(),
            note: "new certificate".to_owned(),
        }],
        ..Host::default()
    }
}

#[tokio::test]
async fn a_chart_shows_what_happened_in_its_window_and_says_it() {
    let app = App::start_in(host(), records()).await;
    for path in ["/ops/logs?from=1h", "/ops/errors?from=1h"] {
        let page = app.get(path).await.page();
        assert_eq!((page.all("rect.band").len(), page.all("rect.line").len()), (2, 1), "{path}");
        assert_eq!(
            page.values("[data-mark=alert] a", "href"),
            ["/ops/alerts/Errors?at=1", "/ops/alerts/Slow%20%3Cb%3E?at=2"]
        );
        let names = page.texts("[data-mark=alert] a");
        assert!(names[0].ends_with("Errors") && names[1].ends_with("Slow <b>"), "{names:?}");
        let deploy = page.one("[data-mark=deploy]").text();
        assert!(
            deploy.contains("1.4.2 (1a2b3c)") && deploy.contains("new certificate"),
            "{deploy}"
        );
    }
    let before = app.get("/ops/logs?from=90m&to=50m").await.page();
    assert!(!before.has("[data-mark]"));
}

#[tokio::test]
async fn alerts_at_the_same_time_are_one_band_and_the_newest_are_named_first() {
    let at = end();
    let alerts = (1..=8).map(|id| alert(id, &format!("R{id}"), at - id * MINUTE, None)).collect();
    let app = App::start_in(Host { alerts, ..Host::default() }, records()).await;
    let page = app.get("/ops/logs?from=1h").await.page();
    assert_eq!(page.all("rect.band").len(), 1);
    let url = |id: i64| format!("/ops/alerts/R{id}?at={id}");
    let named = page.values(".marks > [data-mark=alert] > a", "href");
    assert_eq!(named, (1..=6).map(url).collect::<Vec<_>>());
    let more = page.values(".marks details [data-mark=alert] > a", "href");
    assert_eq!(more, [url(7), url(8)]);
}

#[tokio::test]
async fn without_its_database_a_page_says_what_is_missing_and_shows_the_rest() {
    let app = App::start_in(Host { is_away: true, ..host() }, records()).await;
    let page = app.get("/ops/logs").await.page();
    let notices = page.texts(".notice");
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(notices[0].contains("alerts") && notices[1].contains("deployments"), "{notices:?}");
    assert!(page.has("tr.record"));
}
