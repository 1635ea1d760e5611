//! What surrounds every page: the guard, the headers that bind the browser, the rule against requests
//! from other sites, and pages for errors.

use std::future::Future;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;

use crate::error::{ErrorText, PanelError};
use crate::layout::{Layout, Section};
use crate::links::View;
use crate::operator::{Operator, StillOpen};
use crate::panel::Panel;
use crate::params::Params;
use crate::theme::Theme;

/// Nothing from elsewhere, nothing inline, no string may become markup.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Lets the guard decide; whoever it lets in is an extension of the request.
pub async fn guard<G, F>(guard: G, request: Request, next: Next) -> Response
where
    G: Fn(Parts) -> F,
    F: Future<Output = Result<Operator, Response>>,
{
    let (mut parts, body) = request.into_parts();
    match guard(parts.clone()).await {
        Ok(operator) => {
            let theme = Theme::of(&parts.headers);
            parts.extensions.insert(Operator { theme, ..operator });
            next.run(Request::from_parts(parts, body)).await
        }
        Err(refusal) => refusal,
    }
}

/// Asks the guard again about a request whose answer goes on.
#[derive(Clone)]
pub struct Again(Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>);

impl Again {
    /// Whether the guard would still let it in. A guard that cannot tell keeps it.
    pub async fn is_let_in(&self) -> bool {
        (self.0)().await
    }
}

/// Leaves [`Again`] with a request, for an answer that goes on.
pub async fn again<G, F>(guard: G, request: Request, next: Next) -> Response
where
    G: Fn(Parts) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Operator, Response>> + Send + 'static,
{
    let (parts, body) = request.into_parts();
    let mut asked = parts.clone();
    asked.extensions.insert(StillOpen);
    let ask = move || -> BoxFuture<'static, bool> {
        let answer = guard(asked.clone());
        Box::pin(async {
            match answer.await {
                Ok(_) => true,
                Err(refusal) => refusal.status().is_server_error(),
            }
        })
    };
    let mut request = Request::from_parts(parts, body);
    request.extensions_mut().insert(Again(Arc::new(ask)));
    next.run(request).await
}

/// Headers on every answer. What is not an asset depends on who asks and when.
pub async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Refuses changes that another site made a browser send.
pub async fn same_site(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads && is_cross_site(request.headers()) {
        return PanelError::CrossSite.into_response();
    }
    next.run(request).await
}

fn is_cross_site(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return !matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let host = headers.get(HOST).map(HeaderValue::as_bytes);
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    authority.map(|(_, authority)| authority.as_bytes()) != host
}

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
    let view = View::of(params.window(panel.now()));
    let layout = Layout::new(&panel, &operator, Section::None, "Error", "/logs", &view);
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
        StatusCode::METHOD_NOT_ALLOWED => Some("This address does not take that kind of request."),
        status if status.is_client_error() => Some("The address makes no sense."),
        status if status.is_server_error() => Some("The page could not be made."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_on_other_sites_are_told_apart_from_programs() {
        let cross = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs.iter().map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            is_cross_site(&headers.collect())
        };
        assert!(!cross(&[("host", "a:1")]));
        assert!(!cross(&[("host", "a:1"), ("origin", "http://a:1")]));
        assert!(!cross(&[("sec-fetch-site", "same-origin")]));
        assert!(cross(&[("host", "a:1"), ("origin", "http://a:2")]));
        assert!(cross(&[("host", "a:1"), ("origin", "null")]));
        assert!(cross(&[("sec-fetch-site", "same-site")]));
    }
}
