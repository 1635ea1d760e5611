//! Where alerting systems leave their notifications: outside the guard of the panel, because a program
//! has no session, and behind a token of its own. What cannot be stored is refused, so that the sender
//! tries again; the same notification twice changes nothing.

use admin::Alert;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

use crate::auth::AlertToken;
use crate::body;
use crate::clock::micros;
use crate::domain::parse_notification;
use crate::error::AppError;
use crate::state::AppState;

/// Where notifications go.
pub const PATH: &str = "/admin/api/alerts";
/// Largest notification, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// Alerts kept, and for how long after the last notification of each.
const KEEP: i64 = 5_000;
const KEEP_FOR: std::time::Duration = std::time::Duration::from_hours(90 * 24);
/// Where Grafana puts a signature, and the time it signs along when its settings name this header.
const SIGNATURE: &str = "x-grafana-alerting-signature";
const SIGNED_AT: &str = "x-grafana-alerting-timestamp";

/// What the sender is told.
#[derive(Serialize)]
struct Stored {
    stored: usize,
}

/// `POST /admin/api/alerts`.
pub async fn post(
    State((state, token)): State<(AppState, AlertToken)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match receive(&state, &token, &headers, body).await {
        Ok(stored) => Json(Stored { stored }).into_response(),
        Err(error) => {
            let mut response = error.into_response();
            if response.status() == StatusCode::UNAUTHORIZED {
                let scheme = HeaderValue::from_static("Bearer realm=\"alerts\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
            }
            response
        }
    }
}

async fn receive(
    state: &AppState,
    token: &AlertToken,
    headers: &HeaderMap,
    body: Body,
) -> Result<usize, AppError> {
    let header = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let now = state.clock.now();
    let (bearer, signature) = (header(AUTHORIZATION.as_str()), header(SIGNATURE));
    let bytes = match (bearer, signature) {
        (Some(bearer), _) if token.allows(bearer) => body::read_at_most(body, MAX_BODY).await?,
        (None, Some(signature)) => {
            let bytes = body::read_at_most(body, MAX_BODY).await?;
            if !token.signed(signature, header(SIGNED_AT), &bytes, now / 1_000_000) {
                return Err(AppError::Unauthorized);
            }
            bytes
        }
        _ => return Err(AppError::Unauthorized),
    };
    let alerts =
        parse_notification(&bytes, now).map_err(|error| AppError::Invalid(error.to_string()))?;
    for alert in &alerts {
        state.db.store_alert(alert).await?;
        record(alert);
    }
    state.db.delete_old_alerts(now - micros(KEEP_FOR), KEEP).await?;
    Ok(alerts.len())
}

/// So that logs and alerts can be read in one line of time.
fn record(alert: &Alert) {
    let severity = alert.label("severity");
    if alert.ended.is_some() {
        tracing::info!(alert.name = alert.rule, alert.severity = severity, "alert resolved");
    } else {
        tracing::info!(alert.name = alert.rule, alert.severity = severity, "alert firing");
    }
}
