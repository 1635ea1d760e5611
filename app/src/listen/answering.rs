//! Whether requests of a connection are still being answered, which the bodies of the answers know and the
//! stream has to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::body::Body;
use http_body_util::BodyExt;

/// How many requests were let through and have no whole answer yet. There are two when a client sends the
/// second without waiting for the first answer, and never more.
#[derive(Clone, Debug, Default)]
pub struct Answering(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    answers: AtomicUsize,
    /// Whether the answer goes on as long as somebody listens.
    is_endless: AtomicBool,
}

impl Answering {
    /// A request was let through.
    pub fn begin(&self) {
        self.0.answers.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether there is a request whose answer has not been handed over whole.
    pub fn is_on(&self) -> bool {
        self.0.answers.load(Ordering::Acquire) > 0
    }

    /// Whether an answer has begun that goes on as long as somebody listens.
    pub fn is_endless(&self) -> bool {
        self.0.is_endless.load(Ordering::Acquire)
    }

    /// The answer that is about to be sent goes on as long as somebody listens.
    pub fn go_on(&self) {
        self.0.is_endless.store(true, Ordering::Release);
    }

    /// The body of the answer to one of them, which ends it when it is dropped: read to its end, or given
    /// up.
    pub fn body(&self, body: Body) -> Body {
        let end = AnswerEnd(self.clone());
        Body::new(body.inspect_frame(move |_| {
            let _kept = &end;
        }))
    }
}

/// Ends an answer when it is dropped.
struct AnswerEnd(Answering);

impl Drop for AnswerEnd {
    fn drop(&mut self) {
        self.0.0.answers.fetch_sub(1, Ordering::AcqRel);
    }
}
