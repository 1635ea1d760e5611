//! Whether requests of a connection are still being answered, which the bodies of the answers know and the
//! stream has to.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};

/// How many requests were let through and have no whole answer yet. There are two when a client sends the
/// second without waiting for the first answer, and never more.
#[derive(Clone, Debug, Default)]
pub struct Answering(Arc<AtomicUsize>);

impl Answering {
    /// A request was let through.
    pub fn begin(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether there is a request whose answer has not been handed over whole.
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }

    /// The body of the answer to one of them, which ends it when it is dropped: read to its end, or given
    /// up.
    pub fn body(&self, body: Body) -> AnswerBody {
        AnswerBody { body, answering: self.clone() }
    }
}

/// A body that says when it has ended.
#[derive(Debug)]
pub struct AnswerBody {
    body: Body,
    answering: Answering,
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.answering.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
