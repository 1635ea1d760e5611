//! Pages for what fails around the panel, before it knows who asks: the log-in, its guard, a database
//! that does not answer. Browsers get a page, programs the JSON of the listener.

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

/// The layer of the panel and its log-in. An answer with a body is left alone.
pub async fn pages(request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<RequestId>().map(|id| id.id.clone());
    let is_page = wants_page(request.headers());
    let reads = request.method().is_safe();
    let mut response = next.run(request).await;
    let status = response.status();
    if response.headers().contains_key(CONTENT_TYPE) {
        response.extensions_mut().insert(OwnBody);
        return response;
    }
    if !is_page || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let page = ProblemPage {
        status,
        heading: errors::heading(status),
        text: errors::sentence(&response),
        again: reads && errors::is_passing(status),
        request_id: request_id.unwrap_or_default(),
        style: operator::style_address(),
    };
    match page.render() {
        Ok(html) => {
            let mut page = errors::with_body(response, Html(html).into_response());
            page.extensions_mut().insert(OwnBody);
            page
        }
        Err(error) => {
            tracing::error!(error.message = %error, "the error page failed to render");
            response
        }
    }
}
