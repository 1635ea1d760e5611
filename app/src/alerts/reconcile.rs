//! Compares the inbox with what Grafana or Alertmanager lists as firing: notifications get lost while
//! the service is stopped, and senders do not repeat them. Reads API version 2 of Alertmanager, which
//! Grafana serves, too; never writes to it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use admin::{Alert, AlertingNotice};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HOST};
use http::{Request, StatusCode, Uri};
use http_body_util::Full;

use super::history::Event;
use super::{AlertInbox, problem};
use crate::client;
use crate::domain::{ALERTMANAGER, GRAFANA, ListedAlert, parse_listed};

/// Time between two reads of the API.
const INTERVAL: Duration = Duration::from_secs(15);
/// The longest a read may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// An alert is over when so many reads in a row lack it: an Alertmanager that was just started lists
/// nothing until Prometheus repeats what fires.
const MISSES: u32 = 3;
/// A listed alert counts as received again after this, in microseconds, so that it does not go stale.
const RENEW_AFTER: i64 = 3_600 * 1_000_000;
/// Where Alertmanager lists alerts, and where Grafana does.
const PATHS: [(&str, &str); 2] =
    [("/api/v2/alerts", ALERTMANAGER), ("/api/alertmanager/grafana/api/v2/alerts", GRAFANA)];

/// Where the API is, and what it wants.
#[derive(Clone, Debug)]
pub struct AlertApi {
    host: String,
    port: u16,
    /// Paths to try, with the name of the system behind each.
    paths: Vec<(String, &'static str)>,
    /// The value of `Authorization`, which `Debug` never shows.
    authorization: Option<Hidden>,
}

#[derive(Clone)]
struct Hidden(String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("(hidden)")
    }
}

/// How the last reads went.
#[derive(Clone, Debug, Default)]
pub struct Status {
    address: String,
    last_read: Option<i64>,
    error: Option<String>,
}

impl AlertApi {
    /// From `http://<host>[:<port>][/<path>]` of Grafana or Alertmanager. With a user the secret is the
    /// password, without one a bearer token.
    ///
    /// # Errors
    /// The address is not of this form; only plain HTTP is spoken.
    pub fn new(url: &str, user: Option<&str>, secret: Option<&str>) -> anyhow::Result<Self> {
        let uri: Uri = url.parse()?;
        anyhow::ensure!(
            uri.scheme_str() == Some("http") && uri.query().is_none(),
            "the address of the alert API must be http://<host>:<port>, with a path if it has one"
        );
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let base = uri.path().trim_end_matches('/');
        let base =
            PATHS.iter().fold(base, |base, (path, _)| base.strip_suffix(path).unwrap_or(base));
        let is_grafana = base.contains("/api/alertmanager/");
        let paths = PATHS.map(|(path, sender)| {
            (format!("{base}{path}"), if is_grafana { GRAFANA } else { sender })
        });
        let authorization = match (user, secret) {
            (Some(user), secret) => {
                let pair = format!("{user}:{}", secret.unwrap_or_default());
                Some(Hidden(format!("Basic {}", STANDARD.encode(pair))))
            }
            (None, Some(token)) => Some(Hidden(format!("Bearer {token}"))),
            (None, None) => None,
        };
        Ok(Self { host, port: uri.port_u16().unwrap_or(80), paths: paths.into(), authorization })
    }

    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// What the system lists as firing, and its name.
    async fn list(&self, now: i64) -> Result<(Vec<ListedAlert>, &'static str), String> {
        let found = tokio::time::timeout(TIMEOUT, async {
            let resolved = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
            let mut addresses = resolved.map_err(|error| error.to_string())?;
            let address = addresses.next().ok_or("the name has no address")?;
            let mut refusal = String::new();
            for (path, sender) in &self.paths {
                let answer = client::send(address, self.request(path)?, TIMEOUT).await;
                let answer = answer.map_err(|error| error.to_string())?;
                let is_list = answer.status == StatusCode::OK && answer.body.starts_with(b"[");
                if is_list {
                    let read = parse_listed(&answer.body, sender, now);
                    return Ok((read.map_err(|error| error.to_string())?.0, *sender));
                }
                refusal = format!("{path} answered {}", answer.status.as_u16());
                if matches!(answer.status.as_u16(), 401 | 403) {
                    break;
                }
            }
            Err(refusal)
        });
        found.await.unwrap_or_else(|_| Err(format!("no answer within {} s", TIMEOUT.as_secs())))
    }

    fn request(&self, path: &str) -> Result<Request<Full<Bytes>>, String> {
        let mut request =
            Request::get(path).header(HOST, self.address()).header(ACCEPT, "application/json");
        if let Some(Hidden(value)) = &self.authorization {
            request = request.header(AUTHORIZATION, value);
        }
        request.body(Full::default()).map_err(|error| error.to_string())
    }
}

impl AlertInbox {
    /// Compares the inbox with the API, now and every 15 seconds. Never ends.
    pub async fn keep_reconciled(self, api: AlertApi) {
        let mut missing = Missing::default();
        loop {
            self.reconcile(&api, &mut missing).await;
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Compares the inbox with the API once.
    pub async fn reconcile(&self, api: &AlertApi, missing: &mut Missing) {
        let asked = self.0.clock.now();
        let listed = api.list(asked).await;
        self.note_read(api, asked, listed.as_ref().err());
        if let Ok((listed, sender)) = listed {
            let events = self.differences(&listed, sender, asked, missing);
            if !events.is_empty() && self.add(events).await.is_err() {
                tracing::warn!("could not take listed alerts: the inbox is full");
            }
        }
    }

    fn note_read(&self, api: &AlertApi, at: i64, error: Option<&String>) {
        let mut status = self.0.status.lock();
        let address = api.address();
        let api = status.api.get_or_insert_with(|| Status { address, ..Status::default() });
        match (&api.error, error) {
            (None, Some(error)) => tracing::warn!(
                error.message = error,
                "could not read firing alerts from {}",
                api.address
            ),
            (Some(_), None) => tracing::info!("reading firing alerts from {} again", api.address),
            _ => {}
        }
        if error.is_none() {
            api.last_read = Some(at);
        }
        api.error = error.cloned();
    }

    fn differences(
        &self,
        listed: &[ListedAlert],
        sender: &str,
        asked: i64,
        missing: &mut Missing,
    ) -> Vec<Event> {
        let history = self.0.history.lock();
        let mut events = Vec::new();
        for ListedAlert { alert, updated } in listed {
            let open = history.of(&alert.fingerprint).iter().find(|known| known.ended.is_none());
            match open {
                None => {
                    tracing::info!(
                        alert.name = alert.rule,
                        alert.severity = alert.label("severity"),
                        "alert firing, found in the list of {sender}"
                    );
                    events.push(Event::Listed(alert.clone(), updated.unwrap_or(asked)));
                }
                // A heartbeat proves that notifications arrive, which a list does not.
                Some(open) if open.label("severity") == "none" => {}
                Some(open) if asked.saturating_sub(open.last_received) > RENEW_AFTER => {
                    events.push(Event::Notified(Alert { last_received: asked, ..open.clone() }));
                }
                Some(_) => {}
            }
        }
        let names: HashSet<&str> =
            listed.iter().map(|listed| listed.alert.fingerprint.as_str()).collect();
        let is_of_sender = |alert: &&Alert| alert.sender.is_empty() || alert.sender == sender;
        // A heartbeat that was closed could no longer be missed.
        let is_open = |alert: &&Alert| alert.ended.is_none() && alert.label("severity") != "none";
        let open = history.alerts().filter(is_open).filter(is_of_sender);
        let lacking = open.filter(|alert| !names.contains(alert.fingerprint.as_str()));
        events.extend(missing.over(lacking, asked));
        events
    }
}

/// Open alerts that the API does not list: since when, and for how many reads.
#[derive(Debug, Default)]
pub struct Missing(HashMap<(String, i64), (i64, u32)>);

impl Missing {
    /// Ends of the alerts that were missing often enough, at the time of the first miss. One of which a
    /// notification came since is not missing.
    fn over<'a>(&mut self, lacking: impl Iterator<Item = &'a Alert>, asked: i64) -> Vec<Event> {
        let before = std::mem::take(&mut self.0);
        let mut events = Vec::new();
        for alert in lacking {
            let key = (alert.fingerprint.clone(), alert.started);
            let known = before.get(&key).filter(|(since, _)| alert.last_received <= *since);
            let (since, misses) = known.copied().unwrap_or((asked, 0));
            if misses + 1 < MISSES {
                self.0.insert(key, (since, misses + 1));
                continue;
            }
            tracing::info!(
                alert.name = alert.rule,
                alert.severity = alert.label("severity"),
                "alert resolved: its sender no longer lists it"
            );
            let ended = Some(since.max(alert.started));
            events.push(Event::Notified(Alert { ended, ..alert.clone() }));
        }
        events
    }
}

/// What operators should know about the comparison.
pub fn notice(status: Option<&Status>, now: i64) -> AlertingNotice {
    let Some(status) = status else {
        return problem(
            "alert API",
            "The address of Grafana's or Alertmanager's API is not set: what fires or ends while this \
             service is stopped is missed. Set MINITWIT_ALERT_API_URL."
                .to_owned(),
        );
    };
    let ago = |at: i64| format!("{} s ago", now.saturating_sub(at).max(0) / 1_000_000);
    let address = &status.address;
    match (&status.error, status.last_read) {
        (Some(error), last_read) => problem(
            "alert API",
            format!(
                "Could not read firing alerts from {address}: {error}. The last read was {}.",
                last_read.map_or_else(|| "never".to_owned(), ago)
            ),
        ),
        (None, None) => {
            problem("alert API", format!("Firing alerts were not read from {address} yet."))
        }
        (None, Some(at)) => AlertingNotice {
            subject: "alert API",
            text: format!("Compared with {address} {}.", ago(at)),
            is_problem: false,
        },
    }
}
