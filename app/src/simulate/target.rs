//! Where commands go, and sending one.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue};
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::scenario::Command;
use crate::client::{self, Failure};

/// The address of an API, such as `http://127.0.0.1:5001`; may have a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    authority: String,
    path: String,
}

impl FromStr for Url {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ACCEPTED: &str = "an API URL is http://<host>:<port>, with an optional path";
        let rest = text.strip_prefix("http://").ok_or(ACCEPTED)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let authority: http::uri::Authority = authority.parse().map_err(|_| ACCEPTED)?;
        let port = authority.port_u16().unwrap_or(80);
        let path = path.trim_end_matches('/');
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        if path.contains(['?', '#']) || authority.as_str().contains('@') {
            return Err(ACCEPTED);
        }
        Ok(Self { authority: format!("{}:{port}", authority.host()), path })
    }
}

/// An API endpoint with its credentials.
#[derive(Clone, Debug)]
pub struct Target {
    url: Url,
    address: SocketAddr,
    authorization: HeaderValue,
    patience: Duration,
}

/// Outcome of a command.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// With this status.
    Status(u16),
    /// Without one, for a reason with a name.
    Failed(&'static str),
}

impl Target {
    /// Looks the host up, once: a lookup per request would measure the resolver.
    pub async fn find(url: Url, credentials: &str, patience: Duration) -> anyhow::Result<Self> {
        let found = tokio::net::lookup_host(&url.authority).await;
        let first = found.with_context(|| format!("could not resolve {}", url.authority))?.next();
        let address = first.with_context(|| format!("{} has no address", url.authority))?;
        let authorization = format!("Basic {}", STANDARD.encode(credentials)).try_into()?;
        Ok(Self { url, address, authorization, patience })
    }

    /// Host and port of the URL.
    pub fn host(&self) -> &str {
        &self.url.authority
    }

    /// Sends a command; how it went and how long that took.
    pub async fn send(&self, command: &Command) -> (Outcome, Duration) {
        let started = Instant::now();
        let outcome = match self.request(command) {
            // The course's client sends whatever it has; a name that cannot be sent is an error of
            // the same kind there.
            Err(_) => Outcome::Failed("not sent"),
            Ok(request) => match client::send(self.address, request, self.patience).await {
                Ok(answer) => Outcome::Status(answer.status.as_u16()),
                Err(Failure::ConnectTimeout) => Outcome::Failed("connect timeout"),
                Err(Failure::ReadTimeout) => Outcome::Failed("read timeout"),
                Err(Failure::Connection(_)) => Outcome::Failed("connection error"),
            },
        };
        (outcome, started.elapsed())
    }

    fn request(&self, command: &Command) -> http::Result<http::Request<Full<bytes::Bytes>>> {
        let (method, resource, user, body) = command.request();
        let encode = |user| format!("/{}", utf8_percent_encode(user, NON_ALPHANUMERIC));
        let user = user.map(encode).unwrap_or_default();
        let uri = format!("{}/{resource}{user}?latest={}", self.url.path, command.id);
        http::Request::builder()
            .method(method)
            .uri(uri)
            .header(HOST, &self.url.authority)
            .header(CONNECTION, "close")
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, &self.authorization)
            .body(Full::from(body.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_http_with_an_optional_path() {
        let url = |text: &str| text.parse::<Url>().map(|url| (url.authority, url.path));
        let found = |authority: &str, path: &str| Ok((authority.to_owned(), path.to_owned()));
        assert_eq!(url("http://127.0.0.1:5001"), found("127.0.0.1:5001", ""));
        assert_eq!(url("http://example.com/api/"), found("example.com:80", "/api"));
        assert_eq!(url("http://[::1]:5001/sim"), found("[::1]:5001", "/sim"));
        for wrong in
            ["https://a", "a:5001", "http://", "http://u:p@a", "http://a/b?c", "http://a b"]
        {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }
}
