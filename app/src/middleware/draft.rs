//! What a visitor wrote, kept when it cannot be posted: too long, signed out meanwhile, a database that is away.
//! The page that says why has it in a form that tries again.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use http::Method;
use serde::Deserialize;

use crate::body;
use crate::error::AppError;

/// Where messages are posted to.
const PATHS: [&str; 2] = ["/add_message", "/api/add_message"];

/// The form of a message, as it came.
pub struct Draft(Bytes);

#[derive(Deserialize)]
struct Fields {
    text: String,
}

impl Draft {
    /// The text that was to be posted, if there is any.
    pub fn text(&self) -> Option<String> {
        let fields = serde_urlencoded::from_bytes::<Fields>(&self.0).ok()?;
        Some(fields.text).filter(|text| !text.is_empty())
    }
}

/// Keeps the form of a request that posts a message; other requests are passed on untouched.
///
/// # Errors
/// When the form does not arrive whole.
pub async fn keep(request: Request) -> Result<(Option<Draft>, Request), AppError> {
    if request.method() != Method::POST || !PATHS.contains(&request.uri().path()) {
        return Ok((None, request));
    }
    let (parts, body) = request.into_parts();
    let form = body::read(body).await?;
    let request = Request::from_parts(parts, Body::from(form.clone()));
    Ok((Some(Draft(form)), request))
}
