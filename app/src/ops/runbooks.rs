//! The runbooks of the alerts, in the binary: a notification links here, and whoever reads it should not
//! have to find a repository first. No log-in stands before them; they hold no secret and no figure.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use rust_embed::RustEmbed;

use crate::error::AppError;

#[derive(RustEmbed)]
#[folder = "../alerts/runbooks"]
struct Runbooks;

/// `GET /runbooks/{alert}`: the page as it is written.
pub async fn get(Path(alert): Path<String>) -> Result<Response, AppError> {
    // Pages link to each other by the names of their files.
    let alert = alert.trim_end_matches(".md");
    let page = Runbooks::get(&format!("{alert}.md")).ok_or(AppError::NotFound)?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], page.data).into_response())
}
