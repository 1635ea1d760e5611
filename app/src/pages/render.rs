//! From a template to an answer.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};

use crate::error::AppError;
use crate::middleware::session::FlashesShown;

/// The page, which has shown what it was told to show once.
pub fn render(page: &impl Template) -> Result<Response, AppError> {
    let mut response = Html(page.render()?).into_response();
    response.extensions_mut().insert(FlashesShown);
    Ok(response)
}
