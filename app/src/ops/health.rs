//! Whether the process lives, and whether it should get requests.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use serde::Serialize;

use crate::db::Fault;
use crate::middleware::errors::OwnBody;
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
    /// Whether the service waits for its database since its start.
    starting: bool,
    draining: bool,
    /// `ok` or `unreachable`.
    database: &'static str,
    /// `ok`, or why the database cannot be read.
    reads: String,
    /// `ok`, or why it takes no writes.
    writes: String,
    version: &'static str,
}

impl Readiness {
    /// Ready is what can read and write its database, has started, and is not going down.
    fn of(state: &AppState) -> Self {
        let health = state.db.health();
        let (reads, writes) = (health.reads(), health.writes());
        let (starting, draining) = (state.starting.is_on(), state.draining.is_on());
        Self {
            ready: writes.is_none() && !starting && !draining,
            starting,
            draining,
            database: if reads.is_none() { "ok" } else { "unreachable" },
            reads: word(reads),
            writes: word(writes),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

fn word(fault: Option<Fault>) -> String {
    fault.map_or_else(|| "ok".to_owned(), |fault| format!("failing: {}", fault.text()))
}

/// `GET /readyz`: 200 when requests can be served, 503 when not or when the service is going down. Says what
/// the last look at the database found, and waits for nothing.
pub async fn ready(State(state): State<AppState>) -> Response {
    let readiness = Readiness::of(&state);
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    // The reason is what somebody asks for; the page of any other error would hide it.
    (status, Extension(OwnBody), Json(readiness)).into_response()
}
