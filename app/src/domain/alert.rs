//! What an alerting system says when rules fire and end: the webhook notification of Grafana and of
//! Alertmanager, which have their shape in common. Grafana adds what was measured and where to look.

use std::collections::BTreeMap;

use admin::{Alert, Texts};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Maximum number of alerts in a notification.
pub const MAX_ALERTS: usize = 256;
/// Maximum number of labels and of annotations of an alert.
const MAX_TEXTS: usize = 64;
/// Longest name of a label or annotation, and of a rule, in bytes.
const MAX_NAME: usize = 200;
/// Longest value, in characters; of a longer one the beginning is kept.
const MAX_VALUE: usize = 4_000;
/// Longest fingerprint that is kept as it is, in bytes.
const MAX_FINGERPRINT: usize = 64;

/// Why a notification is refused, as a sentence for whoever set it up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotificationError {
    /// The payload is malformed.
    #[error("The payload is not a Grafana or Alertmanager notification: {0}")]
    Malformed(String),
    /// More alerts than any group has.
    #[error(
        "The notification has {0} alerts, the limit is {MAX_ALERTS}; set max_alerts or group them"
    )]
    TooMany(usize),
    /// An invalid alert; its number in the notification, from 1.
    #[error("Alert {0} of the notification {1}")]
    Wrong(usize, &'static str),
}

#[derive(Deserialize)]
struct Notification {
    alerts: Vec<AlertPayload>,
}

/// An alert as the sender has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AlertPayload {
    status: Status,
    #[serde(default)]
    labels: Texts,
    #[serde(default)]
    annotations: Texts,
    starts_at: String,
    #[serde(default)]
    ends_at: Option<String>,
    #[serde(default)]
    fingerprint: String,
    /// Numbers by the name of the query, `null` in a notification without any.
    #[serde(default)]
    values: Option<BTreeMap<String, Value>>,
    #[serde(default, rename = "generatorURL")]
    generator_url: String,
    #[serde(default, rename = "dashboardURL")]
    dashboard_url: String,
    #[serde(default, rename = "panelURL")]
    panel_url: String,
    #[serde(default, rename = "silenceURL")]
    silence_url: String,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Firing,
    Resolved,
}

/// The alerts of a notification that came at this time, in its order.
pub fn parse_notification(body: &[u8], now: i64) -> Result<Vec<Alert>, NotificationError> {
    let notification: Notification = serde_json::from_slice(body)
        .map_err(|error| NotificationError::Malformed(error.to_string()))?;
    if notification.alerts.len() > MAX_ALERTS {
        return Err(NotificationError::TooMany(notification.alerts.len()));
    }
    let alert = |(at, payload): (usize, AlertPayload)| {
        payload.alert(now).map_err(|why| NotificationError::Wrong(at + 1, why))
    };
    notification.alerts.into_iter().enumerate().map(alert).collect()
}

impl AlertPayload {
    fn alert(self, now: i64) -> Result<Alert, &'static str> {
        let rule = self.labels.get("alertname").map(|name| printable(name)).unwrap_or_default();
        if rule.is_empty() {
            return Err("has no label alertname");
        }
        if rule.len() > MAX_NAME {
            return Err("has a name of more than 200 bytes");
        }
        let started = time(&self.starts_at).ok_or("has no valid RFC 3339 startsAt")?;
        let (labels, annotations) = (bounded(self.labels)?, bounded(self.annotations)?);
        // What still fires may carry the time at which it will be taken for over.
        let ended = (self.status == Status::Resolved)
            .then(|| self.ends_at.as_deref().and_then(time).unwrap_or(now).max(started));
        let links = [
            ("source", self.generator_url),
            ("dashboard", self.dashboard_url),
            ("panel", self.panel_url),
            ("silence", self.silence_url),
        ];
        let links = links.into_iter().filter(|(_, url)| is_web_address(url));
        let values = self.values.unwrap_or_default();
        Ok(Alert {
            id: 0,
            rule,
            fingerprint: fingerprint(&self.fingerprint, &labels),
            values: bounded(values.into_iter().map(|(name, value)| (name, text(value))).collect())?,
            links: links.map(|(name, url)| (name.to_owned(), url)).collect(),
            labels,
            annotations,
            started,
            ended,
            last_received: now,
        })
    }
}

/// Microseconds; `None` for what is no time, and for Go's zero time, which stands for none.
fn time(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond).filter(|micros| *micros > 0)
}

/// PostgreSQL cannot hold U+0000.
fn printable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn bounded(texts: Texts) -> Result<Texts, &'static str> {
    if texts.len() > MAX_TEXTS {
        return Err("has more than 64 labels or annotations");
    }
    if texts.keys().any(|name| name.len() > MAX_NAME) {
        return Err("has a label or annotation with a name of more than 200 bytes");
    }
    let cut = |text: String| match text.char_indices().nth(MAX_VALUE) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    };
    Ok(texts.into_iter().map(|(name, value)| (name, cut(value))).collect())
}

/// As sent, or a hash of the labels when that is missing or no fingerprint.
fn fingerprint(sent: &str, labels: &Texts) -> String {
    if !sent.is_empty() && sent.len() <= MAX_FINGERPRINT && sent.is_ascii() && !sent.contains('\0')
    {
        return sent.to_owned();
    }
    let mut hash = Sha256::new();
    for (name, value) in labels {
        hash.update(name);
        hash.update([0]);
        hash.update(value);
        hash.update([0]);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let start = digest.first_chunk().map_or(0, |start| u64::from_be_bytes(*start));
    format!("{start:016x}")
}

fn is_web_address(url: &str) -> bool {
    let is_web = url.starts_with("http://") || url.starts_with("https://");
    is_web && url.len() <= MAX_VALUE && !url.contains('\0')
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_600_000_000_000;
    const STARTED: i64 = 1_795_599_240_000_000;

    fn parse(alert: &str) -> Result<Vec<Alert>, NotificationError> {
        parse_notification(format!("{{\"version\":\"4\",\"alerts\":[{alert}]}}").as_bytes(), NOW)
    }

    fn one(alert: &str) -> Alert {
        parse(alert).unwrap().remove(0)
    }

    #[test]
    fn a_notification_of_grafana_is_understood() {
        let alert = one(
            r#"{"status":"firing","labels":{"alertname":"HighErrorRate","severity":"critical"},
            "annotations":{"summary":"errors","logs_query":"status:5xx"},
            "startsAt":"2026-11-25T08:14:00+01:00","endsAt":"0001-01-01T00:00:00Z",
            "values":{"A":0.25,"C":1},"generatorURL":"http://grafana/alerting/x",
            "fingerprint":"c6eadffa33fcdf37","silenceURL":"http://grafana/silence",
            "dashboardURL":"http://grafana/d/x","panelURL":"javascript:alert(1)","imageURL":""}"#,
        );
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
        for body in ["", "[]", "{}", "{\"alerts\":{}}", "\u{0}", "{\"alerts\":[1]}"] {
            let parsed = parse_notification(body.as_bytes(), NOW);
            assert!(matches!(parsed, Err(NotificationError::Malformed(_))), "{body}");
        }
        let alert = format!(r#"{{"status":"firing","labels":{{"alertname":"X"}},{time}}}"#);
        let alerts = vec![alert; MAX_ALERTS + 1].join(",");
        assert_eq!(parse(&alerts), Err(NotificationError::TooMany(MAX_ALERTS + 1)));
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
}
