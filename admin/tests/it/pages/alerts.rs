//! The inbox of alerts and the page of a rule, over a host with alerts of every kind.

use std::collections::BTreeMap;

use admin::{Alert, Rule};

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
    assert_eq!(listed(&page, "firing"), ["New", "Old"]);
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
