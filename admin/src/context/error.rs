//! How a page fails: what the person is told, and with which status. A bad query is never an error.

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use logsearch::error_chain;
use logsearch::store::{StoreError, StoreErrorKind};

use crate::host::HostError;

/// A failed page. The `protect` layer gives it its body.
#[derive(Debug, thiserror::Error)]
pub enum PanelError {
    /// No such page, record or request.
    #[error("Page not found. If it showed a record, the record may have passed its retention.")]
    NotFound,
    /// Looking is allowed, this is not.
    #[error("This requires the operator role.")]
    Forbidden,
    /// The request came from another site.
    #[error("This request came from another site and was blocked.")]
    CrossSite,
    /// The form makes no sense; the sentence says why.
    #[error("{0}")]
    Invalid(String),
    /// The form is longer than any that makes sense.
    #[error("The form is too large; nothing was changed.")]
    TooLarge,
    /// Too many attempts; again after so many seconds.
    #[error("Too many attempts; try again in {0} seconds.")]
    Throttled(u64),
    /// Too many streams.
    #[error("Too many live tails are open; close one and try again.")]
    TooMany,
    /// The store could not answer.
    #[error("Log search failed: {0}")]
    Store(#[from] StoreError),
    /// It cannot be done as things are; the sentence says why.
    #[error("{0}")]
    Refused(String),
    /// The service around the panel could not answer.
    #[error("The service did not respond. The change may not have been applied.")]
    Host(#[from] HostError),
    /// A defect of ours.
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
            Self::TooMany | Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Refused(_) => StatusCode::CONFLICT,
            Self::Host(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(error) if error.kind != StoreErrorKind::Internal => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Store(_) | Self::Template(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The sentence, left on the response for the layer that makes the page.
#[derive(Clone, Debug)]
pub struct ErrorText(pub String);

impl PanelError {
    /// The sentence for the person, after the causes went to the log.
    pub fn reported(&self) -> String {
        if matches!(self, Self::Store(_) | Self::Template(_) | Self::Host(_)) {
            tracing::error!(error.message = error_chain(self), "panel page failed");
        }
        self.to_string()
    }
}

impl IntoResponse for PanelError {
    fn into_response(self) -> Response {
        let text = self.reported();
        let mut response = self.status().into_response();
        if let Self::Throttled(seconds) = self {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(ErrorText(text));
        response
    }
}
