//! The last command that was processed.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::AppError;
use crate::state::AppState;

/// The answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Latest {
    /// Id of the last command, -1 before the first. Not a count and not a maximum: the last one wins.
    #[schema(example = 1337)]
    latest: i64,
}

/// The last command
#[utoipa::path(get, path = "/latest", tag = "simulator", responses(
    (status = 200, body = Latest),
))]
pub async fn get(State(state): State<AppState>) -> Result<Json<Latest>, AppError> {
    Ok(Json(Latest { latest: state.db.latest().await?.unwrap_or(-1) }))
}
