//! Following and unfollowing, by form, and by link for the course's tests.

use axum::extract::{Path, State};

use crate::db::Followed;
use crate::domain::Flash;
use crate::error::AppError;
use crate::links;
use crate::metrics::{self, Model, Surface};
use crate::middleware::session::{Found, SignedIn};
use crate::state::AppState;

/// `GET` or `POST /{username}/follow`.
pub async fn follow(
    State(state): State<AppState>,
    SignedIn(user): SignedIn,
    Path(username): Path<String>,
) -> Result<Found, AppError> {
    match state.db.follow(&user.username, &username, state.clock.now()).await? {
        Followed::UnknownUser => return Err(AppError::NotFound),
        Followed::Changed => metrics::inserted(Model::Follower, Surface::Web),
        Followed::Unchanged => {}
    }
    Ok(Found::at(links::user(&username)).saying(Flash::Followed(username)))
}

/// `GET` or `POST /{username}/unfollow`.
pub async fn unfollow(
    State(state): State<AppState>,
    SignedIn(user): SignedIn,
    Path(username): Path<String>,
) -> Result<Found, AppError> {
    match state.db.unfollow(&user.username, &username).await? {
        Followed::UnknownUser => return Err(AppError::NotFound),
        Followed::Changed => metrics::deleted(Model::Follower, Surface::Web, 1),
        Followed::Unchanged => {}
    }
    Ok(Found::at(links::user(&username)).saying(Flash::Unfollowed(username)))
}
