//! Reads the head of a request as strictly as two parties in a row have to: what one of them could
//! read differently is how requests are smuggled. The server library is lenient where it matters, and
//! no longer shows what it was lenient about.
//!
//! Knows bytes alone. What the parsed request says, such as its `Host`, is checked by a layer of the router.

use http::uri::Uri;
use http::{Method, StatusCode};

/// Most headers of a request.
pub const MAX_HEADERS: usize = 64;
/// Most bytes of the whole head.
pub const MAX_HEAD: usize = 32 * 1024;

/// A complete request head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Length in bytes, including the empty line.
    pub length: usize,
    /// What comes behind it.
    pub body: Body,
}

/// How the length of a body is determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// So many bytes, often none.
    Length(u64),
    /// Chunked transfer encoding.
    Chunked,
}

/// Why a request is refused; an extension of the request that the service is asked to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Status of the refusal: 400, 431 or 505.
    pub status: StatusCode,
    /// Reason for the client.
    pub reason: &'static str,
}

fn bad(reason: &'static str) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, reason }
}

fn large(reason: &'static str) -> Refusal {
    Refusal { status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, reason }
}

/// A refused request, with as much of its first line as can be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// `GET` where the method is unreadable, or is `CONNECT`, whose answers have no body.
    pub method: Method,
    /// `*` where the target is unreadable.
    pub target: Uri,
}

impl From<Refusal> for Box<Refused> {
    fn from(refusal: Refusal) -> Self {
        Self::new(Refused { refusal, method: Method::GET, target: Uri::from_static("*") })
    }
}

/// The head at the beginning of these bytes; `None` when it goes on. `seen` is how many of them were
/// looked at before, so that a head that comes byte by byte costs no more than one that comes at once.
pub fn read(bytes: &[u8], seen: usize) -> Result<Option<Head>, Box<Refused>> {
    let end = end(bytes, seen)?;
    if end.unwrap_or(bytes.len()) > MAX_HEAD {
        return Err(large("The request headers are too large").into());
    }
    let Some(length) = end else { return Ok(None) };
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(&bytes[..length]).map_err(unreadable)?;
    let target = request.path.and_then(|path| path.parse::<Uri>().ok());
    let Some(target) = target else {
        return Err(bad("The request target is malformed").into());
    };
    let body = body(request.headers, request.version == Some(1)).map_err(|refusal| {
        let method = request.method.and_then(|method| method.parse().ok());
        let method = method.filter(|method| *method != Method::CONNECT).unwrap_or(Method::GET);
        Box::new(Refused { refusal, method, target })
    })?;
    Ok(Some(Head { length, body }))
}

/// Behind the first empty line. A line that ends without a carriage return is where readers differ, and
/// control bytes are another protocol, whose client may wait for an answer before it sends more.
fn end(bytes: &[u8], seen: usize) -> Result<Option<usize>, Refusal> {
    for at in seen..bytes.len() {
        match bytes[at] {
            b'\n' if at == 0 || bytes[at - 1] != b'\r' => {
                return Err(bad("A request line does not end with CRLF"));
            }
            b'\n' if at >= 3 && bytes[at - 3..at - 1] == *b"\r\n" => return Ok(Some(at + 1)),
            b'\n' | b'\r' | b'\t' | b' '.. => {}
            _ => return Err(bad("The request head is malformed")),
        }
    }
    Ok(None)
}

fn unreadable(error: httparse::Error) -> Refusal {
    match error {
        httparse::Error::TooManyHeaders => large("The request has too many headers"),
        httparse::Error::Version => Refusal {
            status: StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            reason: "Only HTTP/1.1 is supported",
        },
        _ => bad("The request head is malformed"),
    }
}

fn body(headers: &[httparse::Header<'_>], is_http_11: bool) -> Result<Body, Refusal> {
    let mut length = None;
    let mut is_chunked = false;
    for header in headers {
        if header.name.eq_ignore_ascii_case("content-length") {
            let parsed = number(header.value).filter(|_| length.is_none());
            length = Some(parsed.ok_or(bad("Content-Length is not a single number"))?);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            let is_fine =
                header.value.eq_ignore_ascii_case(b"chunked") && !is_chunked && is_http_11;
            is_chunked = is_fine;
            if !is_fine {
                return Err(bad("Transfer-Encoding is not chunked alone"));
            }
        }
    }
    match (length, is_chunked) {
        (Some(_), true) => Err(bad("The request has both Content-Length and Transfer-Encoding")),
        (None, true) => Ok(Body::Chunked),
        (length, false) => Ok(Body::Length(length.unwrap_or(0))),
    }
}

/// Parses digits only: no sign, no list.
fn number(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body_of(headers: &str) -> Result<Body, StatusCode> {
        let head = format!("POST /a?b HTTP/1.1\r\n{headers}\r\n");
        let read = read(head.as_bytes(), 0).map_err(|refused| refused.refusal.status)?;
        let head_read = read.unwrap();
        assert_eq!(head_read.length, head.len());
        Ok(head_read.body)
    }

    #[test]
    fn the_body_is_found_one_way_or_not_at_all() {
        assert_eq!(body_of("Host: a\r\n"), Ok(Body::Length(0)));
        assert_eq!(body_of("content-LENGTH: 12\r\n"), Ok(Body::Length(12)));
        assert_eq!(body_of("Transfer-Encoding:  Chunked \r\n"), Ok(Body::Chunked));
        for headers in [
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding:\r\n",
            "Content-Length: 4\r\nContent-Length: 4\r\n",
            "Content-Length: 4, 4\r\n",
            "Content-Length: +4\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: 0x4\r\n",
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "A: b\r\n folded\r\n",
            "A : b\r\n",
            "A: b\rc\r\n",
            "A: b\0\r\n",
            "A: b\nC: d\r\n",
        ] {
            assert_eq!(body_of(headers), Err(StatusCode::BAD_REQUEST), "{headers:?}");
        }
    }

    #[test]
    fn what_is_too_large_is_said_to_be() {
        let large = Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        assert_eq!(body_of(&"A: b\r\n".repeat(MAX_HEADERS + 1)), large);
        assert_eq!(body_of(&format!("A: {}\r\n", "b".repeat(MAX_HEAD))), large);
        let endless = vec![b'a'; MAX_HEAD + 1];
        assert_eq!(
            read(&endless, 0).map_err(|refused| refused.refusal.status),
            large.map(|_| None)
        );
    }

    #[test]
    fn a_refused_request_keeps_its_first_line_where_it_can_be_read() {
        let both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n";
        let refused = |line: &str| read(format!("{line}\r\n{both}").as_bytes(), 0).unwrap_err();
        let known = refused("PUT /x?y HTTP/1.1");
        assert_eq!((known.method, known.target.to_string().as_str()), (Method::PUT, "/x?y"));
        assert_eq!(refused("CONNECT a:1 HTTP/1.1").method, Method::GET);
        let version = refused("GET / HTTP/9.9");
        assert_eq!(version.refusal.status, StatusCode::HTTP_VERSION_NOT_SUPPORTED);
        assert_eq!((version.method, version.target.to_string().as_str()), (Method::GET, "*"));
        assert_eq!(refused("GET /\x01 HTTP/1.1").refusal.status, StatusCode::BAD_REQUEST);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_complaint(bytes: Vec<u8>, seen in 0..64_usize) {
            let _any = read(&bytes, seen.min(bytes.len()));
        }

        /// In pieces a head reads as it does at once.
        #[test]
        fn pieces_make_no_difference(
            headers in proptest::collection::vec("[a-zA-Z-]{1,12}: [ -~]{0,20}", 0..6),
            cuts in proptest::collection::vec(0..200_usize, 0..5),
        ) {
            let head = format!("GET / HTTP/1.1\r\n{}\r\n\r\nbody", headers.join("\r\n"));
            let bytes = head.as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut < bytes.len()).collect();
            cuts.sort_unstable();
            cuts.push(bytes.len());
            let mut seen = 0;
            let mut in_pieces = Ok(None);
            for cut in cuts {
                in_pieces = read(&bytes[..cut], seen);
                if in_pieces != Ok(None) {
                    break;
                }
                seen = cut;
            }
            prop_assert_eq!(in_pieces, read(bytes, 0));
        }
    }
}
