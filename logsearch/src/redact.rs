//! Keeps secrets out of records: by the name of a field, and by what a text looks like. It cannot know a
//! secret that looks like any other word; not logging it stays the caller's duty.

use std::ops::Range;

/// Replacement for secrets.
pub const REDACTED: &str = "[redacted]";

/// Configuration of redaction: which fields are secret.
#[derive(Clone, Debug)]
pub struct Redaction {
    /// A field whose name contains one of these, in any case, is secret.
    pub denied: Vec<String>,
    /// Except the fields of exactly these names.
    pub allowed: Vec<String>,
}

impl Default for Redaction {
    fn default() -> Self {
        let denied = [
            "password",
            "passwd",
            "pwd",
            "secret",
            "token",
            "authorization",
            "cookie",
            "csrf",
            "session",
            "api_key",
            "api-key",
            "apikey",
        ];
        Self { denied: denied.map(str::to_owned).to_vec(), allowed: Vec::new() }
    }
}

impl Redaction {
    /// Whether a field of that name is secret.
    pub fn denies(&self, name: &str) -> bool {
        self.denied.iter().any(|denied| contains_ignoring_case(name, denied))
            && !self.allowed.iter().any(|allowed| allowed == name)
    }

    /// The text without credentials; `None` when there are none, which is quick to see. Known are
    /// `Basic` and `Bearer` credentials, user information in URLs, and `name=value` and `name: value`
    /// pairs with secret names.
    pub fn scrub(&self, text: &str) -> Option<String> {
        let mut secrets = Vec::new();
        let signs = Signs::of(text.as_bytes());
        if signs.scheme {
            find_credentials(text, &mut secrets);
        }
        if signs.at {
            find_user_information(text, &mut secrets);
        }
        if signs.pair {
            self.find_pairs(text, &mut secrets);
        }
        if secrets.is_empty() {
            return None;
        }
        secrets.sort_by_key(|range| range.start);
        let mut clean = String::with_capacity(text.len());
        let mut kept = 0;
        for secret in secrets {
            if secret.start >= kept {
                clean.push_str(&text[kept..secret.start]);
                clean.push_str(REDACTED);
            }
            kept = kept.max(secret.end);
        }
        clean.push_str(&text[kept..]);
        Some(clean)
    }

    /// `?token=abc`, `password: "abc"`, `"api_key":"abc"`.
    fn find_pairs(&self, text: &str, secrets: &mut Vec<Range<usize>>) {
        let bytes = text.as_bytes();
        for at in 0..bytes.len() {
            // As a URL spells it where `=` itself would separate.
            let sign = match bytes[at] {
                b'=' | b':' => 1,
                b'%' if bytes[at..]
                    .get(1..3)
                    .is_some_and(|hex| hex.eq_ignore_ascii_case(b"3d")) =>
                {
                    3
                }
                _ => continue,
            };
            let name_end = at - trailing(&bytes[..at], |byte| matches!(byte, b'"' | b'\'' | b' '));
            let name_start = name_end - trailing(&bytes[..name_end], is_name);
            let name = &text[name_start..name_end];
            if name.is_empty() || !(self.denies(name) || is_short_secret(name)) {
                continue;
            }
            let behind = at + sign;
            let space = leading(&bytes[behind..], |byte| byte == b' ');
            let quote =
                bytes.get(behind + space).copied().filter(|byte| matches!(byte, b'"' | b'\''));
            let start = behind + space + usize::from(quote.is_some());
            let length = match quote {
                Some(quote) => leading(&bytes[start..], |byte| byte != quote),
                None => leading(&bytes[start..], |byte| !ends_value(byte)),
            };
            let is_placeholder = quote.is_none() && is_placeholder(&bytes[start..start + length]);
            if length > 0 && !is_placeholder {
                secrets.push(start..start + length);
            }
        }
    }
}

/// Names too short to be looked for inside of others.
fn is_short_secret(name: &str) -> bool {
    [
        "sid",
        "pass",
        "pw",
        "auth",
        "jwt",
        "otp",
        "passphrase",
        "signature",
        "credentials",
        "private_key",
    ]
    .iter()
    .any(|secret| name.eq_ignore_ascii_case(secret))
}

/// Where SQL has no value but its place, as in `token_hash = $1`.
fn is_placeholder(value: &[u8]) -> bool {
    match value {
        [b'?'] => true,
        [b'$', number @ ..] => {
            matches!(number.len(), 1..=2) && number.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

/// What every secret of a kind comes with. Nearly all texts have none of it.
#[derive(Debug, Default)]
struct Signs {
    /// The end of `basic` or `bearer` before a space.
    scheme: bool,
    /// `@`
    at: bool,
    /// `=`, `{` or `%`
    pair: bool,
}

impl Signs {
    /// Looks at all bytes without a branch, so that the compiler compares many at once: this runs over
    /// every text of every record.
    fn of(bytes: &[u8]) -> Self {
        let is = |byte: &u8, wanted: u8| u8::from(*byte == wanted);
        let (mut at, mut pair, mut scheme) = (0, 0, 0);
        for byte in bytes {
            at |= is(byte, b'@');
            pair |= is(byte, b'=') | is(byte, b'{') | is(byte, b'%');
        }
        for (byte, next) in bytes.iter().zip(bytes.get(1..).unwrap_or_default()) {
            let lower = byte | 0x20;
            scheme |= (is(&lower, b'c') | is(&lower, b'r')) & is(next, b' ');
        }
        Self { scheme: scheme > 0, at: at > 0, pair: pair > 0 }
    }
}

fn find_credentials(text: &str, secrets: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    for at in (0..bytes.len()).filter(|at| bytes[*at] == b' ') {
        let plausible = if ends_ignoring_case(&bytes[..at], b"basic") {
            is_basic
        } else if ends_ignoring_case(&bytes[..at], b"bearer") {
            is_bearer
        } else {
            continue;
        };
        let start = at + 1;
        let length = leading(&bytes[start..], is_token);
        if plausible(&text[start..start + length]) {
            secrets.push(start..start + length);
        }
    }
}

/// Padded base64 that is no plain word: "basic authentication" is a sentence.
fn is_basic(token: &str) -> bool {
    token.len() >= 4
        && token.len().is_multiple_of(4)
        && !token.bytes().all(|b| b.is_ascii_lowercase())
}

fn is_bearer(token: &str) -> bool {
    token.len() >= 8 && !token.bytes().all(|b| b.is_ascii_lowercase())
}

/// `scheme://user:password@host`.
fn find_user_information(text: &str, secrets: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(found) = text[from..].find("://") {
        let start = from + found + 3;
        let length = leading(&bytes[start..], |byte| !ends_authority(byte));
        if let Some(at) = bytes[start..start + length].iter().rposition(|byte| *byte == b'@') {
            secrets.push(start..start + at);
        }
        from = start;
    }
}

fn leading(bytes: &[u8], accept: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| accept(**byte)).count()
}

fn trailing(bytes: &[u8], accept: impl Fn(u8) -> bool) -> usize {
    bytes.iter().rev().take_while(|byte| accept(**byte)).count()
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'.' | b'_' | b'~' | b'-')
}

fn ends_value(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'&' | b';' | b',' | b'"' | b'\'' | b'}' | b')')
}

fn ends_authority(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>')
}

fn ends_ignoring_case(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.len().checked_sub(wanted.len()).is_some_and(|at| bytes[at..].eq_ignore_ascii_case(wanted))
}

fn find_ignoring_case(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window.eq_ignore_ascii_case(wanted))
}

fn contains_ignoring_case(text: &str, wanted: &str) -> bool {
    !wanted.is_empty() && find_ignoring_case(text.as_bytes(), wanted.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secret_names_are_denied_in_any_spelling() {
        let redaction =
            Redaction { allowed: vec!["session.count".to_owned()], ..Redaction::default() };
        for name in ["password", "user.Password", "X-API-Key", "Set-Cookie", "csrf_token", "pwd"] {
            assert!(redaction.denies(name), "{name}");
        }
        for name in ["user.name", "http.route", "session.count", "tokio.workers", ""] {
            assert!(!redaction.denies(name), "{name}");
        }
    }

    #[test]
    fn credentials_inside_texts_are_replaced() {
        for (text, clean) in [
            (
                "got Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh from 1.2.3.4",
                "got Basic [redacted] from 1.2.3.4",
            ),
            ("authorization bearer abc.DEF-123_x", "authorization bearer [redacted]"),
            ("to postgres://app:hunter2@db:5432/x", "to postgres://[redacted]@db:5432/x"),
            ("GET /reset?user=1&token=abc123&x=2", "GET /reset?user=1&token=[redacted]&x=2"),
            (
                "User { name: \"a\", password: \"hun ter2\" }",
                "User { name: \"a\", password: \"[redacted]\" }",
            ),
            (
                "token_hash = 'x' AND token = $x1",
                "token_hash = '[redacted]' AND token = [redacted]",
            ),
            ("/reset?a=1&token%3dabc%20x", "/reset?a=1&token%3d[redacted]"),
            ("https://h/?sid=abc&inside=1", "https://h/?sid=[redacted]&inside=1"),
            ("{\"api_key\":\"k1\",\"n\":1}", "{\"api_key\":\"[redacted]\",\"n\":1}"),
        ] {
            assert_eq!(Redaction::default().scrub(text).as_deref(), Some(clean));
        }
    }

    #[test]
    fn plain_sentences_stay_as_they_are() {
        for text in [
            "basic authentication failed",
            "the bearer of this",
            "mail to helge@itu.dk",
            "see http://host/path@2",
            "a=1 b=2 {x: 3}",
            "Basic ",
            "SELECT 1 FROM sessions WHERE token_hash = $1 AND api_key = ?",
        ] {
            assert_eq!(Redaction::default().scrub(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\PC|[=:@{}\" ]|basic |Bearer |://|token){0,40}") {
            let _ = Redaction::default().scrub(&text);
        }
    }
}
