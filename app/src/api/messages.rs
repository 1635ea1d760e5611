//! Listing and posting messages.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::command::{Limit, existing_name};
use super::json;
use crate::db::Asking;
use crate::domain::{self, MessageText, Page};
use crate::error::{ApiError, AppError};
use crate::metrics::{self, Model, Surface};
use crate::state::AppState;

/// A message as the API lists it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// The text.
    #[schema(example = "Hello, world")]
    content: String,
    /// Seconds since the Unix epoch.
    #[schema(example = 1_582_246_860)]
    pub_date: i64,
    /// The author's username.
    #[schema(example = "Roger Histand")]
    user: String,
}

impl From<domain::Message> for Message {
    fn from(message: domain::Message) -> Self {
        let pub_date = message.pub_date.div_euclid(1_000_000);
        Self { content: message.text, pub_date, user: message.author }
    }
}

/// What is posted.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Post {
    /// The text; may be empty.
    #[schema(example = "Hello, world", max_length = 280)]
    content: String,
}

/// List the latest messages
#[utoipa::path(get, path = "/msgs", tag = "simulator", security(("simulator" = [])),
    params(
        ("no" = Option<i64>, Query, description = "Maximum number of results, 0 to 10,000; default 100"),
        ("latest" = Option<i64>, Query, description = "ID of this command, returned by /latest"),
    ),
    responses(
        (status = 200, description = "Newest first", body = Vec<Message>),
        (status = 403, description = "Missing or wrong credentials", body = ApiError),
    ))]
pub async fn list(
    State(state): State<AppState>,
    limit: Limit,
) -> Result<Json<Vec<Message>>, AppError> {
    let messages = state.db.public_timeline(Page::default(), limit.0).await?;
    Ok(Json(messages.into_iter().map(Message::from).collect()))
}

/// List the latest messages of one user
#[utoipa::path(get, path = "/msgs/{username}", tag = "simulator", security(("simulator" = [])),
    params(
        ("username" = String, Path, description = "The author"),
        ("no" = Option<i64>, Query, description = "Maximum number of results, 0 to 10,000; default 100"),
        ("latest" = Option<i64>, Query, description = "ID of this command, returned by /latest"),
    ),
    responses(
        (status = 200, description = "Newest first", body = Vec<Message>),
        (status = 403, description = "Missing or wrong credentials", body = ApiError),
        (status = 404, description = "Unknown user", body = ApiError),
    ))]
pub async fn list_of_user(
    State(state): State<AppState>,
    Path(username): Path<String>,
    limit: Limit,
) -> Result<Json<Vec<Message>>, AppError> {
    let username = existing_name(&state, username).await?;
    let timeline =
        state.db.author_timeline(&username, Asking::program(), Page::default(), limit.0).await?;
    let messages = timeline.ok_or(AppError::NotFound)?.messages;
    Ok(Json(messages.into_iter().map(Message::from).collect()))
}

/// Post a message as a user
#[utoipa::path(post, path = "/msgs/{username}", tag = "simulator", security(("simulator" = [])),
    request_body = Post,
    params(
        ("username" = String, Path, description = "The author"),
        ("latest" = Option<i64>, Query, description = "ID of this command, returned by /latest"),
    ),
    responses(
        (status = 204, description = "Posted"),
        (status = 400, description = "No content given, or invalid JSON", body = ApiError),
        (status = 403, description = "Missing or wrong credentials", body = ApiError),
        (status = 404, description = "Unknown user", body = ApiError),
    ))]
pub async fn post(
    State(state): State<AppState>,
    Path(username): Path<String>,
    json::Json(body): json::Json<Post>,
) -> Result<StatusCode, AppError> {
    let text = MessageText::parse(&body.content).map_err(|e| AppError::Invalid(e.to_string()))?;
    let username = existing_name(&state, username).await?;
    if !state.db.post_message(&username, &text, state.clock.now()).await? {
        return Err(AppError::NotFound);
    }
    metrics::inserted(Model::Message, Surface::Api);
    Ok(StatusCode::NO_CONTENT)
}
