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

impl Readiness {
    /// Ready is what reaches its database and is not going down.
    pub fn new(reachable: bool, draining: bool) -> Self {
        let database = if reachable { "ok" } else { "unreachable" };
        Self {
            ready: reachable && !draining,
            draining,
            database,
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// `GET /readyz`: 200 when requests can be served, 503 when not or when the service is going down.
pub async fn ready(State(state): State<AppState>) -> (StatusCode, Json<Readiness>) {
    let readiness = Readiness::new(state.db.ping().await.is_ok(), state.draining.is_on());
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}
