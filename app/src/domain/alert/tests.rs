use super::*;

const NOW: i64 = 1_795_600_000_000_000;
const STARTED: i64 = 1_795_599_240_000_000;

fn parse(alert: &str) -> Result<Notification, NotificationError> {
    parse_notification(format!("{{\"version\":\"4\",\"alerts\":[{alert}]}}").as_bytes(), NOW)
}

fn one(alert: &str) -> Alert {
    parse(alert).unwrap().alerts.remove(0)
}

#[test]
fn a_notification_of_grafana_is_understood() {
    let alert =
        one(r#"{"status":"firing","labels":{"alertname":"HighErrorRate","severity":"critical"},
        "annotations":{"summary":"errors","logs_query":"status:5xx"},
        "startsAt":"2026-11-25T08:14:00+01:00","endsAt":"0001-01-01T00:00:00Z",
        "values":{"A":0.25,"C":1},"generatorURL":"http://grafana/alerting/x",
        "fingerprint":"c6eadffa33fcdf37","silenceURL":"http://grafana/silence",
        "dashboardURL":"http://grafana/d/x","panelURL":"javascript:alert(1)","imageURL":""}"#);
    assert_eq!(alert.rule, "HighErrorRate");
    assert_eq!(alert.fingerprint, "c6eadffa33fcdf37");
    assert_eq!(alert.annotations["logs_query"], "status:5xx");
    assert_eq!(alert.values["A"], "0.25");
    assert_eq!(alert.links.keys().collect::<Vec<_>>(), ["dashboard", "silence", "source"]);
    assert_eq!((alert.started, alert.ended), (1_795_590_840_000_000, None));
}

#[test]
fn one_of_alertmanager_that_ended_has_an_end_and_one_that_fires_has_none() {
    let sent = |status: &str, ends: &str| {
        one(&format!(
            r#"{{"status":"{status}","labels":{{"alertname":"X"}},"annotations":{{}},
            "startsAt":"2026-11-25T09:34:00Z","endsAt":"{ends}","generatorURL":"",
            "fingerprint":"1"}}"#
        ))
    };
    assert_eq!(sent("firing", "2026-11-25T09:44:00Z").ended, None);
    assert_eq!(sent("resolved", "2026-11-25T09:44:00Z").ended, Some(STARTED + 600_000_000));
    assert_eq!(sent("resolved", "0001-01-01T00:00:00Z").ended, Some(NOW));
    assert_eq!(sent("resolved", "2026-11-25T09:00:00Z").ended, Some(STARTED));
}

#[test]
fn what_makes_no_sense_is_refused_with_its_reason() {
    let time = r#""startsAt":"2026-11-25T09:34:00Z""#;
    let many: Vec<String> = (0..65).map(|n| format!("\"l{n}\":\"\"")).collect();
    let many = many.join(",");
    for (alert, reason) in [
        (format!(r#"{{"status":"firing","labels":{{}},{time}}}"#), "alertname"),
        (format!(r#"{{"status":"odd","labels":{{"alertname":"X"}},{time}}}"#), "odd"),
        (r#"{"status":"firing","labels":{"alertname":"X"}}"#.to_owned(), "startsAt"),
        (
            r#"{"status":"firing","labels":{"alertname":"X"},"startsAt":"soon"}"#.to_owned(),
            "startsAt",
        ),
        (format!(r#"{{"status":"firing","labels":{{"alertname":1}},{time}}}"#), "string"),
        (format!(r#"{{"status":"firing","labels":{{"alertname":"X",{many}}},{time}}}"#), "64"),
    ] {
        let error = parse(&alert).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    for body in ["", "[]", "{}", "{\"alerts\":{}}", "\u{0}"] {
        let parsed = parse_notification(body.as_bytes(), NOW);
        assert!(matches!(parsed, Err(NotificationError::Malformed(_))), "{body}");
    }
}

#[test]
fn the_good_alerts_of_a_group_are_kept_and_the_others_counted() {
    let good =
        r#"{"status":"firing","labels":{"alertname":"X"},"startsAt":"2026-11-25T09:34:00Z"}"#;
    let read = parse(&format!("{good},{{}},1,{good}")).unwrap();
    assert_eq!((read.alerts.len(), read.rejected, read.left_out), (2, 2, 0));
    assert!(read.reasons[0].starts_with("Alert 2: missing field"), "{:?}", read.reasons);
    let read = parse(&vec![good; MAX_ALERTS + 3].join(",")).unwrap();
    assert_eq!((read.alerts.len(), read.left_out), (MAX_ALERTS, 3));
    let body = format!(
        r#"{{"receiver":"r","orgId":1,"groupKey":"k","truncatedAlerts":250,"alerts":[{good}]}}"#
    );
    let read = parse_notification(body.as_bytes(), NOW).unwrap();
    assert_eq!((read.left_out, read.receiver.as_str()), (250, "r"));
    assert_eq!(read.alerts[0].sender, GRAFANA);
    assert_eq!(parse("").unwrap().alerts.len(), 0);
}

#[test]
fn a_failed_evaluation_is_filed_under_its_rule() {
    let sent = |labels: &str| {
        one(&format!(
            r#"{{"status":"firing","labels":{{{labels}}},"startsAt":"2026-11-25T09:34:00Z"}}"#
        ))
    };
    for name in ["DatasourceError", "DatasourceNoData"] {
        let failed = sent(&format!(r#""alertname":"{name}","rulename":"MiniTwitDown""#));
        assert_eq!(failed.rule, "MiniTwitDown");
        assert!(failed.is_evaluation_failure());
        assert_eq!(sent(&format!(r#""alertname":"{name}""#)).rule, name);
    }
    let other = sent(r#""alertname":"Mine","rulename":"MiniTwitDown","__hidden__":"x""#);
    assert_eq!((other.rule.as_str(), other.is_evaluation_failure()), ("Mine", false));
    assert!(!other.labels.contains_key("__hidden__"));
}

#[test]
fn what_an_api_lists_is_understood() {
    let body = r#"[{"annotations":{"__orgId__":"1","summary":"s"},"endsAt":"2026-11-25T09:50:00Z",
        "fingerprint":"f","receivers":[{"name":"r"}],"startsAt":"2026-11-25T09:34:00Z",
        "status":{"inhibitedBy":[],"silencedBy":[],"state":"active"},
        "updatedAt":"2026-11-25T09:45:00Z","generatorURL":"http://grafana/x",
        "labels":{"__alert_rule_uid__":"u","alertname":"X"}}, {"labels":{}}, 7]"#;
    let (listed, unread) = parse_listed(body.as_bytes(), GRAFANA, NOW).unwrap();
    assert_eq!((listed.len(), unread), (1, 2));
    let ListedAlert { alert, updated } = &listed[0];
    assert_eq!((alert.started, alert.ended), (STARTED, None));
    assert_eq!(*updated, Some(STARTED + 660_000_000));
    assert_eq!(alert.annotations.keys().collect::<Vec<_>>(), ["summary"]);
    assert!(parse_listed(b"{}", GRAFANA, NOW).is_err());
}

#[test]
fn long_texts_are_cut_and_a_missing_fingerprint_is_made_of_the_labels() {
    let sent = |name: &str| {
        one(&format!(
            r#"{{"status":"firing","labels":{{"alertname":"{name}"}},
            "annotations":{{"summary":"{}"}},"startsAt":"2026-11-25T09:34:00Z"}}"#,
            "æ".repeat(MAX_VALUE + 1)
        ))
    };
    assert_eq!(sent("X").annotations["summary"].chars().count(), MAX_VALUE + 1);
    assert_eq!(sent("X").fingerprint.len(), 16);
    assert_ne!(sent("X").fingerprint, sent("Y").fingerprint);
    assert_eq!(sent("a\\u0000b").rule, "a\u{fffd}b");
}
