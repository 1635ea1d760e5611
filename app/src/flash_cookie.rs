//! How flashes travel: a cookie of codes, not of sentences, so that a forged one can show nothing new.
//! Names are percent-encoded and escaped by the page like everything else.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::domain::Flash;

/// Sentences kept; a browser that never looks at a page must not grow its cookie.
const MAX: usize = 8;

/// The value of the cookie, oldest first.
pub fn encode(flashes: &[Flash]) -> String {
    let newest = &flashes[flashes.len().saturating_sub(MAX)..];
    newest.iter().map(code).collect::<Vec<_>>().join(".")
}

/// The flashes of a cookie; invalid ones are skipped.
pub fn decode(value: &str) -> Vec<Flash> {
    value.split('.').filter_map(flash).take(MAX).collect()
}

fn code(flash: &Flash) -> String {
    let named =
        |letter, name: &str| format!("{letter}{}", utf8_percent_encode(name, NON_ALPHANUMERIC));
    match flash {
        Flash::LoggedIn => "i".to_owned(),
        Flash::LoggedOut => "o".to_owned(),
        Flash::LoggedOutEverywhere => "e".to_owned(),
        Flash::Registered(name) => named('r', name),
        Flash::Posted => "p".to_owned(),
        Flash::Deleted => "d".to_owned(),
        Flash::Followed(name) => named('f', name),
        Flash::Unfollowed(name) => named('u', name),
    }
}

fn flash(code: &str) -> Option<Flash> {
    let name = || percent_decode_str(code.get(1..)?).decode_utf8().ok().map(Into::into);
    match code.chars().next()? {
        'i' => Some(Flash::LoggedIn),
        'o' => Some(Flash::LoggedOut),
        'e' => Some(Flash::LoggedOutEverywhere),
        'r' => name().map(Flash::Registered),
        'p' => Some(Flash::Posted),
        'd' => Some(Flash::Deleted),
        'f' => name().map(Flash::Followed),
        'u' => name().map(Flash::Unfollowed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_survives_the_cookie(name in ".{0,64}") {
            let flashes = [Flash::Registered(name.clone()), Flash::Followed(name.clone()), Flash::Unfollowed(name)];
            let value = encode(&flashes);
            prop_assert!(value.bytes().all(|b| b.is_ascii_alphanumeric() || b"%.".contains(&b)));
            prop_assert_eq!(decode(&value), flashes);
        }

        #[test]
        fn any_value_is_read_without_complaint(value in ".{0,200}") {
            prop_assert!(decode(&value).len() <= MAX);
        }
    }

    #[test]
    fn the_queue_is_bounded_and_keeps_the_newest() {
        let mut flashes = vec![Flash::Posted; 20];
        flashes.push(Flash::LoggedOut);
        let kept = decode(&encode(&flashes));
        assert_eq!((kept.len(), kept.last()), (MAX, Some(&Flash::LoggedOut)));
    }
}
