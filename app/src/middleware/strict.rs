//! Strictness about HTTP where the server library is lenient: two parties that read one request
//! differently are how requests are smuggled. Also the limit of the address. What only the bytes of a
//! request show is checked by the listener, which asks here for the answer.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::HOST;
use http::{StatusCode, Version};

use crate::error::{AppError, ErrorText, refused};
use crate::listen::Refusal;

/// Longest path with query, in bytes.
const MAX_URI: usize = 8 * 1024;

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(ErrorText(self.reason.to_owned()));
        response
    }
}

/// The value of the label `reason` of everything that is refused here.
const REASON: &str = "bad_request";

/// The layer that answers what the listener refuses, and refuses what a parsed request shows.
pub async fn strict(request: Request, next: Next) -> Response {
    if let Some(refusal) = request.extensions().get::<Refusal>() {
        return refused(REASON, *refusal);
    }
    if length(request.uri()) > MAX_URI {
        return refused(REASON, StatusCode::URI_TOO_LONG);
    }
    if let Err(reason) = check(&request) {
        return refused(REASON, AppError::Invalid(reason.to_owned()));
    }
    next.run(request).await
}

fn length(uri: &http::Uri) -> usize {
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    authority + uri.path_and_query().map_or(0, |path| path.as_str().len())
}

fn check<B>(request: &http::Request<B>) -> Result<(), &'static str> {
    let headers = request.headers();
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Err("The request has more than one Host header"),
        (None, None) if request.version() == Version::HTTP_11 => {
            return Err("The request has no Host header");
        }
        (Some(host), None) => {
            let host = host.to_str().map_err(|_| "The Host header is not valid text")?;
            // A request in absolute form names the host twice.
            if request.uri().authority().is_some_and(|authority| authority.as_str() != host) {
                return Err("The Host header does not match the request target");
            }
        }
        (None, None) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(uri: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check(&request.body(()).unwrap()).is_ok()
    }

    #[test]
    fn ambiguous_requests_are_refused() {
        assert!(accepts("/", &[("host", "a")]));
        assert!(accepts("http://a/", &[("host", "a")]));
        assert!(!accepts("/", &[]));
        assert!(!accepts("/", &[("host", "a"), ("host", "a")]));
        assert!(!accepts("http://b/", &[("host", "a")]));
    }
}
