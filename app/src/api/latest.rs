//! The last command that was processed.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::AppError;
use crate::state::AppState;

/// Response of `GET /latest`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Latest {
    /// ID of the last command processed, -1 before the first. Not a count or a maximum: the last command wins.
    #[schema(example = 1337)]
    latest: i64,
}

/// Get the ID of the last command
#[utoipa::path(get, path = "/latest", tag = "simulator", responses(
    (status = 200, body = Latest),
))]
pub async fn get(State(state): State<AppState>) -> Result<Json<Latest>, AppError> {
    Ok(Json(Latest { latest: state.db.latest().await?.unwrap_or(-1) }))
}
