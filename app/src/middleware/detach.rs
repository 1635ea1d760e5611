//! Finishes what was begun: a request that changes something runs in a task of its own, so that a
//! client that hangs up (the simulator does after 0.3 seconds) does not cancel it halfway. What the
//! client then does is as if the answer had been lost: the user exists, the message is there.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use super::panics;
use crate::db::WaitBudget;
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
    let (profile, budget) = (RequestProfile::current(), WaitBudget::current());
    let handled = async move {
        match profile {
            Some(profile) => profile.scope(next.run(request)).await,
            None => next.run(request).await,
        }
    };
    let handled = async move {
        match budget {
            Some(budget) => budget.scope(handled).await,
            None => handled.await,
        }
    };
    let observed = RequestProfile::current();
    let finished = async move {
        let response = panics::or_internal(handled).await;
        if let Some(profile) = observed {
            profile.finished(response.status());
        }
        response
    };
    let response = state.tasks.spawn("change", finished.in_current_span()).await;
    response.unwrap_or_else(|error| AppError::Unavailable(error.into()).into_response())
}
