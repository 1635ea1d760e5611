//! Bodies for what fails around the panel, before it knows who asks: the log-in, its guard, a database
//! that does not answer, an address that is too long. Browsers get a page, programs a small JSON.

use askama::Template;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::operator::{self, wants_page};
use crate::middleware::errors::{self, OwnBody};
use crate::middleware::request_id::RequestId;

#[derive(Template)]
#[template(path = "operator_problem.html")]
struct ProblemPage {
    status: StatusCode,
    heading: &'static str,
    text: String,
    /// Whether asking the same once more may help and does no harm.
    again: bool,
    request_id: String,
    style: String,
}

/// The layer of the panel and its log-in, whose answers with a body are left alone.
pub async fn own_bodies(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.headers().contains_key(CONTENT_TYPE) {
        response.extensions_mut().insert(OwnBody);
    }
    response
}

/// The layer of the listener.
pub async fn pages(request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<RequestId>().map(|id| id.id.clone());
    let is_page = wants_page(request.headers());
    let reads = request.method().is_safe();
    let response = next.run(request).await;
    if errors::needs_no_body(&response) {
        return response;
    }
    if !is_page {
        return errors::with_json(response);
    }
    let status = response.status();
    let page = ProblemPage {
        status,
        heading: errors::heading(status),
        text: errors::sentence(&response),
        again: reads && errors::is_passing(status),
        request_id: request_id.unwrap_or_default(),
        style: operator::style_address(),
    };
    match page.render() {
        Ok(html) => errors::with_body(response, Html(html).into_response()),
        Err(error) => {
            tracing::error!(error.message = %error, "could not render the error page");
            response
        }
    }
}
