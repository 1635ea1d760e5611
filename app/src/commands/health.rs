//! `minitwit healthcheck`: what a container's health check runs, so that its image needs no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;
use http::header::HOST;
use http_body_util::Full;

use crate::client;
use crate::config::{Span, parse_address};

/// `minitwit healthcheck`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Address of the service's ops listener
    #[arg(long, env = "MINITWIT_OPS", default_value = "127.0.0.1:5002", value_name = "ADDRESS",
        value_parser = parse_address)]
    ops: SocketAddr,
    /// How long to wait for a response
    #[arg(
        long,
        env = "MINITWIT_HEALTHCHECK_TIMEOUT",
        default_value = "2s",
        value_name = "DURATION"
    )]
    timeout: Span,
}

/// Fails unless the service is ready.
pub async fn check(args: &Args) -> anyhow::Result<()> {
    let address = reachable(args.ops);
    let request = http::Request::get("/readyz").header(HOST, address.to_string());
    let asking = client::send(address, request.body(Full::<Bytes>::default())?, args.timeout.0);
    let answer = tokio::time::timeout(args.timeout.0, asking).await;
    let answer = answer
        .unwrap_or(Err(client::Failure::ReadTimeout))
        .map_err(|error| anyhow::anyhow!("{address} is not healthy: {error}"))?;
    let body = String::from_utf8_lossy(&answer.body);
    anyhow::ensure!(
        answer.status.is_success(),
        "{address} is not ready: status {}, {body}",
        answer.status.as_u16()
    );
    super::say(body.trim_end())
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
