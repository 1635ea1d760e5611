//! `minitwit healthcheck`: what a container's health check runs, so that its image needs no curl.
//!
//! Healthy is started and alive, on every listener of the role. A database that is away makes no process
//! unhealthy: killing it would help nobody and end its logs. It is told of, as `/readyz` tells who sends requests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;
use http::StatusCode;
use http::header::HOST;
use http_body_util::Full;

use super::out::say;
use crate::client;
use crate::config::{Span, Surfaces, parse_address};

/// `minitwit healthcheck`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Address of the service's ops listener
    #[arg(long, env = "MINITWIT_OPS", default_value = "127.0.0.1:5002", value_name = "ADDRESS",
        value_parser = parse_address)]
    ops: SocketAddr,
    /// Address of its site
    #[arg(long, env = "MINITWIT_SITE", default_value = "127.0.0.1:5000", value_name = "ADDRESS",
        value_parser = parse_address)]
    site: SocketAddr,
    /// Address of its simulator API
    #[arg(long, env = "MINITWIT_API", default_value = "127.0.0.1:5001", value_name = "ADDRESS",
        value_parser = parse_address)]
    api: SocketAddr,
    /// Which listeners this process opens
    #[arg(long, env = "MINITWIT_ROLE", value_enum, default_value_t = Surfaces::All)]
    role: Surfaces,
    /// How long to wait for all responses
    #[arg(
        long,
        env = "MINITWIT_HEALTHCHECK_TIMEOUT",
        default_value = "2s",
        value_name = "DURATION"
    )]
    timeout: Span,
}

/// Asks the listeners of the role side by side, within one time limit. Fails unless each answers, and the one of ops
/// says that the process lives.
pub async fn check(args: &Args) -> anyhow::Result<()> {
    let has_site = matches!(args.role, Surfaces::All | Surfaces::Site);
    let has_api = matches!(args.role, Surfaces::All | Surfaces::Api);
    // Of site and API any answer will do: a page needs the database.
    let ((status, body), (), ()) = tokio::try_join!(
        ask(args.ops, "/livez", args.timeout),
        ask_if(has_site, args.site, "/favicon.ico", args.timeout),
        ask_if(has_api, args.api, "/openapi.json", args.timeout),
    )?;
    anyhow::ensure!(
        status.is_success(),
        "{} is not healthy: status {}, {body}",
        args.ops,
        status.as_u16()
    );
    let (_, readiness) = ask(args.ops, "/readyz", args.timeout).await?;
    say(&format!("{}{}", body.trim_end(), failing(&readiness)))
}

/// What `/readyz` says of a database that does not do its part; empty when it does.
fn failing(readiness: &str) -> String {
    let readiness: serde_json::Value = serde_json::from_str(readiness).unwrap_or_default();
    let fault = |what: &str| {
        let word = readiness[what].as_str()?;
        (word != "ok").then(|| format!("; database {what} {word}"))
    };
    ["reads", "writes"].into_iter().find_map(fault).unwrap_or_default()
}

async fn ask_if(
    wanted: bool,
    address: SocketAddr,
    path: &str,
    timeout: Span,
) -> anyhow::Result<()> {
    if wanted { ask(address, path, timeout).await.map(drop) } else { Ok(()) }
}

async fn ask(
    address: SocketAddr,
    path: &str,
    timeout: Span,
) -> anyhow::Result<(StatusCode, String)> {
    let address = reachable(address);
    let request = http::Request::get(path).header(HOST, address.to_string());
    let asking = client::send(address, request.body(Full::<Bytes>::default())?, timeout.0);
    let answer = tokio::time::timeout(timeout.0, asking).await;
    let answer = answer
        .unwrap_or(Err(client::Failure::ReadTimeout))
        .map_err(|error| anyhow::anyhow!("{address} is not healthy: {error}"))?;
    Ok((answer.status, String::from_utf8_lossy(&answer.body).into_owned()))
}

/// Replaces an unspecified listen address by loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_fails_is_told_of_once() {
        let readiness = |reads: &str, writes: &str| {
            failing(&serde_json::json!({ "reads": reads, "writes": writes }).to_string())
        };
        assert_eq!(readiness("ok", "ok"), "");
        let full = "failing: disk is full";
        assert_eq!(readiness("ok", full), "; database writes failing: disk is full");
        assert_eq!(readiness(full, full), "; database reads failing: disk is full");
        assert_eq!(failing("no JSON") + &failing("{}"), "");
    }
}
