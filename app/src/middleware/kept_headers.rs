//! The headers of a request that is kept with its statements. Only headers of this list are looked at,
//! each cut to a bounded length; of those that carry secrets it is told that they were there, no more.

use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE,
    HOST, IF_NONE_MATCH, ORIGIN, RANGE, REFERER, USER_AGENT,
};
use http::{HeaderMap, HeaderName};
use logsearch::redact::REDACTED;

/// Characters kept of a value.
const LONGEST: usize = 512;

/// One record with the headers.
pub fn log(headers: &HeaderMap) {
    let named = |name| text(headers, &HeaderName::from_static(name));
    let secret = |name| headers.contains_key(name).then_some(REDACTED);
    tracing::info!(
        user_agent.original = text(headers, &USER_AGENT),
        http.request.header.host = text(headers, &HOST),
        http.request.header.accept = text(headers, &ACCEPT),
        "http.request.header.accept-language" = text(headers, &ACCEPT_LANGUAGE),
        "http.request.header.accept-encoding" = text(headers, &ACCEPT_ENCODING),
        "http.request.header.content-type" = text(headers, &CONTENT_TYPE),
        "http.request.header.content-length" = text(headers, &CONTENT_LENGTH),
        "http.request.header.if-none-match" = text(headers, &IF_NONE_MATCH),
        http.request.header.range = text(headers, &RANGE),
        http.request.header.origin = text(headers, &ORIGIN),
        http.request.header.referer = text(headers, &REFERER),
        "http.request.header.sec-fetch-site" = named("sec-fetch-site"),
        "http.request.header.x-forwarded-for" = named("x-forwarded-for"),
        "http.request.header.x-forwarded-proto" = named("x-forwarded-proto"),
        http.request.header.authorization = secret(AUTHORIZATION),
        http.request.header.cookie = secret(COOKIE),
        "request headers"
    );
}

/// The values of a header, bytes that are no text shown as escapes.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values = headers.get_all(name).iter();
    let values: Vec<String> =
        values.map(|value| value.as_bytes().escape_ascii().to_string()).collect();
    (!values.is_empty()).then(|| values.join(", ").chars().take(LONGEST).collect())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_value_is_bounded_and_always_a_text() {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_bytes(b"a\xff\"b").unwrap());
        headers.append(ACCEPT, HeaderValue::from_static("a"));
        headers.append(ACCEPT, HeaderValue::from_str(&"b".repeat(2 * LONGEST)).unwrap());
        assert_eq!(text(&headers, &USER_AGENT).unwrap(), "a\\xff\\\"b");
        assert_eq!(text(&headers, &ACCEPT).unwrap().len(), LONGEST);
        assert_eq!(text(&headers, &HOST), None);
    }
}
