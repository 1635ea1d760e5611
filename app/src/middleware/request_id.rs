//! The names of a request: its id and its place in a distributed trace. The id is taken from a trusted proxy,
//! as one that a client repeats would show two requests on one page; the trace from any caller. Both only when
//! they are well formed, else they are made up, and both go back with the answer.

use http::{HeaderMap, HeaderName, HeaderValue};
use ulid::Ulid;

/// Header of the request id.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Header of the W3C trace context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Longest request id taken from a caller.
const MAX_LENGTH: usize = 64;

/// The names of one request; also an extension, for pages that show the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId {
    /// A ULID, which carries its time, unless the caller chose another.
    pub id: String,
    /// Trace id, 32 hexadecimal digits.
    pub trace: String,
    /// 16 hexadecimal digits: this service's part of the trace.
    pub span: String,
    /// Whether the caller records the trace, as it said.
    flags: u8,
}

impl RequestId {
    /// From the headers of a trusted proxy, or of anybody; `now` in microseconds.
    pub fn from_headers(headers: &HeaderMap, proxied: bool, now: i64) -> Self {
        let random = random();
        let millis = u64::try_from(now / 1000).unwrap_or(0);
        let id = header(headers, &X_REQUEST_ID).filter(|id| proxied && is_request_id(id));
        let parent = header(headers, &TRACEPARENT).and_then(parse_traceparent);
        let span = u64::from_le_bytes(std::array::from_fn(|i| random[16 + i])) | 1;
        Self {
            id: id.map_or_else(|| ulid(millis, &random), ToOwned::to_owned),
            trace: parent.map_or_else(
                || format!("{:032x}", u128::from_le_bytes(std::array::from_fn(|i| random[i])) | 1),
                |(trace, _)| trace.to_owned(),
            ),
            span: format!("{span:016x}"),
            flags: parent.map_or(0, |(_, flags)| flags),
        }
    }

    /// Adds both headers to a response.
    pub fn write(&self, headers: &mut HeaderMap) {
        let traceparent = format!("00-{}-{}-{:02x}", self.trace, self.span, self.flags);
        for (name, value) in [(X_REQUEST_ID, self.id.clone()), (TRACEPARENT, traceparent)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn is_request_id(id: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=MAX_LENGTH).contains(&id.len()) && id.chars().all(allowed)
}

/// Trace id and flags of a version 00 header; all-zero ids are invalid.
fn parse_traceparent(text: &str) -> Option<(&str, u8)> {
    let mut parts = text.split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, length: usize| {
        part.len() == length
            && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let is_id = |part: &str, length| is_hex(part, length) && part.bytes().any(|b| b != b'0');
    let valid = version == "00"
        && is_id(trace, 32)
        && is_id(parent, 16)
        && is_hex(flags, 2)
        && parts.next().is_none();
    valid.then(|| (trace, u8::from_str_radix(flags, 16).unwrap_or(0)))
}

fn ulid(millis: u64, random: &[u8; 24]) -> String {
    let low = u128::from_le_bytes(std::array::from_fn(|i| random[23 - i]));
    Ulid::from_parts(millis, low).to_string()
}

/// Random bytes; ids stay unique in time even if the system has none to give.
fn random() -> [u8; 24] {
    let mut bytes = [0; 24];
    if getrandom::fill(&mut bytes).is_err() {
        tracing::warn!("no system randomness available; request ids are not random");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(pairs: &[(&'static str, &'static str)]) -> RequestId {
        let headers = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        RequestId::from_headers(&headers.collect(), true, 1_700_000_000_000_000)
    }

    #[test]
    fn good_names_are_kept_and_returned() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let id = names(&[
            ("x-request-id", "abc-1.2_3"),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ]);
        assert_eq!((id.id.as_str(), id.trace.as_str()), ("abc-1.2_3", trace));
        let mut headers = HeaderMap::new();
        id.write(&mut headers);
        assert_eq!(headers[TRACEPARENT], format!("00-{trace}-{}-01", id.span));
        assert_ne!(id.span, "00f067aa0ba902b7");
    }

    #[test]
    fn a_client_does_not_choose_the_id_of_its_request() {
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, HeaderValue::from_static("of-another"));
        assert_eq!(RequestId::from_headers(&headers, false, 0).id.len(), 26);
    }

    #[test]
    fn bad_names_are_replaced() {
        for bad in ["", "a b", "<script>", "ä"] {
            assert!(!is_request_id(bad), "{bad}");
        }
        for bad in [
            "",
            "00-0000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert_eq!(parse_traceparent(bad), None, "{bad}");
        }
        let id = names(&[("x-request-id", "a b")]);
        assert_eq!((id.id.len(), id.trace.len(), id.span.len()), (26, 32, 16));
    }

    proptest! {
        #[test]
        fn any_headers_give_names_that_are_safe_to_log_and_to_return(
            id in "[ -~]{0,80}",
            parent in "([ -~]{0,60}|0[0-9a-f]-[0-9a-f]{31,33}-[0-9a-f]{15,17}-[0-9a-f]{2}(-x)?)",
        ) {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::from_str(&id).unwrap());
            headers.insert(TRACEPARENT, HeaderValue::from_str(&parent).unwrap());
            let names = RequestId::from_headers(&headers, true, 1_700_000_000_000_000);
            prop_assert!(is_request_id(&names.id));
            let mut returned = HeaderMap::new();
            names.write(&mut returned);
            let returned = returned[TRACEPARENT].to_str().unwrap();
            let (trace, _) = parse_traceparent(returned).unwrap();
            prop_assert_eq!(trace, &names.trace);
            if let Some((trace, flags)) = parse_traceparent(&parent) {
                prop_assert_eq!((trace, flags), (names.trace.as_str(), names.flags));
            }
        }
    }
}
