//! What an alerting system says when rules fire and end: the webhook notification of Grafana and of
//! Alertmanager, which have their shape in common. Grafana adds what was measured and where to look.

use std::collections::BTreeMap;

use admin::{Alert, Texts};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Maximum number of alerts read of a notification; the others count as left out.
pub const MAX_ALERTS: usize = 2_000;
/// Maximum number of labels and of annotations of an alert.
const MAX_TEXTS: usize = 64;
/// Longest name of a label or annotation, and of a rule, in bytes.
const MAX_NAME: usize = 200;
/// Longest value, in characters; of a longer one the beginning is kept.
const MAX_VALUE: usize = 4_000;
/// Most bytes of all names and values of an alert.
const MAX_SIZE: usize = 64 * 1024;
/// Longest fingerprint that is kept as it is, in bytes.
const MAX_FINGERPRINT: usize = 64;
/// An end so far ahead of this clock, in microseconds, is none: it would keep the alert open until then.
const MAX_SKEW: i64 = 5 * 60 * 1_000_000;
/// Rejected alerts whose reason is kept.
const MAX_REASONS: usize = 20;
/// The label by which Grafana names the rule that it could not evaluate.
const RULE_NAME: &str = "rulename";

/// Why a notification is rejected, as a sentence for whoever set it up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotificationError {
    /// The payload is malformed.
    #[error("The payload is not a Grafana or Alertmanager notification: {0}")]
    Malformed(String),
    /// The payload has alerts, and none is valid.
    #[error("No alert of the notification is valid. {0}")]
    NoneValid(String),
}

/// What a notification says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notification {
    /// Its valid alerts, in its order.
    pub alerts: Vec<Alert>,
    /// Number of invalid alerts.
    pub rejected: usize,
    /// Reasons of the first of them, with their numbers in the notification, from 1.
    pub reasons: Vec<String>,
    /// Number of alerts that the sender or the limit left out.
    pub left_out: usize,
    /// The receiver of the sender that it went through; may be empty.
    pub receiver: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NotificationPayload {
    alerts: Vec<Value>,
    #[serde(default)]
    receiver: Option<Value>,
    #[serde(default)]
    truncated_alerts: Option<Value>,
    /// Only Grafana has organizations.
    #[serde(default)]
    org_id: Option<Value>,
    /// Both say how they grouped.
    #[serde(default)]
    group_key: Option<Value>,
}

/// An alert as the sender has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AlertPayload {
    status: Status,
    #[serde(default)]
    labels: Texts,
    #[serde(default)]
    annotations: Option<Texts>,
    starts_at: String,
    #[serde(default)]
    ends_at: Option<String>,
    #[serde(default)]
    fingerprint: Option<String>,
    /// Numbers by the name of the query, `null` in a notification without any.
    #[serde(default)]
    values: Option<BTreeMap<String, Value>>,
    #[serde(default, rename = "generatorURL")]
    generator_url: Option<String>,
    #[serde(default, rename = "dashboardURL")]
    dashboard_url: Option<String>,
    #[serde(default, rename = "panelURL")]
    panel_url: Option<String>,
    #[serde(default, rename = "silenceURL")]
    silence_url: Option<String>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Firing,
    Resolved,
}

/// An alert as Alertmanager's API version 2 lists it; Grafana serves the same.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedPayload {
    labels: Texts,
    #[serde(default)]
    annotations: Texts,
    starts_at: String,
    #[serde(default)]
    updated_at: Option<String>,
    #[serde(default)]
    fingerprint: Option<String>,
    #[serde(default, rename = "generatorURL")]
    generator_url: Option<String>,
}

/// An alert that an alerting system lists as firing, and when it last heard so, in microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAlert {
    /// The alert, without an end.
    pub alert: Alert,
    /// When the alerting system last learned that it fires; `None` if it does not say.
    pub updated: Option<i64>,
}

/// The alerts of a notification that came at this time.
pub fn parse_notification(body: &[u8], now: i64) -> Result<Notification, NotificationError> {
    let payload: NotificationPayload = serde_json::from_slice(body)
        .map_err(|error| NotificationError::Malformed(error.to_string()))?;
    let truncated = payload.truncated_alerts.as_ref().and_then(Value::as_u64).unwrap_or(0);
    let sender = match (&payload.org_id, &payload.group_key) {
        (Some(org), _) if !org.is_null() => GRAFANA,
        (_, Some(_)) => ALERTMANAGER,
        _ => "",
    };
    let mut read = Notification {
        left_out: usize::try_from(truncated)
            .unwrap_or(usize::MAX)
            .saturating_add(payload.alerts.len().saturating_sub(MAX_ALERTS)),
        receiver: payload.receiver.as_ref().and_then(Value::as_str).map_or_else(String::new, short),
        ..Notification::default()
    };
    for (at, value) in payload.alerts.into_iter().take(MAX_ALERTS).enumerate() {
        let alert = serde_json::from_value::<AlertPayload>(value);
        match alert.map_err(|error| error.to_string()).and_then(|alert| alert.alert(sender, now)) {
            Ok(alert) => read.alerts.push(alert),
            Err(why) => {
                read.rejected += 1;
                if read.reasons.len() < MAX_REASONS {
                    read.reasons.push(format!("Alert {}: {why}", at + 1));
                }
            }
        }
    }
    match read.reasons.first() {
        Some(first) if read.alerts.is_empty() => Err(NotificationError::NoneValid(first.clone())),
        _ => Ok(read),
    }
}

/// What an alerting system of this name lists as firing at this time, and the number of entries that
/// could not be read.
pub fn parse_listed(
    body: &[u8],
    sender: &str,
    now: i64,
) -> Result<(Vec<ListedAlert>, usize), serde_json::Error> {
    let entries: Vec<Value> = serde_json::from_slice(body)?;
    let count = entries.len();
    let listed = |value: Value| {
        let payload = serde_json::from_value::<ListedPayload>(value).ok()?;
        payload.alert(sender, now).ok()
    };
    let listed: Vec<_> = entries.into_iter().filter_map(listed).collect();
    let unread = count - listed.len();
    Ok((listed, unread))
}

/// Name of Grafana as a sender.
pub const GRAFANA: &str = "grafana";
/// Name of Alertmanager as a sender.
pub const ALERTMANAGER: &str = "alertmanager";

impl AlertPayload {
    fn alert(self, sender: &str, now: i64) -> Result<Alert, String> {
        let rule = rule(&self.labels)?;
        let started = time(&self.starts_at).ok_or("no valid RFC 3339 startsAt")?;
        // The fingerprint of a sender is made of all labels, the hidden ones too.
        let fingerprint = fingerprint(self.fingerprint.as_deref().unwrap_or(""), &self.labels);
        let labels = bounded(shown(self.labels))?;
        let annotations = bounded(shown(self.annotations.unwrap_or_default()))?;
        // What still fires may carry the time at which it will be taken for over.
        let ended = (self.status == Status::Resolved).then(|| {
            let end = self.ends_at.as_deref().and_then(time);
            end.filter(|end| *end <= now.saturating_add(MAX_SKEW)).unwrap_or(now).max(started)
        });
        let links = [
            ("source", self.generator_url),
            ("dashboard", self.dashboard_url),
            ("panel", self.panel_url),
            ("silence", self.silence_url),
        ];
        let links = links.into_iter().filter_map(|(name, url)| Some((name, web_address(url)?)));
        let values = self.values.unwrap_or_default();
        let alert = Alert {
            rule,
            fingerprint,
            values: bounded(values.into_iter().map(|(name, value)| (name, text(value))).collect())?,
            links: links.map(|(name, url)| (name.to_owned(), url)).collect(),
            labels,
            annotations,
            started,
            ended,
            last_received: now,
            sender: sender.to_owned(),
            ..Alert::default()
        };
        small(alert)
    }
}

impl ListedPayload {
    fn alert(self, sender: &str, now: i64) -> Result<ListedAlert, String> {
        let rule = rule(&self.labels)?;
        let started = time(&self.starts_at).ok_or("no valid RFC 3339 startsAt")?;
        let fingerprint = fingerprint(self.fingerprint.as_deref().unwrap_or(""), &self.labels);
        let source = web_address(self.generator_url).map(|url| ("source".to_owned(), url));
        let alert = Alert {
            rule,
            fingerprint,
            labels: bounded(shown(self.labels))?,
            annotations: bounded(shown(self.annotations))?,
            links: source.into_iter().collect(),
            started,
            last_received: now,
            sender: sender.to_owned(),
            ..Alert::default()
        };
        let updated = self.updated_at.as_deref().and_then(time);
        Ok(ListedAlert { alert: small(alert)?, updated })
    }
}

/// The rule of an alert. Grafana sends a failed evaluation under a name of its own, with the rule beside.
fn rule(labels: &Texts) -> Result<String, String> {
    let name = labels.get("alertname").map_or("", String::as_str);
    let is_failure = name == "DatasourceError" || name == "DatasourceNoData";
    let of_failure = labels.get(RULE_NAME).filter(|rule| is_failure && !rule.is_empty());
    let rule = printable(of_failure.map_or(name, String::as_str));
    match rule.len() {
        0 => Err("no label alertname".to_owned()),
        1..=MAX_NAME => Ok(rule),
        _ => Err("a name of more than 200 bytes".to_owned()),
    }
}

/// Without what alerting systems keep for themselves.
fn shown(texts: Texts) -> Texts {
    texts.into_iter().filter(|(name, _)| !name.starts_with("__")).collect()
}

fn small(alert: Alert) -> Result<Alert, String> {
    let parts = [&alert.labels, &alert.annotations, &alert.values, &alert.links];
    let size: usize = parts
        .iter()
        .flat_map(|texts| texts.iter())
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if size > MAX_SIZE {
        Err("more than 64 KiB of labels and annotations".to_owned())
    } else {
        Ok(alert)
    }
}

fn short(text: &str) -> String {
    text.chars().take(MAX_NAME).collect()
}

/// Microseconds; `None` for what is no time, and for Go's zero time, which stands for none.
fn time(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond).filter(|micros| *micros > 0)
}

/// PostgreSQL cannot hold U+0000.
fn printable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn bounded(texts: Texts) -> Result<Texts, String> {
    if texts.len() > MAX_TEXTS {
        return Err("more than 64 labels or annotations".to_owned());
    }
    if texts.keys().any(|name| name.len() > MAX_NAME) {
        return Err("a label or annotation with a name of more than 200 bytes".to_owned());
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

fn web_address(url: Option<String>) -> Option<String> {
    url.filter(|url| {
        let is_web = url.starts_with("http://") || url.starts_with("https://");
        is_web && url.len() <= MAX_VALUE && !url.contains('\0')
    })
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
