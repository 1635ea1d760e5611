//! Finishes what was begun: a request that changes something runs in a task of its own, so that a
//! client that hangs up (the simulator does after 0.3 seconds) does not cancel it halfway. What the
//! client then does is as if the answer had been lost: the user exists, the message is there.

use std::panic::resume_unwind;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use crate::error::AppError;
use crate::tally::Tally;

/// The layer.
pub async fn finish_changes(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let tally = Tally::current();
    let handled = async move {
        match tally {
            Some(tally) => tally.scope(next.run(request)).await,
            None => next.run(request).await,
        }
    };
    match tokio::spawn(handled.in_current_span()).await {
        Ok(response) => response,
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(error) => AppError::Unavailable(error.into()).into_response(),
    }
}
