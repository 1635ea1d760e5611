//! Listeners: accepting, the limits of connections, and ending them gently.
//!
//! An accept loop of our own, because the framework's installs no timer and so never closes a client
//! that does not finish its head. And a stream of our own below the server library, which is lenient
//! where two parties could read one request differently:
//!
//! ```text
//! Acceptor ─ TcpStream ─ TimeoutWriter ─ Strict ──── requests that read one way ────→ hyper ─→ Router
//!                                          │ ↑                                          │
//!                                          │ └─ Answering: the answer is over ──────────┘
//!                                          │
//!                                          └─ one that does not: `Refused` ─→ Router, with a `Refusal`
//!                                                   the answer as bytes, the last ←─┘
//! ```
//!
//! A refused request never reaches the server library. The stream ends for it, when the answers to the
//! requests in front are sent, and the server shuts the stream down; then the router is asked for the
//! answer, which it records, counts and dresses as every other, and the stream writes it.

mod accept;
mod answering;
mod head;
mod refusal;
mod strict;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use futures_util::FutureExt;
use http::HeaderValue;
use http::header::{CONNECTION, CONTENT_TYPE, TRANSFER_ENCODING};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutWriter;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::supervise::Tasks;
use answering::Answering;
use head::{MAX_HEAD, MAX_HEADERS};
use strict::Strict;

pub use accept::Acceptor;
pub use head::Refusal;

/// The other end of the connection, put on each request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// A client has this long to send its head; also how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// A client that takes nothing of its answer for this long is gone, and what waits for it is memory.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// Most connections a listener serves at once; others wait in the system's queue.
const MAX_CONNECTIONS: usize = 10_000;
/// Open files that no connection may take: those of databases, log index, write-ahead log and metrics.
const FILE_RESERVE: u64 = 256;
/// A proxy may have sent a request on a kept connection before it can know that the service ends; so long
/// such a request is still answered, before connections without one are closed.
const SETTLE_TIMEOUT: Duration = Duration::from_millis(500);

/// A bound listener with its router.
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
        let mut acceptor = Acceptor::new(self.name, self.socket, max_connections(self.name));
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
                    tracing::debug!(client.address = %peer.ip(), error.message = %error, "connection failed");
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
                "aborted running requests after the shutdown grace period"
            );
        }
    }
}

/// Most connections of a listener: what the limit of open files leaves beside the reserve for databases and
/// logs, an eighth of it for operators, the rest for site and API in equal parts.
fn max_connections(name: &str) -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if limit < 2 * FILE_RESERVE {
        // Too few for any share; the service gets along with what the system gives.
        return MAX_CONNECTIONS;
    }
    let room = limit - FILE_RESERVE;
    let share = if name == "ops" { room / 8 } else { room / 16 * 7 };
    usize::try_from(share).unwrap_or(MAX_CONNECTIONS).clamp(1, MAX_CONNECTIONS)
}

fn is_event_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"text/event-stream"))
}

/// What the server library sees of a client. Boxed, because a timeout stays where it is.
type ClientStream = Strict<Pin<Box<TimeoutWriter<TcpStream>>>>;

/// A connection with the timers and limits of the server, and the strictness of ours in front.
fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) -> http1::Connection<
    TokioIo<ClientStream>,
    impl HttpService<Incoming, ResBody = Body, Error = Infallible, Future: Send> + Send,
> {
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(WRITE_TIMEOUT));
    let answering = Answering::default();
    let for_refusals = router.clone();
    let refuse = move |refused| refusal::answer(for_refusals, peer, refused).boxed();
    let stream = Strict::new(Box::pin(stream), answering.clone(), Box::new(refuse));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        // Nothing is read behind chunks: where they end is not checked by us.
        let is_last = request.headers().contains_key(TRANSFER_ENCODING);
        let answer = router.clone().oneshot(request);
        let (stop, answering) = (stop.clone(), answering.clone());
        async move {
            let mut response = answer.await?;
            if is_last || stop.is_cancelled() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            if is_event_stream(&response) {
                answering.go_on();
            }
            Ok(response.map(|body| answering.body(body)))
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
}
