//! The headers of a request that is kept with its statements. Only headers of this list are looked at,
//! each cut to a bounded length; of those that carry secrets it is told that they were there, no more.

use http::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE,
    HOST, IF_NONE_MATCH, ORIGIN, RANGE, REFERER, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use logsearch::REDACTED;

/// Maximum length of a recorded value, in characters.
const LONGEST: usize = 512;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

const KEPT: [HeaderName; 14] = [
    USER_AGENT,
    HOST,
    ACCEPT,
    ACCEPT_LANGUAGE,
    ACCEPT_ENCODING,
    CONTENT_TYPE,
    CONTENT_LENGTH,
    IF_NONE_MATCH,
    RANGE,
    ORIGIN,
    REFERER,
    SEC_FETCH_SITE,
    X_FORWARDED_FOR,
    X_FORWARDED_PROTO,
];

/// The headers of the list, from before the answer, when nobody knows yet whether they are to be logged.
/// The values share the memory of the request.
pub struct KeptHeaders {
    values: Vec<(HeaderName, HeaderValue)>,
    has_authorization: bool,
    has_cookie: bool,
}

impl KeptHeaders {
    /// Those of a request.
    pub fn of(headers: &HeaderMap) -> Self {
        let kept = headers.iter().filter(|(name, _)| KEPT.contains(name));
        Self {
            values: kept.map(|(name, value)| (name.clone(), value.clone())).collect(),
            has_authorization: headers.contains_key(AUTHORIZATION),
            has_cookie: headers.contains_key(COOKIE),
        }
    }

    /// Logs one record with the request headers.
    pub fn log(&self) {
        let text = |name| self.text(&name);
        let secret = |is_there: bool| is_there.then_some(REDACTED);
        tracing::info!(
            user_agent.original = text(USER_AGENT),
            http.request.header.host = text(HOST),
            http.request.header.accept = text(ACCEPT),
            "http.request.header.accept-language" = text(ACCEPT_LANGUAGE),
            "http.request.header.accept-encoding" = text(ACCEPT_ENCODING),
            "http.request.header.content-type" = text(CONTENT_TYPE),
            "http.request.header.content-length" = text(CONTENT_LENGTH),
            "http.request.header.if-none-match" = text(IF_NONE_MATCH),
            http.request.header.range = text(RANGE),
            http.request.header.origin = text(ORIGIN),
            http.request.header.referer = text(REFERER),
            "http.request.header.sec-fetch-site" = text(SEC_FETCH_SITE),
            "http.request.header.x-forwarded-for" = text(X_FORWARDED_FOR),
            "http.request.header.x-forwarded-proto" = text(X_FORWARDED_PROTO),
            http.request.header.authorization = secret(self.has_authorization),
            http.request.header.cookie = secret(self.has_cookie),
            "request headers"
        );
    }

    /// The values of a header, bytes that are no text shown as escapes.
    fn text(&self, name: &HeaderName) -> Option<String> {
        let values = self.values.iter().filter(|(other, _)| other == name);
        let values: Vec<String> =
            values.map(|(_, value)| value.as_bytes().escape_ascii().to_string()).collect();
        (!values.is_empty()).then(|| values.join(", ").chars().take(LONGEST).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_bounded_and_always_a_text() {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_bytes(b"a\xff\"b").unwrap());
        headers.append(ACCEPT, HeaderValue::from_static("a"));
        headers.append(ACCEPT, HeaderValue::from_str(&"b".repeat(2 * LONGEST)).unwrap());
        headers.insert(COOKIE, HeaderValue::from_static("sid=secret"));
        let kept = KeptHeaders::of(&headers);
        assert_eq!(kept.text(&USER_AGENT).unwrap(), "a\\xff\\\"b");
        assert_eq!(kept.text(&ACCEPT).unwrap().len(), LONGEST);
        assert_eq!(kept.text(&HOST), None);
        assert_eq!((kept.text(&COOKIE), kept.has_cookie), (None, true));
    }
}
