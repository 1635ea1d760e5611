//! Finishes what was begun: a request that changes something runs in a task of its own, so that a
//! client that hangs up (the simulator does after 0.3 seconds) does not cancel it halfway. What the
//! client then does is as if the answer had been lost: the user exists, the message is there.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use super::panics;
use crate::error::AppError;
use crate::request_profile::RequestProfile;
use crate::state::AppState;

/// The layer. A panic becomes an error inside the task, where it is counted whether or not somebody still
/// waits.
pub async fn finish_changes(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let profile = RequestProfile::current();
    let handled = async move {
        match profile {
            Some(profile) => profile.scope(next.run(request)).await,
            None => next.run(request).await,
        }
    };
    let handled = panics::or_internal(handled).in_current_span();
    let response = state.tasks.spawn("change", handled).await;
    response.unwrap_or_else(|error| AppError::Unavailable(error.into()).into_response())
}
