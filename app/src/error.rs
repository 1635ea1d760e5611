//! How a request fails, decided in one table: status, sentence, and what is logged. The sentence is
//! made for the visitor; what happened inside goes to the log, once, here.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::RETRY_AFTER;
use logsearch::error_chain;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::{Busy, Throttled};
use crate::{db, metrics};

/// A failed request. `Err` of every handler; the error layer of the surface gives it its body.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The page, user or route does not exist.
    #[error("not found")]
    NotFound,
    /// The request requires a signed-in user.
    #[error("Sign in to do this")]
    Unauthorized,
    /// A cross-site request.
    #[error("This request came from another site and was blocked")]
    CrossSite,
    /// The simulator's credentials are missing or wrong; the message is fixed by the contract.
    #[error("You are not authorized to use this resource!")]
    BadCredentials,
    /// The request is invalid; the message says why.
    #[error("{0}")]
    Invalid(String),
    /// The body exceeds the size limit.
    #[error("The request is too large")]
    TooLarge,
    /// The body did not arrive in time.
    #[error("The request timed out before it arrived in full")]
    SlowBody,
    /// Too many attempts.
    #[error("Too many attempts; try again in {} seconds", .0.retry_after)]
    TooMany(Throttled),
    /// The limit of concurrent password hashes is reached. This is load shedding, not a failure.
    #[error("The service is busy; try again in a moment")]
    Busy,
    /// The service is temporarily unavailable.
    #[error("The service is busy; try again in a moment")]
    Unavailable(#[source] anyhow::Error),
    /// The database file was lost. Said once in the log when it was found, and not for each request.
    #[error("The service cannot store anything at the moment; try again later")]
    FileFault,
    /// The database is away, or takes no writes.
    #[error("The database is not available right now; try again in a moment")]
    Database(#[source] anyhow::Error),
    /// An internal error.
    #[error("Something went wrong on our end")]
    Internal(#[source] anyhow::Error),
}

/// The message for the visitor, stored in the response extensions for the layer that renders the
/// body.
#[derive(Clone, Debug)]
pub struct ErrorText(pub String);

/// Why a request failed, from a closed set of names. Stored in the response extensions; it becomes
/// `error.type` in the request's record.
#[derive(Clone, Copy, Debug)]
pub struct ErrorType(pub &'static str);

/// Counts a rejected request and stores its reason in the response extensions.
pub fn refused(reason: &'static str, answer: impl IntoResponse) -> Response {
    metrics::request_rejected(reason);
    let mut response = answer.into_response();
    response.extensions_mut().insert(ErrorType(reason));
    response
}

/// The body of every failed API request, in the format of the course.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiError {
    /// The HTTP status code.
    #[schema(example = 404)]
    pub status: u16,
    /// A human-readable error message.
    #[schema(example = "This user does not exist")]
    pub error_msg: String,
}

impl AppError {
    /// Status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::CrossSite | Self::BadCredentials => StatusCode::FORBIDDEN,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::FileFault | Self::Unavailable(_) | Self::Database(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Seconds to wait before retrying, for `Retry-After`.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooMany(throttled) => Some(throttled.retry_after),
            Self::Busy | Self::Unavailable(_) | Self::Database(_) => {
                Some(Duration::from_secs(1).as_secs())
            }
            Self::FileFault => Some(Duration::from_mins(1).as_secs()),
            _ => None,
        }
    }

    /// The reason for the metric of rejected requests, unless a handler rejected it.
    fn rejection(&self) -> Option<&'static str> {
        match self {
            Self::CrossSite => Some("csrf"),
            Self::BadCredentials => Some("bad_auth"),
            Self::TooLarge => Some("body_too_large"),
            Self::SlowBody => Some("timeout"),
            Self::TooMany(_) => Some("rate_limited"),
            Self::Busy => Some("overloaded"),
            _ => None,
        }
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        // Refusals are in the request's own record; only what is wrong with us needs another.
        if let Self::Internal(error) | Self::Unavailable(error) | Self::Database(error) = &self {
            tracing::error!(error.message = error_chain(error.as_ref()), "request failed");
        }
        let mut response = self.status().into_response();
        if let Some(reason) = self.rejection() {
            response = refused(reason, response);
        }
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        let text = match self {
            Self::NotFound => String::new(),
            error => error.to_string(),
        };
        response.extensions_mut().insert(ErrorText(text));
        response
    }
}

impl From<db::Error> for AppError {
    fn from(error: db::Error) -> Self {
        match error {
            db::Error::Unavailable(_) => Self::Database(error.into()),
            db::Error::FileFault(_) => Self::FileFault,
            db::Error::Taken(_) | db::Error::Other { .. } => Self::Internal(error.into()),
        }
    }
}

impl From<Busy> for AppError {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

impl From<anyhow::Error> for AppError {
    fn from(error: anyhow::Error) -> Self {
        if error.is::<Busy>() { Busy.into() } else { Self::Internal(error) }
    }
}

impl From<askama::Error> for AppError {
    fn from(error: askama::Error) -> Self {
        Self::Internal(error.into())
    }
}
