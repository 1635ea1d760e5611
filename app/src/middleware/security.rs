//! Headers that bind the browser, and the cross-site rule that takes the place of form tokens. Both are
//! the panel's, with what the site needs besides.

use std::sync::LazyLock;

use admin::access::headers::{POLICY, secure};
use admin::access::same_site::{is_cross_site, is_cross_site_change};
use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{HOST, ORIGIN, REFERER, STRICT_TRANSPORT_SECURITY, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::client::Client;
use crate::error::AppError;
use crate::metrics::Surface;
use crate::state::AppState;

/// The policy with the avatars of gravatar.com.
static POLICY_WITH_GRAVATAR: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = POLICY.replace("img-src 'self'", "img-src 'self' https://www.gravatar.com");
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(POLICY))
});

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
    if client.https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
    if state.settings.gravatar && surface == Surface::Web {
        secure(headers, &POLICY_WITH_GRAVATAR);
    } else {
        secure(headers, &HeaderValue::from_static(POLICY));
    }
    response
}

/// The layer that refuses requests which another site made a browser send.
pub async fn same_site(request: Request, next: Next) -> Response {
    let (method, headers, uri) = (request.method(), request.headers(), request.uri());
    let changes_by_get = changes_by_get(uri.path()) || records_latest(uri);
    let is_refused = is_cross_site_change(method, headers)
        || (changes_by_get && is_cross_site(headers))
        || is_downgraded(&request);
    if is_refused {
        return AppError::CrossSite.into_response();
    }
    next.run(request).await
}

/// The layer that refuses changes which the same host made a browser send without TLS.
pub async fn same_scheme(request: Request, next: Next) -> Response {
    if is_downgraded(&request) {
        return AppError::CrossSite.into_response();
    }
    next.run(request).await
}

/// Whether a request over TLS comes from a page that did not: whoever is on the way may have written that.
fn is_downgraded(request: &Request) -> bool {
    let https = request.extensions().get::<Client>().is_some_and(|client| client.https);
    let origin = request.headers().get(ORIGIN).map(HeaderValue::as_bytes);
    https && origin.is_some_and(|origin| origin.starts_with(b"http://"))
}

/// The course's tests follow, unfollow and log out by GET.
pub fn changes_by_get(path: &str) -> bool {
    path == "/logout" || path.ends_with("/follow") || path.ends_with("/unfollow")
}

/// Commands of the simulator say which they are, and reading is a command.
fn records_latest(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("latest=")))
}

/// Whether a browser sent it and does not say which site made it do so. Over plain HTTP browsers tell no site
/// but in `Referer` and `Origin`, and older ones never did otherwise; programs need no proof, as nobody else
/// makes them send anything.
pub fn is_unproven(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let is_browser = text(USER_AGENT).is_some_and(|agent| agent.starts_with("Mozilla/"));
    if !is_browser || headers.contains_key("sec-fetch-site") {
        return false;
    }
    let host = text(HOST).unwrap_or_default();
    let is_own = |url: &str| {
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        !authority.is_empty() && authority.eq_ignore_ascii_case(host)
    };
    // One that is there decides; a browser that hides the page may still name the origin.
    !text(ORIGIN).or(text(REFERER)).is_some_and(is_own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_proves_by_its_referrer_that_the_site_itself_asks() {
        const BROWSER: (&str, &str) = ("user-agent", "Mozilla/5.0 (X11; Linux) Firefox/140.0");
        let unproven = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs.iter().chain(&[("host", "a.test:1")]).map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            is_unproven(&headers.collect())
        };
        assert!(unproven(&[BROWSER]));
        for referer in [
            "http://b.test/",
            "http://a.test/",
            "http://a.test:1.b.test/",
            "http://b.test/?http://a.test:1/",
            "http://b.test#@a.test:1/",
            "http://x@a.test:1/",
            "a.test:1",
            "about:blank",
            "",
        ] {
            assert!(unproven(&[BROWSER, ("referer", referer)]), "{referer}");
        }
        assert!(unproven(&[BROWSER, ("origin", "null"), ("referer", "http://a.test:1/")]));
        assert!(!unproven(&[BROWSER, ("referer", "http://a.test:1/public")]));
        assert!(!unproven(&[BROWSER, ("referer", "http://A.test:1")]));
        assert!(!unproven(&[BROWSER, ("sec-fetch-site", "same-origin")]));
        assert!(!unproven(&[("user-agent", "python-requests/2.32")]));
        assert!(!unproven(&[]));
    }
}
