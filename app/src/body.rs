//! Reading a request's body: bounded in size, and in the time that all of it may take. Memory grows with what
//! has come, whatever length was announced.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;

use crate::error::AppError;
use crate::request_profile;

/// Largest body, in bytes: a form or a message is far below.
const MAX: usize = 64 * 1024;
/// Longest time from the head to the end of the body, below the time limit of requests: who is slow gets 408,
/// which is no failure of the service.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The whole body of a form or a message.
pub async fn read(body: Body) -> Result<Bytes, AppError> {
    read_at_most(body, MAX).await
}

/// The whole body, of at most so many bytes.
pub async fn read_at_most(mut body: Body, most: usize) -> Result<Bytes, AppError> {
    let _stage = request_profile::stage("read body");
    // The client announces more than is read.
    if body.size_hint().lower() > most as u64 {
        return Err(AppError::TooLarge);
    }
    let deadline = tokio::time::Instant::now() + TIMEOUT;
    let mut bytes = Vec::new();
    loop {
        let Ok(frame) = tokio::time::timeout_at(deadline, body.frame()).await else {
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
