//! A small HTTP client, over any stream. For the health check, the simulator and the commands that ask a
//! running service, which are all about this one program; it knows no TLS and follows no redirect.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use logsearch::error_chain;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// Most bytes of an answer.
const MAX_ANSWER: usize = 1024 * 1024;

/// A complete response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status of the response.
    pub status: StatusCode,
    /// Response body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Connecting timed out.
    #[error("connect timeout")]
    ConnectTimeout,
    /// Connected, but the response timed out.
    #[error("read timeout")]
    ReadTimeout,
    /// Refused, reset or closed early.
    #[error("{0}")]
    Connection(String),
}

impl Failure {
    fn connection(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Connection(error_chain(error))
    }
}

/// A connection for one request after the other; closed when it is dropped.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    _driver: AbortOnDropHandle<hyper::Result<()>>,
}

impl Connection {
    /// Over a connected stream.
    pub async fn open<S>(stream: S) -> hyper::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        let driver = AbortOnDropHandle::new(tokio::spawn(connection));
        Ok(Self { sender, _driver: driver })
    }

    /// Sends a request; the head of the answer, with a body to be read.
    pub async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        self.sender.send_request(request).await
    }
}

/// Sends a request over a connection of its own. `patience` bounds connecting, and every wait for
/// something to read, but not their sum.
pub async fn send(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
    patience: Duration,
) -> Result<Answer, Failure> {
    let connected = timeout(patience, TcpStream::connect(address)).await;
    let stream = connected.map_err(|_| Failure::ConnectTimeout)?;
    let stream = stream.map_err(|error| Failure::connection(&error))?;
    let connection = Connection::open(stream).await;
    let mut connection = connection.map_err(|error| Failure::connection(&error))?;
    let head = timeout(patience, connection.send(request)).await;
    let response = head.map_err(|_| Failure::ReadTimeout)?;
    let response = response.map_err(|error| Failure::connection(&error))?;
    let status = response.status();
    let mut frames = Limited::new(response.into_body(), MAX_ANSWER);
    let mut body = Vec::new();
    while let Some(frame) =
        timeout(patience, frames.frame()).await.map_err(|_| Failure::ReadTimeout)?
    {
        let frame = frame.map_err(|error| Failure::Connection(error.to_string()))?;
        body.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..]));
    }
    Ok(Answer { status, body: body.into() })
}
