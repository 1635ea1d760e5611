//! A small HTTP client: one request, one connection. For the health check and the simulator, which
//! are about this one program; it knows no TLS and follows no redirect.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Most bytes of an answer.
const MAX_ANSWER: usize = 1024 * 1024;

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Not connected in time.
    #[error("no connection in time")]
    ConnectTimeout,
    /// Connected, but nothing came in time.
    #[error("no answer in time")]
    ReadTimeout,
    /// Refused, reset or closed early.
    #[error("{0}")]
    Connection(String),
}

impl Failure {
    fn connection(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        Self::Connection(text)
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
    let stream = TokioIo::new(stream.map_err(|error| Failure::connection(&error))?);
    let handshake = hyper::client::conn::http1::handshake(stream).await;
    let (mut sender, connection) = handshake.map_err(|error| Failure::connection(&error))?;
    // It ends with the exchange: nobody else uses it.
    let driving = tokio::spawn(connection);
    let answer = exchange(&mut sender, request, patience).await;
    driving.abort();
    answer
}

async fn exchange(
    sender: &mut hyper::client::conn::http1::SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
    patience: Duration,
) -> Result<Answer, Failure> {
    let head = timeout(patience, sender.send_request(request)).await;
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
