//! From a template to an answer.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};

use crate::error::AppError;
use crate::middleware::session::FlashesShown;
use crate::request_profile;

/// The page, which has shown what it was told to show once.
pub fn render(page: &impl Template) -> Result<Response, AppError> {
    let stage = request_profile::stage("render");
    let html = page.render()?;
    drop(stage);
    let mut response = Html(html).into_response();
    response.extensions_mut().insert(FlashesShown);
    Ok(response)
}
