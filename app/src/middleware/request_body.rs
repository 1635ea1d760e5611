//! How long a request waited for its client: a service that waits for the rest of a body is not late.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;

/// The time a request spent waiting for parts of its body. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct ClientWait(Arc<Mutex<Waited>>);

#[derive(Debug, Default)]
struct Waited {
    total: Duration,
    since: Option<Instant>,
}

impl ClientWait {
    /// The request with a body whose waits are added up here.
    pub fn observe(&self, request: Request) -> Request {
        request.map(|body| {
            if hyper::body::Body::is_end_stream(&body) {
                body
            } else {
                Body::new(WaitingBody { body, wait: self.clone() })
            }
        })
    }

    /// All waits so far, that of this moment included.
    pub fn total(&self) -> Duration {
        let waited = self.0.lock();
        waited.total + waited.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn polled(&self, is_pending: bool) {
        let mut waited = self.0.lock();
        if is_pending {
            waited.since.get_or_insert_with(Instant::now);
        } else if let Some(since) = waited.since.take() {
            waited.total += since.elapsed();
        }
    }
}

struct WaitingBody {
    body: Body,
    wait: ClientWait,
}

impl hyper::body::Body for WaitingBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.wait.polled(frame.is_pending());
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
