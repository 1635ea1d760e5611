//! Headers that bind the browser, and the cross-site rule that takes the place of form tokens.

use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::client::Client;
use crate::error::AppError;
use crate::metrics::Surface;
use crate::state::AppState;

/// Nothing from elsewhere, nothing inline, no string may become markup.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";
/// The same with the avatars of gravatar.com.
const POLICY_WITH_GRAVATAR: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    img-src 'self' https://www.gravatar.com; connect-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types 'none'";

const FIXED: [(HeaderName, &str); 8] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (HeaderName::from_static("x-permitted-cross-domain-policies"), "none"),
];

/// Two years, as browsers' preload lists ask.
const HSTS: &str = "max-age=63072000; includeSubDomains";

/// The layer that puts the headers on every answer, errors included.
pub async fn headers(
    State((state, surface)): State<(AppState, Surface)>,
    Extension(client): Extension<Client>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if client.https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    let gravatar = state.settings.gravatar && surface == Surface::Web;
    let policy = if gravatar { POLICY_WITH_GRAVATAR } else { POLICY };
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(policy));
    // Whatever is not an asset depends on who asks and when.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The layer that refuses requests which another site made a browser send. Requests without these
/// headers come from programs, which have no cookies to abuse.
pub async fn same_site(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if (changes || changes_by_get(request.uri().path())) && is_cross_site(request.headers()) {
        return AppError::CrossSite.into_response();
    }
    next.run(request).await
}

/// The course's tests follow, unfollow and log out by GET.
fn changes_by_get(path: &str) -> bool {
    path == "/logout" || path.ends_with("/follow") || path.ends_with("/unfollow")
}

fn is_cross_site(headers: &HeaderMap) -> bool {
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
    use super::*;

    fn cross(pairs: &[(&'static str, &'static str)]) -> bool {
        let headers = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        is_cross_site(&headers.collect())
    }

    #[test]
    fn browsers_on_other_sites_are_refused_and_programs_are_not() {
        assert!(!cross(&[("host", "a:5000")]));
        assert!(!cross(&[("host", "a:5000"), ("sec-fetch-site", "same-origin")]));
        assert!(!cross(&[("host", "a:5000"), ("sec-fetch-site", "none")]));
        assert!(cross(&[("host", "a:5000"), ("sec-fetch-site", "cross-site")]));
        assert!(cross(&[("host", "a:5000"), ("sec-fetch-site", "same-site")]));
        assert!(!cross(&[("host", "a:5000"), ("origin", "http://a:5000")]));
        assert!(cross(&[("host", "a:5000"), ("origin", "http://b")]));
        assert!(cross(&[("host", "a:5000"), ("origin", "null")]));
    }
}
