//! Strictness about HTTP where the server library is lenient: two parties that read one request
//! differently are how requests are smuggled. Also the limits of the request line.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{StatusCode, Version};

use crate::error::AppError;
use crate::metrics;

/// Longest path with query, in bytes.
const MAX_URI: usize = 8 * 1024;

/// The layer.
pub async fn strict(request: Request, next: Next) -> Response {
    if request.uri().to_string().len() > MAX_URI {
        metrics::request_rejected("bad_request");
        return StatusCode::URI_TOO_LONG.into_response();
    }
    if let Err(reason) = check(&request) {
        metrics::request_rejected("bad_request");
        return AppError::Invalid(reason.to_owned()).into_response();
    }
    next.run(request).await
}

fn check<B>(request: &http::Request<B>) -> Result<(), &'static str> {
    let headers = request.headers();
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Err("The request has two Host headers"),
        (None, None) if request.version() == Version::HTTP_11 => {
            return Err("The request has no Host header");
        }
        (Some(host), None) => {
            let host = host.to_str().map_err(|_| "The Host header is no text")?;
            // A request in absolute form names the host twice.
            if request.uri().authority().is_some_and(|authority| authority.as_str() != host) {
                return Err("The request names two hosts");
            }
        }
        (None, None) => {}
    }
    if headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH) {
        return Err("The request has both Content-Length and Transfer-Encoding");
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
        let both = [("host", "a"), ("content-length", "1"), ("transfer-encoding", "chunked")];
        assert!(!accepts("/", &both));
    }
}
