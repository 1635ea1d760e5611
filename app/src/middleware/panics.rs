//! Panics of handlers: caught where the answer still gets its body.

use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::error::AppError;
use crate::metrics;

/// Layer that catches panics of handlers and returns 500.
pub async fn catch(request: Request, next: Next) -> Response {
    or_internal(next.run(request)).await
}

/// The answer, or an internal error in its place. The panic hook has logged what and where.
pub async fn or_internal(answer: impl Future<Output = Response>) -> Response {
    AssertUnwindSafe(answer).catch_unwind().await.unwrap_or_else(|_| {
        metrics::panic_caught();
        AppError::Internal(anyhow::anyhow!("a handler panicked")).into_response()
    })
}
