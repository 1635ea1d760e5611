//! Headers that bind the browser, and the cross-site rule that takes the place of form tokens. Both are
//! the panel's, with what the site needs besides.

use std::sync::LazyLock;

use admin::access::headers::{POLICY, secure};
use admin::access::same_site::{is_cross_site, is_cross_site_change};
use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::STRICT_TRANSPORT_SECURITY;

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
    let (method, headers) = (request.method(), request.headers());
    let is_refused = is_cross_site_change(method, headers)
        || (changes_by_get(request.uri().path()) && is_cross_site(headers));
    if is_refused {
        return AppError::CrossSite.into_response();
    }
    next.run(request).await
}

/// The course's tests follow, unfollow and log out by GET.
fn changes_by_get(path: &str) -> bool {
    path == "/logout" || path.ends_with("/follow") || path.ends_with("/unfollow")
}
