//! Errors of pages, with the message for the operator and the status. An invalid query is never an
//! error.

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use logsearch::error_chain;
use logsearch::store::{StoreError, StoreErrorKind};

use crate::host::HostError;

/// Why a page failed. The error page layer renders the body.
#[derive(Debug, thiserror::Error)]
pub enum PanelError {
    /// The page, record or request does not exist.
    #[error("Page not found. If it showed a record, the record may have passed its retention.")]
    NotFound,
    /// The role of the operator does not allow this.
    #[error("This requires the operator role.")]
    Forbidden,
    /// The request came from another site.
    #[error("This request came from another site and was blocked.")]
    CrossSite,
    /// The form is invalid; the message says why.
    #[error("{0}")]
    Invalid(String),
    /// The form exceeds the size limit.
    #[error("The form is too large; nothing was changed.")]
    TooLarge,
    /// Too many attempts; retry after this many seconds.
    #[error("Too many attempts; try again in {0} seconds.")]
    Throttled(u64),
    /// A limit of what may be under way at once is reached; this is under way.
    #[error("Too many {0}; wait for one to end, or close it, and try again.")]
    TooMany(&'static str),
    /// The log store failed.
    #[error("Log search failed: {0}")]
    Store(#[from] StoreError),
    /// The change conflicts with the current state; the message says why.
    #[error("{0}")]
    Refused(String),
    /// The host failed.
    #[error("The service did not respond. The change may not have been applied.")]
    Host(#[from] HostError),
    /// A template failed to render, which is a bug.
    #[error("Could not render the page.")]
    Template(#[from] askama::Error),
}

impl PanelError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany(_) | Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Refused(_) => StatusCode::CONFLICT,
            Self::Host(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(error) if error.kind != StoreErrorKind::Internal => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Store(_) | Self::Template(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The message for the operator, stored in the response extensions for the error page layer.
#[derive(Clone, Debug)]
pub struct ErrorText(pub String);

impl PanelError {
    /// Logs the error chain if the service is at fault; `Display` is the message for the operator.
    pub fn log(&self) {
        let is_indexing =
            matches!(self, Self::Store(error) if error.kind == StoreErrorKind::Indexing);
        let is_failure = matches!(self, Self::Store(_) | Self::Template(_) | Self::Host(_));
        if is_failure && !is_indexing {
            tracing::error!(error.message = error_chain(self), "panel page failed");
        }
    }
}

impl IntoResponse for PanelError {
    fn into_response(self) -> Response {
        self.log();
        let mut response = self.status().into_response();
        if let Self::Throttled(seconds) = self {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(ErrorText(self.to_string()));
        response
    }
}
