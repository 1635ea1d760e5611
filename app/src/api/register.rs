//! Registering a user.

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::json::Json;
use crate::accounts::{self, Registration};
use crate::error::{ApiError, AppError};
use crate::metrics::Surface;
use crate::state::AppState;

/// Who registers; a missing field counts as empty.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Register {
    /// At most 64 characters, no slash, no control or invisible characters; kept trimmed and in NFKC.
    #[serde(default)]
    #[schema(example = "Roger Histand", max_length = 64)]
    username: String,
    /// Email address; contains an `@`.
    #[serde(default)]
    #[schema(example = "roger@example.com", max_length = 254)]
    email: String,
    /// Password; must not be empty.
    #[serde(default)]
    #[schema(example = "correct horse", max_length = 1024)]
    pwd: String,
}

/// Register a user
///
/// Needs no credentials.
#[utoipa::path(post, path = "/register", tag = "simulator", request_body = Register,
    params(("latest" = Option<i64>, Query, description = "ID of this command, returned by /latest")),
    responses(
        (status = 204, description = "Registered"),
        (status = 400, description = "Invalid registration, or the username is already taken", body = ApiError),
        (status = 503, description = "Service busy; try again", body = ApiError),
    ))]
pub async fn post(
    State(state): State<AppState>,
    Json(body): Json<Register>,
) -> Result<StatusCode, AppError> {
    let registration = Registration {
        username: &body.username,
        email: &body.email,
        password: &body.pwd,
        repeated: None,
    };
    match accounts::register(&state, &registration, Surface::Api).await? {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(AppError::Invalid(error.to_string())),
    }
}
