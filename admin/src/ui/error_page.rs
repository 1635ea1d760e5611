//! The error page, for errors of pages, the router and layers.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::layout::{Layout, Section};
use crate::access::operator::Operator;
use crate::context::error::ErrorText;
use crate::context::links::path;
use crate::context::panel::Panel;
use crate::context::params::Params;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    layout: Layout,
    status: StatusCode,
    text: String,
    /// Whether asking the same once more may help and does no harm.
    again: bool,
}

/// Gives errors a page: those of the pages, and those of the router, which say nothing themselves.
pub async fn errors(State(panel): State<Arc<Panel>>, request: Request, next: Next) -> Response {
    let operator = request.extensions().get::<Operator>().cloned();
    let params = Params::parse(request.uri().query().unwrap_or_default());
    let reads = request.method().is_safe();
    let mut response = next.run(request).await;
    let status = response.status();
    let text = response.extensions_mut().remove::<ErrorText>().map(|ErrorText(text)| text);
    let text = text.or_else(|| of_router(status).map(str::to_owned));
    let (Some(text), Some(operator)) = (text, operator) else { return response };
    let view = params.frame(panel.now());
    let layout = Layout::fixed(&panel, &operator, Section::None, "Error", path::LOGS, &view);
    let is_passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    let Ok(html) = (ErrorPage { layout, status, text, again: reads && is_passing }).render() else {
        return response;
    };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Response::from_parts(parts, html.into())
}

/// What a person is told about a refusal that no page made.
fn of_router(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::METHOD_NOT_ALLOWED => Some("This URL does not support the request method."),
        status if status.is_client_error() => Some("Bad request."),
        status if status.is_server_error() => Some("Could not render the page."),
        _ => None,
    }
}
