//! Listeners: accepting, the limits of connections, and ending them gently.
//!
//! An accept loop of our own, because the framework's installs no timer and so never closes a client
//! that does not finish its head.

mod accept;
mod head;
mod patience;
mod strict;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::Request;
use http::HeaderValue;
use http::header::{CONNECTION, TRANSFER_ENCODING};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::middleware::peer::Peer;
use crate::supervise::Tasks;
pub use accept::Acceptor;
use head::{MAX_HEAD, MAX_HEADERS};
use patience::Patience;
use strict::Strict;

/// A client has this long to send its head; also how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// A client that takes nothing of its answer for this long is gone, and what waits for it is memory.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// Most connections a listener serves at once; others wait in the system's queue.
const MAX_CONNECTIONS: usize = 10_000;
/// A proxy may have sent a request on a kept connection before it can know that the service ends; so long
/// such a request is still answered, before connections without one are closed.
const SETTLE_TIMEOUT: Duration = Duration::from_millis(500);

/// A bound address with what it serves.
pub struct Listener {
    /// `site`, `api` or `ops`.
    pub name: &'static str,
    /// Where it was bound.
    pub address: SocketAddr,
    socket: TcpListener,
    router: Router,
}

impl Listener {
    /// Binds the address; port 0 picks a free one.
    pub async fn bind(
        name: &'static str,
        address: SocketAddr,
        router: Router,
    ) -> anyhow::Result<Self> {
        let context = || format!("could not listen on {address} for the {name} (--{name})");
        let socket = TcpListener::bind(address).await.with_context(context)?;
        let address = socket.local_addr().with_context(context)?;
        Ok(Self { name, address, socket, router })
    }

    /// Serves until the token is cancelled, then lets running requests end, at most for `grace`. Returns
    /// at once when the socket does not listen any more.
    pub async fn serve(self, stop: CancellationToken, grace: Duration) {
        let mut acceptor = Acceptor::new(self.name, self.socket, MAX_CONNECTIONS);
        let (graceful, connections) = (GracefulShutdown::new(), Tasks::default());
        while let Some(accepted) = stop.run_until_cancelled(acceptor.next()).await {
            let Ok((stream, peer, permit)) = accepted else { return };
            // Fails when the client is gone already, which the connection will find out.
            let _delayed = stream.set_nodelay(true);
            let serving = connection(stream, peer, self.router.clone(), stop.clone());
            let serving = graceful.watch(serving);
            connections.spawn("connection", async move {
                // What goes wrong here is the client's going away, or its bad HTTP.
                if let Err(error) = serving.await {
                    tracing::debug!(client.address = %peer.ip(), error.message = %error, "connection ended");
                }
                drop(permit);
            });
        }
        drop(acceptor);
        // Ends at once when every connection has ended.
        let _others_are_closed = connections.finish(SETTLE_TIMEOUT.min(grace)).await;
        if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
            tracing::warn!(
                listener.name = self.name,
                "requests were cut off at the end of the grace"
            );
        }
    }
}

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) -> http1::Connection<
    TokioIo<Strict<Patience<TcpStream>>>,
    impl hyper::service::HttpService<
        Incoming,
        ResBody = axum::body::Body,
        Error = std::convert::Infallible,
        Future: Send,
    > + Send,
> {
    let (stream, verdict) = Strict::new(Patience::new(stream, WRITE_TIMEOUT));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(Peer(peer));
        if let Some(refusal) = verdict.next() {
            request.extensions_mut().insert(refusal);
        }
        // Nothing is read behind chunks: where they end is not checked by us.
        let is_last = request.headers().contains_key(TRANSFER_ENCODING);
        let answer = router.clone().oneshot(request);
        let stop = stop.clone();
        async move {
            let mut response = answer.await?;
            if is_last || stop.is_cancelled() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response)
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
}
