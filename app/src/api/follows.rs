//! Whom a user follows.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::command::{Action, Limit, existing_name};
use super::json;
use crate::db::Followed;
use crate::error::{ApiError, AppError};
use crate::metrics::{self, Model, Surface};
use crate::state::AppState;

/// The answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Follows {
    /// Usernames in the order of following.
    #[schema(example = json!(["Geoffrey Stieff"]))]
    follows: Vec<String>,
}

/// One of the two; with both, `follow` counts.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Change {
    /// Whom to follow.
    #[schema(example = "Geoffrey Stieff")]
    follow: Option<String>,
    /// Whom to follow no longer.
    unfollow: Option<String>,
}

/// Whom a user follows
#[utoipa::path(get, path = "/fllws/{username}", tag = "simulator", security(("simulator" = [])),
    params(
        ("username" = String, Path, description = "The follower"),
        ("no" = Option<i64>, Query, description = "Maximum number of results, 0 to 10,000; default 100"),
        ("latest" = Option<i64>, Query, description = "ID of this command, returned by /latest"),
    ),
    responses(
        (status = 200, body = Follows),
        (status = 403, description = "Missing or wrong credentials", body = ApiError),
        (status = 404, description = "Unknown user", body = ApiError),
    ))]
pub async fn list(
    State(state): State<AppState>,
    Path(username): Path<String>,
    limit: Limit,
) -> Result<Json<Follows>, AppError> {
    let username = existing_name(&state, username).await?;
    let follows = state.db.followed_by(&username, limit.0).await?.ok_or(AppError::NotFound)?;
    Ok(Json(Follows { follows }))
}

/// Follow or unfollow
///
/// Idempotent: following twice, or unfollowing a user who is not followed, succeeds.
#[utoipa::path(post, path = "/fllws/{username}", tag = "simulator", security(("simulator" = [])),
    request_body = Change,
    params(
        ("username" = String, Path, description = "The follower"),
        ("latest" = Option<i64>, Query, description = "ID of this command, returned by /latest"),
    ),
    responses(
        (status = 204, description = "Followed or unfollowed"),
        (status = 400, description = "Neither follow nor unfollow given, or invalid JSON", body = ApiError),
        (status = 403, description = "Missing or wrong credentials", body = ApiError),
        (status = 404, description = "Unknown user", body = ApiError),
    ))]
pub async fn post(
    State(state): State<AppState>,
    Path(username): Path<String>,
    json::Json(change): json::Json<Change>,
) -> Response {
    let unfollows = change.follow.is_none() && change.unfollow.is_some();
    let mut response = apply(&state, username, change).await.into_response();
    response.extensions_mut().insert(Action(if unfollows { "unfollow" } else { "follow" }));
    response
}

async fn apply(state: &AppState, username: String, change: Change) -> Result<StatusCode, AppError> {
    let username = &existing_name(state, username).await?;
    let followed = match (change.follow, change.unfollow) {
        (Some(whom), _) => {
            let whom = existing_name(state, whom).await?;
            let followed = state.db.follow(username, &whom, state.clock.now()).await?;
            if followed == Followed::Changed {
                metrics::inserted(Model::Follower, Surface::Api);
            }
            followed
        }
        (None, Some(whom)) => {
            let whom = existing_name(state, whom).await?;
            let followed = state.db.unfollow(username, &whom).await?;
            if followed == Followed::Changed {
                metrics::deleted(Model::Follower, Surface::Api, 1);
            }
            followed
        }
        (None, None) => {
            return Err(AppError::Invalid("The body must contain follow or unfollow".to_owned()));
        }
    };
    match followed {
        Followed::UnknownUser => Err(AppError::NotFound),
        Followed::Changed | Followed::Unchanged => Ok(StatusCode::NO_CONTENT),
    }
}
