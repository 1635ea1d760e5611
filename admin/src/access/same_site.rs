//! Protection against cross-site request forgery.

use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::context::error::PanelError;

/// Rejects cross-site requests that change something with 403.
pub(crate) async fn same_site(request: Request, next: Next) -> Response {
    if is_cross_site_change(request.method(), request.headers()) {
        return PanelError::CrossSite.into_response();
    }
    next.run(request).await
}

/// Whether another site made a browser send a request that may change something: one of any method but
/// `GET` and `HEAD`.
pub fn is_cross_site_change(method: &Method, headers: &HeaderMap) -> bool {
    !matches!(*method, Method::GET | Method::HEAD) && is_cross_site(headers)
}

/// Whether another site made a browser send a request with these headers. What has neither
/// `Sec-Fetch-Site` nor `Origin` comes from a program, which has no cookies to abuse; what has an `Origin`
/// that cannot be compared with its `Host` is refused.
pub fn is_cross_site(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return !matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let (Ok(origin), Some(Ok(host))) =
        (origin.to_str(), headers.get(HOST).map(HeaderValue::to_str))
    else {
        return true;
    };
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    authority.is_none_or(|authority| !authority.eq_ignore_ascii_case(host))
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
        assert!(!cross(&[("host", "A:1"), ("origin", "http://a:1")]));
        assert!(!cross(&[("sec-fetch-site", "same-origin")]));
        assert!(!cross(&[("host", "a:1"), ("sec-fetch-site", "none")]));
        assert!(cross(&[("host", "a:1"), ("origin", "http://a:2")]));
        assert!(cross(&[("host", "a:1"), ("origin", "null")]));
        assert!(cross(&[("origin", "null")]));
        assert!(cross(&[("origin", "http://a:1")]));
        assert!(cross(&[("sec-fetch-site", "same-site")]));
        assert!(cross(&[("host", "a:1"), ("sec-fetch-site", "cross-site")]));
    }
}
