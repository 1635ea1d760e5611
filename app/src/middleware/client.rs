//! Who is on the other end: the address of the connection, or what a trusted proxy says of it.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::State;
use http::{HeaderMap, Request};
use ipnet::IpNet;

use crate::listen::Peer;
use crate::state::AppState;

/// The client of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Address of the client.
    pub address: IpAddr,
    /// Whether it came over TLS.
    pub https: bool,
    /// Whether a trusted proxy passed the request on.
    pub proxied: bool,
}

impl Client {
    /// Believes `X-Forwarded-For` and `X-Forwarded-Proto` of trusted proxies alone. Of the list, the
    /// rightmost address that is no trusted proxy counts: what stands left of it anybody may have
    /// written.
    fn of<B>(request: &Request<B>, trusted: &[IpNet]) -> Self {
        let peer = request.extensions().get::<Peer>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip().to_canonical());
        let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
        if !is_trusted(&peer) {
            return Self { address: peer, https: false, proxied: false };
        }
        let forwarded = forwarded_for(request.headers());
        let address = forwarded.into_iter().rev().find(|address| !is_trusted(address));
        let proto = request.headers().get_all("x-forwarded-proto").iter().next_back();
        let https = proto.is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"));
        Self { address: address.unwrap_or(peer), https, proxied: true }
    }
}

/// The layer that works out the client once, for all layers and handlers below.
pub async fn identify(
    State(state): State<AppState>,
    mut request: axum::extract::Request,
) -> axum::extract::Request {
    let client = Client::of(&request, &state.settings.trusted_proxies);
    request.extensions_mut().insert(client);
    request
}

/// The addresses in order. One that is none ends the trustworthy part: everything left of it goes.
fn forwarded_for(headers: &HeaderMap) -> Vec<IpAddr> {
    let values = headers.get_all("x-forwarded-for").iter();
    let parts = values.flat_map(|value| value.to_str().unwrap_or("?").split(','));
    let mut addresses = Vec::new();
    for part in parts {
        match part.trim().parse::<IpAddr>() {
            Ok(address) => addresses.push(address.to_canonical()),
            Err(_) => addresses.clear(),
        }
    }
    addresses
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use proptest::prelude::*;

    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let mut request = Request::builder();
        for value in forwarded {
            request = request.header("x-forwarded-for", *value);
        }
        let mut request = request.body(()).unwrap();
        let peer = Peer(SocketAddr::new(peer.parse().unwrap(), 1));
        request.extensions_mut().insert(peer);
        Client::of(&request, &["10.0.0.0/8".parse().unwrap()]).address.to_string()
    }

    #[test]
    fn strangers_cannot_choose_their_address() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
    }

    #[test]
    fn behind_a_proxy_the_rightmost_stranger_counts() {
        assert_eq!(client("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["1.1.1.1, nonsense, 10.0.0.2"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    proptest! {
        /// Whatever it writes, a client behind the proxy is known by what the proxy added.
        #[test]
        fn nothing_in_front_of_the_last_address_matters(forged in "[ -~]{0,60}", last: u32) {
            let last = Ipv4Addr::from(last);
            prop_assume!(last.octets()[0] != 10);
            let value = format!("{forged}, {last}");
            prop_assert_eq!(client("10.0.0.1", &[&value]), last.to_string());
        }
    }
}
