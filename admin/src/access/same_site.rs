//! The rule against requests that another site made a browser send.

use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::context::error::PanelError;

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

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

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
