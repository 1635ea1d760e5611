//! The time before the database answers: site and API say so, the panel and the logs are there, and the database
//! is tried again. A process that ended instead would take the logs of the outage with it.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::RETRY_AFTER;
use logsearch::error_chain;

use crate::config::{ListenConfig, Surfaces};
use crate::db;
use crate::error::ErrorText;
use crate::listen::Listener;
use crate::middleware::errors;
use crate::supervise::Supervisor;

/// Pause between two tries.
const PAUSE: Duration = Duration::from_secs(1);
/// What runs when the database is there is a short answer at most.
const GRACE: Duration = Duration::from_millis(200);

/// Opens the database, however long it is away; `error` is why the first try failed. Fails at once for another
/// reason, such as a wrong password.
///
/// Until it is open site and API answer 503, with the time to come back.
pub async fn until_open<T, F>(
    config: &ListenConfig,
    mut error: anyhow::Error,
    open: impl Fn() -> F,
) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let listeners = Supervisor::default().group();
    for listener in bind(config).await? {
        listeners.spawn(listener.name, |stop| listener.serve(stop, GRACE));
    }
    tracing::warn!(error.message = error_chain(error.as_ref()), "waiting for the database");
    let result = loop {
        tokio::time::sleep(PAUSE).await;
        match open().await {
            Err(again) if db::away(&again).is_some() => error = again,
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
    Ok(listeners)
}

async fn unavailable() -> Response {
    let text = "The service is waiting for its database; try again in a moment";
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "2")]).into_response();
    response.extensions_mut().insert(ErrorText(text.to_owned()));
    response
}
