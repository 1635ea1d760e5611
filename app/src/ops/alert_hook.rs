//! Where alerting systems leave their notifications: outside the guard of the panel, because a program
//! has no session, and behind a token of its own. Nothing here waits for the database: the inbox takes
//! what is valid, and the same notification twice changes nothing.

use std::sync::Arc;
use std::time::Duration;

use admin::Alert;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::alerts::AlertInbox;
use crate::auth::AlertToken;
use crate::body;
use crate::clock::Clock;
use crate::domain::{Notification, parse_notification};
use crate::error::AppError;

/// Where notifications go.
pub const PATH: &str = "/admin/api/alerts";
/// Largest notification, in bytes. A receiver with `max_alerts: 500` stays below.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// Largest notification that is signed, in bytes: it is read before anything is known of its sender.
const MAX_SIGNED: usize = 512 * 1024;
/// Signed notifications that are read at once; more wait.
const SIGNED: usize = 8;
/// The longest a notification may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(10);
/// Where Grafana puts a signature, and the time it signs along when its settings name this header.
const SIGNATURE: &str = "x-grafana-alerting-signature";
const SIGNED_AT: &str = "x-grafana-alerting-timestamp";

/// What the sender is told.
#[derive(Serialize)]
struct Received {
    stored: usize,
    /// Number of alerts that are invalid.
    #[serde(skip_serializing_if = "is_zero")]
    rejected: usize,
    /// Why, for the first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
    /// Number of alerts that were left out.
    #[serde(skip_serializing_if = "is_zero")]
    left_out: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// What the handler needs. Cheap to clone.
#[derive(Clone)]
pub struct AlertHook {
    inbox: AlertInbox,
    token: AlertToken,
    clock: Clock,
    signed: Arc<Semaphore>,
}

impl AlertHook {
    /// Over an inbox, for whoever knows the token.
    pub fn new(inbox: AlertInbox, token: AlertToken, clock: Clock) -> Self {
        Self { inbox, token, clock, signed: Arc::new(Semaphore::new(SIGNED)) }
    }

    async fn receive(&self, headers: &HeaderMap, body: Body) -> Result<Notification, AppError> {
        let bytes = self.read(headers, body).await?;
        let notification = parse_notification(&bytes, self.clock.now()).map_err(|error| {
            self.inbox.note_rejected(&error.to_string());
            AppError::Invalid(error.to_string())
        })?;
        let received = self.inbox.receive(&notification).await;
        received.map_err(|full| AppError::Unavailable(full.into()))?;
        notification.alerts.iter().for_each(record);
        Ok(notification)
    }

    /// The body, if its sender knows the token. What can be rejected without the body is not read.
    async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, AppError> {
        let header = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
        match (header(AUTHORIZATION.as_str()), header(SIGNATURE)) {
            (Some(bearer), _) if self.token.allows(bearer) => {
                read_in_time(headers, body, MAX_BODY).await
            }
            (None, Some(signature)) => {
                let signed_at = header(SIGNED_AT).unwrap_or_default();
                if !AlertToken::is_recent(signed_at, self.clock.now() / 1_000_000) {
                    return Err(AppError::Unauthorized);
                }
                let place = tokio::time::timeout(ARRIVAL, self.signed.acquire()).await;
                let _place = place.map_err(|_| AppError::Busy)?;
                let bytes = read_in_time(headers, body, MAX_SIGNED).await?;
                let is_signed = self.token.signed(signature, signed_at, &bytes);
                is_signed.then_some(bytes).ok_or(AppError::Unauthorized)
            }
            _ => Err(AppError::Unauthorized),
        }
    }
}

async fn read_in_time(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes, AppError> {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|size| size > most as u64) {
        return Err(AppError::TooLarge);
    }
    let read = tokio::time::timeout(ARRIVAL, body::read_at_most(body, most)).await;
    read.unwrap_or(Err(AppError::SlowBody))
}

/// `POST /admin/api/alerts`.
pub async fn post(State(hook): State<AlertHook>, headers: HeaderMap, body: Body) -> Response {
    match hook.receive(&headers, body).await {
        Ok(notification) => Json(Received {
            stored: notification.alerts.len(),
            rejected: notification.rejected,
            reasons: notification.reasons,
            left_out: notification.left_out,
        })
        .into_response(),
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

/// So that logs and alerts can be read in one line of time.
fn record(alert: &Alert) {
    let severity = alert.label("severity");
    if alert.is_evaluation_failure() {
        let reason = alert.label("alertname");
        tracing::info!(
            alert.name = alert.rule,
            alert.severity = severity,
            "rule not evaluated: {reason}"
        );
    } else if alert.ended.is_some() {
        tracing::info!(alert.name = alert.rule, alert.severity = severity, "alert resolved");
    } else {
        tracing::info!(alert.name = alert.rule, alert.severity = severity, "alert firing");
    }
}
