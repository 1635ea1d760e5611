//! The inbox of alerts and the page of a rule, over a host with alerts of every kind.

use std::collections::BTreeMap;

use admin::{Acknowledgement, Alert, Rule};
use logsearch::record::{Level, LogRecord, Value};

use crate::harness::App;
use crate::host::Host;
use crate::html::Page;
use crate::lines::{MINUTE, START, line, log};

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// An alert that began and ended so many minutes before the start of the log.
fn alert(id: i64, rule: &str, severity: &str, began: i64, ended: Option<i64>) -> Alert {
    Alert {
        id,
        rule: rule.to_owned(),
        labels: BTreeMap::from([
            pair("alertname", rule),
            pair("severity", severity),
            pair("instance", &format!("web-{id}")),
        ]),
        annotations: BTreeMap::from([pair("summary", &format!("{rule} is <i>bad</i>"))]),
        started: START - began * MINUTE,
        ended: ended.map(|ended| START - ended * MINUTE),
        last_received: START - MINUTE,
        ..Alert::default()
    }
}

async fn app(alerts: Vec<Alert>) -> App {
    App::start_in(Host { alerts, ..Host::default() }, log([line("anything")])).await
}

fn listed(page: &Page, section: &str) -> Vec<String> {
    page.values(&format!("[data-section={section}] [data-alert]"), "data-alert")
}

#[tokio::test]
async fn firing_alerts_come_first_whatever_the_window_and_ended_ones_are_of_it() {
    let app = app(vec![
        alert(1, "Old", "critical", 90_000, None),
        alert(2, "New", "warning", 5, None),
        alert(3, "Over", "warning", 50, Some(40)),
        alert(4, "LongOver", "warning", 50_000, Some(49_000)),
    ])
    .await;
    let page = app.get("/ops/alerts?from=1h").await.page();
    assert_eq!(listed(&page, "firing"), ["Old", "New"]);
    assert_eq!(listed(&page, "ended"), ["Over"]);
    let month = app.get("/ops/alerts?from=90d").await.page();
    assert_eq!(listed(&month, "ended"), ["Over", "LongOver"]);
    let none = app.get("/ops/alerts?from=5m").await.page();
    assert!(none.has("[data-section=ended] [data-empty=none] a"));
    assert_eq!(listed(&none, "firing").len(), 2);
}

#[tokio::test]
async fn a_row_says_how_bad_it_is_what_it_is_about_and_leads_to_the_alert() {
    let app =
        app(vec![alert(7, "Slow", "critical", 5, None), alert(8, "Odd", "purple", 6, None)]).await;
    let page = app.get("/ops/alerts").await.page();
    let slow = page.one("[data-alert=Slow]");
    assert_eq!(slow.one("a").attr("href"), "/ops/alerts/Slow?at=7");
    assert!(slow.has(".level.error"), "{}", slow.html());
    assert!(slow.text().contains("Slow is <i>bad</i>") && slow.text().contains("instance=web-7"));
    assert!(!slow.text().contains("alertname="), "what the row says already");
    let odd = page.one("[data-alert=Odd] .level");
    assert_eq!(odd.text(), "purple");
    assert_eq!(
        app.get("/ops/alerts/Slow?at=7").await.page().one("[data-status]").attr("data-status"),
        "firing"
    );
}

#[tokio::test]
async fn a_heartbeat_is_no_alert_and_late_after_some_minutes() {
    let beat = |minutes: i64| Alert {
        last_received: START - minutes * MINUTE,
        ..alert(1, "Watchdog", "none", 600, None)
    };
    for (minutes, state) in [(1, "received"), (60, "late")] {
        let app = app(vec![beat(minutes)]).await;
        let page = app.get("/ops/alerts").await.page();
        assert_eq!(page.one("[data-heartbeat]").attr("data-heartbeat"), state, "{minutes}");
        assert!(
            listed(&page, "firing").is_empty()
                && page.has("[data-section=firing] [data-empty=none]")
        );
        let now = app.get("/ops").await.page();
        assert!(now.has("[data-alerts=none]"));
        assert_eq!(now.has("[data-heartbeat=late]"), state == "late");
    }
}

#[tokio::test]
async fn many_alerts_are_counted_on_the_first_page_and_listed_in_the_inbox() {
    let many = (1..=40).map(|n| alert(n, &format!("R{n}"), "warning", n, None)).collect();
    let app = app(many).await;
    let now = app.get("/ops").await.page();
    let links = now.values("[data-alerts=firing] a", "href");
    let named = links.iter().filter(|link| link.starts_with("/ops/alerts/R")).count();
    assert!(named < 40 && links.contains(&"/ops/alerts".to_owned()), "{links:?}");
    let rest = now.texts("[data-alerts=firing] a").pop().unwrap();
    assert!(rest.contains(&(40 - named).to_string()), "{rest}");
    assert_eq!(listed(&app.get("/ops/alerts").await.page(), "firing").len(), 40);
}

#[tokio::test]
async fn links_of_an_alert_lead_out_and_what_is_no_web_address_is_only_text() {
    let links = BTreeMap::from([
        pair("panel", "https://grafana.example/d/1?viewPanel=2"),
        pair("silence", "http://alerts.example/silence"),
        pair("bad", "javascript:alert(1)"),
        pair("worse", "data:text/html,x"),
    ]);
    let annotations = BTreeMap::from([pair("runbook_url", "see the wall")]);
    let one = Alert { links, annotations, ..alert(1, "Slow", "warning", 5, None) };
    let page = app(vec![one]).await.get("/ops/alerts/Slow").await.page();
    let outside = page.values(".sum a[rel='noopener noreferrer']", "href");
    assert_eq!(
        outside,
        ["https://grafana.example/d/1?viewPanel=2", "http://alerts.example/silence"]
    );
    assert!(page.texts(".sum code").contains(&"see the wall".to_owned()));
}

#[tokio::test]
async fn the_query_of_a_rule_finds_its_lines_and_an_unreadable_one_is_told() {
    let rule = |query: &str| Rule {
        name: "Quiet".to_owned(),
        severity: "warning".to_owned(),
        logs_query: query.to_owned(),
        ..Rule::default()
    };
    for (query, total, told) in
        [("anything", "1 ", false), ("usr:anna", "0 ", true), ("", "0 ", false)]
    {
        let host = Host { rules: vec![rule(query)], ..Host::default() };
        let app = App::start_in(host, log([line("anything")])).await;
        let page = app.get("/ops/alerts/Quiet").await.page();
        assert!(page.one("[data-total]").text().starts_with(total), "{query}");
        // One notice says that it never fired.
        assert_eq!(page.all(".notice").len(), 1 + usize::from(told), "{query}");
    }
}

#[tokio::test]
async fn what_fires_is_ordered_by_severity_then_by_how_long_it_fires() {
    let app = app(vec![
        alert(1, "Info", "info", 90, None),
        alert(2, "Warning", "warning", 80, None),
        alert(3, "YoungPage", "critical", 5, None),
        alert(4, "OldPage", "critical", 50, None),
    ])
    .await;
    let page = app.get("/ops/alerts").await.page();
    assert_eq!(listed(&page, "firing"), ["OldPage", "YoungPage", "Warning", "Info"]);
    let now = app.get("/ops").await.page();
    let links = now.values("[data-alerts=firing] a", "href");
    assert_eq!(links[..2], ["/ops/alerts/OldPage", "/ops/alerts/YoungPage"]);
}

#[tokio::test]
async fn every_page_says_in_its_header_that_something_fires() {
    let app = app(vec![
        alert(1, "Errors", "critical", 5, None),
        alert(2, "Slow", "warning", 5, None),
        alert(3, "Watchdog", "none", 5, None),
        alert(4, "Over", "critical", 9, Some(7)),
    ])
    .await;
    for path in ["/ops", "/ops/logs", "/ops/requests", "/ops/errors", "/ops/system", "/ops/nothing"]
    {
        let page = app.get(path).await.page();
        let badge = page.one("header [data-firing]");
        assert_eq!((badge.attr("data-firing"), badge.attr("href")), ("2", "/ops/alerts"), "{path}");
        assert!(badge.has(".error") || badge.html().contains("error"), "{}", badge.html());
        assert!(page.has("header nav a[href^='/ops/alerts']"), "{path}");
    }
    let quiet = App::start(log([line("anything")])).await;
    assert!(!quiet.get("/ops").await.page().has("[data-firing]"));
}

fn failed(id: i64, rule: &str) -> Alert {
    let mut failed = alert(id, rule, "critical", 10, None);
    failed.labels.insert("alertname".to_owned(), "DatasourceError".to_owned());
    failed
}

#[tokio::test]
async fn rules_that_cannot_be_evaluated_are_one_alert_and_fire_nowhere() {
    let app =
        app(vec![failed(1, "Disk"), failed(2, "Errors"), alert(3, "Slow", "info", 5, None)]).await;
    let page = app.get("/ops/alerts").await.page();
    assert_eq!(listed(&page, "firing"), ["Slow"]);
    let blind = page.one("[data-section=blind]");
    assert!(blind.text().contains("2 rules") && blind.text().contains("DatasourceError"));
    assert_eq!(blind.values("a", "href"), ["/ops/alerts/Disk", "/ops/alerts/Errors"]);
    assert_eq!(page.one("header [data-firing]").attr("data-firing"), "2");
    let rule = app.get("/ops/alerts/Disk").await.page();
    assert!(!rule.has("[data-status=firing]") && rule.has("[data-firing]"));
    assert!(rule.one(".notice").text().contains("could not be evaluated"));
    let now = app.get("/ops").await.page();
    assert!(now.has("[data-blind]") && !now.has("[data-change=alert] a[href*=Disk]"));
}

#[tokio::test]
async fn the_page_of_an_alert_has_what_to_do() {
    let runbook = "# Slow\nBad.\n\n## Meaning\nIt is slow.\n\n## Investigate\n- See \
        [Disk](Disk.md), <https://grafana.example/d/1> and [evil](javascript:x)\n\n## Mitigate\n\
        ```sh\nrestart <app>\n```\n";
    let host = Host {
        alerts: vec![alert(1, "Slow", "warning", 5, None)],
        runbook: Some(runbook),
        ..Host::default()
    };
    let page =
        App::start_in(host, log([line("anything")])).await.get("/ops/alerts/Slow").await.page();
    let steps = page.values("[data-section=runbook] [data-step]", "data-step");
    assert_eq!(steps, ["Mitigate", "Investigate"]);
    let links = page.values("[data-section=runbook] a", "href");
    assert_eq!(links, ["/ops/alerts/Disk", "https://grafana.example/d/1"]);
    assert!(page.one("[data-step=Mitigate] pre").text().contains("restart <app>"));
    assert!(page.one("[data-section=runbook] details").text().contains("It is slow."));
    // What to do stands before the evidence.
    let main = page.one("main").html();
    assert!(main.find("data-section=\"runbook\"") < main.find("data-total"));
}

#[tokio::test]
async fn an_operator_acknowledges_and_everybody_reads_the_note() {
    let by =
        Acknowledgement { by: "olga".to_owned(), at: START - MINUTE, note: "<b>on it</b>".into() };
    let known = Alert { acknowledged: Some(by), ..alert(7, "Slow", "warning", 5, None) };
    let app = app(vec![known]).await;
    let form = "[data-section] form, form.acknowledge";
    let page = app.get("/ops/alerts/Slow").await.page();
    assert!(page.has(form) && page.one("[data-acknowledged]").text().contains("olga"));
    let viewer = app.get_as("viewer", "/ops/alerts/Slow").await.page();
    assert!(!viewer.has("form.acknowledge"));
    assert!(viewer.one("[data-acknowledged]").text().contains("<b>on it</b>"));
    assert!(app.get("/ops/alerts").await.page().one("[data-alert=Slow]").text().contains("olga"));
    let post = async |role: &str, body: &str| {
        app.post("/ops/alerts/Slow/acknowledge", role, body, "same-origin").await.status.as_u16()
    };
    assert_eq!(post("operator", "id=7&note=on+it").await, 303);
    assert_eq!(post("viewer", "id=7&note=on+it").await, 403);
    for wrong in ["id=8&note=on+it", "id=x&note=", "note="] {
        assert_eq!(post("operator", wrong).await, 404, "{wrong}");
    }
    assert_eq!(post("operator", &format!("id=7&note={}", "n".repeat(501))).await, 400);
}

#[tokio::test]
async fn facts_about_alerting_are_on_alerts_and_system() {
    let app = app(Vec::new()).await;
    for path in ["/ops/alerts", "/ops/system"] {
        let page = app.get(path).await.page();
        let fact = page.one("[data-section=alerting] [data-alerting=notifications]");
        assert!(fact.text().contains("Nobody is notified <of> alerts."), "{path}");
    }
}

#[tokio::test]
async fn a_comparison_leaves_out_raised_levels_and_alerts() {
    let mut records = Vec::new();
    for minute in 0..120_i64 {
        let one = |level, sequence: i64, fields: Vec<(String, Value)>| LogRecord {
            timestamp: START - 120 * MINUTE + minute * MINUTE,
            sequence: u64::try_from(minute * 10 + sequence).unwrap(),
            level,
            target: "shop".to_owned(),
            message: "m".to_owned(),
            fields,
        };
        records.push(one(Level::Info, 0, Vec::new()));
        if minute > 60 {
            records.push(LogRecord {
                target: "raised".to_owned(),
                ..one(Level::Debug, 1, Vec::new())
            });
            let name = ("alert.name".to_owned(), Value::Str("Slow".to_owned()));
            records
                .push(LogRecord { target: "told".to_owned(), ..one(Level::Info, 2, vec![name]) });
        }
    }
    let host = Host { alerts: vec![alert(1, "Slow", "warning", 50, None)], ..Host::default() };
    let page = App::start_in(host, records).await.get("/ops/alerts/Slow").await.page();
    let differences = page.one("[data-section=differences]");
    assert!(!differences.has("[data-value]"), "{}", differences.text());
}
