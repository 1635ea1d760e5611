//! Whether the process lives, and whether it should get requests.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;

use crate::state::AppState;

/// `GET /livez`: the process answers. Says nothing about what it depends on, so that a supervisor does
/// not restart it for a database that is away.
pub async fn live() -> &'static str {
    "ok\n"
}

/// What `/readyz` answers.
#[derive(Debug, Serialize)]
pub struct Readiness {
    ready: bool,
    draining: bool,
    database: &'static str,
    version: &'static str,
}

/// `GET /readyz`: 200 when requests can be served, 503 when not or when the service is going down.
pub async fn ready(State(state): State<AppState>) -> (StatusCode, Json<Readiness>) {
    let draining = state.draining.is_on();
    let reachable = state.db.ping().await.is_ok();
    let ready = reachable && !draining;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let database = if reachable { "ok" } else { "unreachable" };
    (status, Json(Readiness { ready, draining, database, version: env!("CARGO_PKG_VERSION") }))
}
