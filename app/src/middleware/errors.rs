//! Bodies for errors: every status from 400 up gets a page on the site and a small JSON on the API,
//! whether a handler, the router or the server's own checks refused.

use askama::Template;
use axum::Json;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE};

use super::draft;
use super::request_id::RequestId;
use super::session::Visit;
use crate::error::{ApiError, ErrorText};

/// A handler's own page with an error status, to be left alone.
#[derive(Clone, Copy, Debug)]
pub struct OwnBody;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    visit: Visit,
    status: StatusCode,
    heading: &'static str,
    text: String,
    /// Whether asking the same once more may help and does no harm.
    again: bool,
    /// The message that was not posted, to be tried again.
    draft: Option<String>,
    request_id: String,
}

/// The layer of the site.
pub async fn pages(request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<RequestId>().map(|id| id.id.clone());
    let reads = request.method().is_safe();
    let (draft, response) = match draft::keep(request).await {
        Ok((draft, request)) => (draft, next.run(request).await),
        Err(refusal) => (None, refusal.into_response()),
    };
    if needs_no_body(&response) {
        return response;
    }
    let status = response.status();
    let page = ErrorPage {
        draft: draft.and_then(|draft| draft.text()),
        visit: visit(&response),
        status,
        heading: heading(status),
        text: sentence(&response),
        // Only the log-in form has a limit, and that is a page, too.
        again: is_passing(status) && (reads || status == StatusCode::TOO_MANY_REQUESTS),
        request_id: request_id.unwrap_or_default(),
    };
    match page.render() {
        Ok(html) => with_body(response, Html(html).into_response()),
        Err(error) => {
            tracing::error!(error.message = %error, "could not render the error page");
            response
        }
    }
}

/// The layer of the API.
pub async fn json(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if needs_no_body(&response) { response } else { with_json(response) }
}

/// The refusal with a body for programs.
pub fn with_json(response: Response) -> Response {
    let status = response.status();
    let body = ApiError { status: status.as_u16(), error_msg: sentence(&response) };
    let body = Json(body).into_response();
    with_body(response, body)
}

/// Who visits. What is to be said once waits for a page that was asked for.
fn visit(response: &Response) -> Visit {
    let visit = response.extensions().get::<Visit>().cloned().unwrap_or_default();
    Visit { flashes: Vec::new(), ..visit }
}

/// Whether the same request may get another answer in a while.
pub fn is_passing(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

/// Whether it is no error, or an error with a body of its own.
pub fn needs_no_body(response: &Response) -> bool {
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    !is_error || response.extensions().get::<OwnBody>().is_some()
}

/// The message for an error response: that of the handler, or a default for its status.
pub fn sentence(response: &Response) -> String {
    let said = response.extensions().get::<ErrorText>().map(|text| text.0.clone());
    let said = said.filter(|text| !text.is_empty());
    said.unwrap_or_else(|| advice(response.status()).to_owned())
}

/// Replaces the body of an error response; keeps status, headers and extensions.
pub fn with_body(refusal: Response, body: Response) -> Response {
    let (mut parts, _) = refusal.into_parts();
    let (body_parts, body) = body.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    if let Some(kind) = body_parts.headers.get(CONTENT_TYPE) {
        parts.headers.insert(CONTENT_TYPE, kind.clone());
    }
    // An empty Allow header helps nobody.
    if parts.headers.get(ALLOW).is_some_and(http::HeaderValue::is_empty) {
        parts.headers.remove(ALLOW);
    }
    Response::from_parts(parts, body)
}

/// The heading of the error page for a status.
pub fn heading(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "Sign-in required",
        StatusCode::FORBIDDEN => "Access denied",
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::METHOD_NOT_ALLOWED => "Method not allowed",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        StatusCode::SERVICE_UNAVAILABLE => "Service unavailable",
        status if status.is_server_error() => "Internal server error",
        _ => "Bad request",
    }
}

fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "This page or user does not exist",
        StatusCode::METHOD_NOT_ALLOWED => "This URL does not support the request method",
        StatusCode::PAYLOAD_TOO_LARGE => "The request is too large",
        StatusCode::URI_TOO_LONG => "The URL is too long",
        StatusCode::SERVICE_UNAVAILABLE => "The service is busy; try again in a moment",
        status if status.is_server_error() => "Something went wrong on our end",
        _ => "The server could not understand the request",
    }
}
