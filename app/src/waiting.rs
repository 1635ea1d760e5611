//! The time before the database answers: the listeners are open and say so, logs are kept, and the database is
//! tried again. A process that ended instead would take the logs of the outage with it.

use std::future::Future;
use std::time::Duration;

use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::RETRY_AFTER;
use logsearch::error_chain;

use crate::config::{ListenConfig, Surfaces};
use crate::db;
use crate::error::ErrorText;
use crate::listen::Listener;
use crate::middleware::errors;
use crate::ops::{health, problem};
use crate::supervise::Supervisor;

/// Pause between two tries.
const PAUSE: Duration = Duration::from_secs(1);
/// What runs when the database is there is a short answer at most.
const GRACE: Duration = Duration::from_millis(200);

/// Opens the database, however long it is away. Fails at once for another reason, such as a wrong password.
///
/// Until it is open every listener of the role answers 503, with the time to come back; `/livez` of the ops
/// listener answers 200.
pub async fn until_open<T, F>(config: &ListenConfig, open: impl Fn() -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let mut error = match open().await {
        Err(error) if db::is_away(&error) => error,
        result => return result,
    };
    let listeners = Supervisor::default().group();
    for listener in bind(config).await? {
        listeners.spawn(listener.name, |stop| listener.serve(stop, GRACE));
    }
    tracing::warn!(error.message = error_chain(error.as_ref()), "waiting for the database");
    let result = loop {
        tokio::time::sleep(PAUSE).await;
        match open().await {
            Err(again) if db::is_away(&again) => error = again,
            result => break result,
        }
        tracing::debug!(
            error.message = error_chain(error.as_ref()),
            "still waiting for the database"
        );
    };
    // The service binds the same addresses.
    listeners.stop().await;
    result
}

async fn bind(config: &ListenConfig) -> anyhow::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    if matches!(config.role, Surfaces::All | Surfaces::Site) {
        let site = Router::new().fallback(unavailable).layer(from_fn(errors::pages));
        listeners.push(Listener::bind("site", config.site, site).await?);
    }
    if matches!(config.role, Surfaces::All | Surfaces::Api) {
        let api = Router::new().fallback(unavailable).layer(from_fn(errors::json));
        listeners.push(Listener::bind("api", config.api, api).await?);
    }
    let ops = Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(async || not_ready()))
        .fallback(unavailable)
        .layer(from_fn(problem::pages));
    listeners.push(Listener::bind("ops", config.ops, ops).await?);
    Ok(listeners)
}

fn not_ready() -> (StatusCode, Json<health::Readiness>) {
    (StatusCode::SERVICE_UNAVAILABLE, Json(health::Readiness::new(false, false)))
}

async fn unavailable() -> Response {
    let text = "The service is waiting for its database; try again in a moment";
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "2")]).into_response();
    response.extensions_mut().insert(ErrorText(text.to_owned()));
    response
}
