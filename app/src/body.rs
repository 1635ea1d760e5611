//! Reading a request's body: bounded in size, and in the time between two pieces of it.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;

use crate::error::AppError;
use crate::request_profile;

/// Largest body, in bytes: a form or a message is far below.
const MAX: usize = 64 * 1024;
/// Maximum time between two reads from the client.
const IDLE: Duration = Duration::from_secs(10);

/// The whole body of a form or a message.
pub async fn read(body: Body) -> Result<Bytes, AppError> {
    read_at_most(body, MAX).await
}

/// The whole body, of at most so many bytes.
pub async fn read_at_most(mut body: Body, most: usize) -> Result<Bytes, AppError> {
    let _stage = request_profile::stage("read body");
    let mut bytes = Vec::new();
    loop {
        let Ok(frame) = tokio::time::timeout(IDLE, body.frame()).await else {
            return Err(AppError::SlowBody);
        };
        let Some(frame) = frame else { return Ok(bytes.into()) };
        let frame =
            frame.map_err(|_| AppError::Invalid("The request body is incomplete".to_owned()))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > most {
            return Err(AppError::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
}
