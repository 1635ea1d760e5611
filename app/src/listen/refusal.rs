//! What becomes of a request that is not let through: the service is asked for its answer, so that it has
//! the record, the metrics, the headers and the body of every other one, and the answer is written as the
//! last bytes of the connection.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE};
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use tower::ServiceExt;

use super::Peer;
use super::head::Refused;
use crate::clock::Clock;

/// Longest body of an answer; they are a sentence or a page with one.
const MAX_BODY: usize = 1024 * 1024;

/// The service's answer to a refused request, as bytes.
pub async fn answer(router: Router, peer: SocketAddr, refused: Box<Refused>) -> Bytes {
    let has_body = refused.method != Method::HEAD;
    let mut request = Request::new(Body::empty());
    *request.method_mut() = refused.method;
    *request.uri_mut() = refused.target;
    request.extensions_mut().insert(Peer(peer));
    request.extensions_mut().insert(refused.refusal);
    match router.oneshot(request).await {
        Ok(response) => to_wire(response, has_body).await,
        Err(never) => match never {},
    }
}

async fn to_wire(response: Response, has_body: bool) -> Bytes {
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_BODY).await.unwrap_or_default();
    parts.headers.entry(CONTENT_LENGTH).or_insert(body.len().into());
    parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    date(&mut parts.headers);
    let reason = parts.status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", parts.status.as_str()).into_bytes();
    for (name, value) in &parts.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    if has_body {
        bytes.extend_from_slice(&body);
    }
    bytes.into()
}

fn date(headers: &mut HeaderMap) {
    let now = Timestamp::from_microsecond(Clock::default().now()).unwrap_or_default();
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&now).unwrap_or_default();
    headers.extend(HeaderValue::try_from(text).ok().map(|value| (DATE, value)));
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use http::StatusCode;
    use http::header::SET_COOKIE;

    use super::*;

    async fn wire(has_body: bool) -> String {
        let headers = [(SET_COOKIE, "a=b"), (SET_COOKIE, "c=d")];
        let response = (StatusCode::BAD_REQUEST, axum::response::AppendHeaders(headers), "no");
        let bytes = to_wire(response.into_response(), has_body).await;
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn an_answer_is_written_as_http() {
        let text = wire(true).await;
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head}");
        for line in ["set-cookie: a=b", "set-cookie: c=d", "content-length: 2", "connection: close"]
        {
            assert!(head.lines().any(|other| other == line), "{line} is not in {head}");
        }
        assert!(head.contains("date: ") && head.contains(" GMT"), "{head}");
        assert_eq!(body, "no");
    }

    #[tokio::test]
    async fn an_answer_to_head_has_the_length_of_a_body_and_no_body() {
        let text = wire(false).await;
        assert!(text.contains("content-length: 2\r\n") && text.ends_with("\r\n\r\n"), "{text}");
    }
}
