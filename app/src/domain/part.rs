//! The text of a message in parts: what is plain, links to the web, and names of users. Parts are read off
//! the text and never change it; whether a user of the name exists is not asked.

use admin::is_hidden;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// Joins the words of a name: a plain space would end it.
const JOINING_SPACE: char = '\u{a0}';
/// Longest name, in characters, as for new accounts.
const MAX_NAME: usize = 64;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<'text> {
    /// As it is.
    Plain(&'text str),
    /// An address of http or https.
    Link(&'text str),
    /// A name behind an `@`.
    Mention {
        /// As written, with the `@`.
        shown: &'text str,
        /// The username.
        name: String,
    },
}

/// The parts of a text, in order and without gaps.
pub fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut plain, mut at) = (0, 0);
    let mut before = None;
    while let Some(next) = text[at..].chars().next() {
        let Some((part, length)) = special(&text[at..], before) else {
            before = Some(next);
            at += next.len_utf8();
            continue;
        };
        if plain < at {
            parts.push(Part::Plain(&text[plain..at]));
        }
        parts.push(part);
        at += length;
        plain = at;
        before = text[..at].chars().next_back();
    }
    if plain < text.len() {
        parts.push(Part::Plain(&text[plain..]));
    }
    parts
}

/// How a text refers to a user so that [`parts`] finds the name.
pub fn mention(username: &str) -> String {
    format!("@{}", username.replace(' ', &JOINING_SPACE.to_string()))
}

/// The link or name that a text begins with, and its length in bytes.
fn special(text: &str, before: Option<char>) -> Option<(Part<'_>, usize)> {
    if before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    if let Some(rest) = text.strip_prefix('@') {
        // Addresses of mail and paths hold an `@`, too.
        let is_inside = before.is_some_and(|c| "@._%+-/".contains(c));
        let length = name_length(rest).filter(|_| !is_inside)? + 1;
        let shown = &text[..length];
        let name = shown[1..].replace(JOINING_SPACE, " ");
        return Some((Part::Mention { shown, name }, length));
    }
    let length = link_length(text)?;
    Some((Part::Link(&text[..length]), length))
}

/// Length of the name at the beginning of a text: letters, marks, digits and `_`, with single dots, dashes
/// and joining spaces in between.
fn name_length(text: &str) -> Option<usize> {
    let (mut end, mut is_joined) = (0, true);
    for (at, c) in text.char_indices() {
        let is_mark = c.general_category_group() == GeneralCategoryGroup::Mark;
        if c.is_alphanumeric() || c == '_' || (is_mark && !is_joined) {
            end = at + c.len_utf8();
            is_joined = false;
        } else if matches!(c, '.' | '-' | JOINING_SPACE) && !is_joined {
            is_joined = true;
        } else {
            break;
        }
    }
    (end > 0 && text[..end].chars().nth(MAX_NAME).is_none()).then_some(end)
}

/// Length of the address at the beginning of a text, without the punctuation of the sentence around it.
fn link_length(text: &str) -> Option<usize> {
    let starts = |scheme: &&str| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let scheme = ["https://", "http://"].into_iter().find(starts)?;
    let ends = |c: char| c.is_whitespace() || is_hidden(c) || "<>\"`\\".contains(c);
    let mut end = text.find(ends).unwrap_or(text.len());
    while let Some(last) = text[..end].chars().next_back().filter(|c| is_around(*c, &text[..end])) {
        end -= last.len_utf8();
    }
    let rest = text.get(scheme.len()..end)?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // A name in front of the host could pass for the host.
    let is_host = host.chars().all(|c| c.is_alphanumeric() || ".-:[]_".contains(c));
    let starts_well = host.starts_with(|c: char| c.is_alphanumeric() || c == '[');
    (is_host && starts_well).then_some(end)
}

/// Whether the last character of an address belongs to the sentence: punctuation, or a bracket that was
/// opened outside.
fn is_around(last: char, address: &str) -> bool {
    let open = match last {
        ')' => '(',
        ']' => '[',
        '}' => '{',
        _ => return ".,;:!?'*_~’”»…".contains(last),
    };
    address.matches(last).count() > address.matches(open).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn links(text: &str) -> Vec<&str> {
        parts(text)
            .into_iter()
            .filter_map(|part| match part {
                Part::Link(url) => Some(url),
                _ => None,
            })
            .collect()
    }

    fn names(text: &str) -> Vec<String> {
        parts(text)
            .into_iter()
            .filter_map(|part| match part {
                Part::Mention { name, .. } => Some(name),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn addresses_end_where_the_sentence_goes_on() {
        for (text, wanted) in [
            ("see https://a.test/b?c=d#e.", "https://a.test/b?c=d#e"),
            ("(https://a.test/x_(y))", "https://a.test/x_(y)"),
            ("HTTP://A.TEST, and", "HTTP://A.TEST"),
            ("http://[::1]:80/", "http://[::1]:80/"),
            ("“http://a.test”", "http://a.test"),
            ("http://a.test\u{202e}txt", "http://a.test"),
            ("http://a.test/\"onclick=1", "http://a.test/"),
            ("http://a.test<b>", "http://a.test"),
            ("日http://a.test", ""),
            ("http://", ""),
            ("https://.", ""),
            ("http:///x", ""),
            ("https://bank.test@evil.test/", ""),
            ("javascript:alert(1)", ""),
            ("ftp://a.test", ""),
            ("xhttp://a.test", ""),
        ] {
            let wanted: Vec<_> = [wanted].into_iter().filter(|url| !url.is_empty()).collect();
            assert_eq!(links(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn names_are_found_behind_an_at_sign() {
        for (text, wanted) in [
            ("@grace: hello", "grace"),
            ("hello @grace.", "grace"),
            ("(@a-b_c.d)", "a-b_c.d"),
            ("@日本 @", "日本"),
            ("@Roger\u{a0}Histand said", "Roger Histand"),
            ("@Roger Histand", "Roger"),
            ("@grace...well", "grace"),
            ("mail me@home.test", ""),
            ("@@a", ""),
            ("/@a", ""),
            ("@ a", ""),
            ("@.a", ""),
        ] {
            let wanted: Vec<_> = [wanted].into_iter().filter(|name| !name.is_empty()).collect();
            assert_eq!(names(text), wanted, "{text:?}");
        }
        assert_eq!(names(&format!("@{}", "x".repeat(65))), [""; 0]);
    }

    #[test]
    fn a_mention_is_found_again() {
        for name in ["grace", "Roger Histand", "Simulated User 78", "a-b.c"] {
            assert_eq!(names(&format!("{} hello", mention(name))), [name]);
        }
    }

    proptest! {
        #[test]
        fn parts_are_the_text_and_links_go_to_the_web(
            text in "(https?://|@|[a-z.]{1,3}|[ ()\"<>]|\\PC|.){0,24}"
        ) {
            let mut whole = String::new();
            for part in parts(&text) {
                whole.push_str(match part {
                    Part::Plain(text) => text,
                    Part::Link(url) => {
                        prop_assert!(url.starts_with("http://") || url.starts_with("https://"));
                        prop_assert!(!url.contains(|c: char| c.is_whitespace() || is_hidden(c)));
                        url
                    }
                    Part::Mention { shown, .. } => shown,
                });
            }
            prop_assert_eq!(whole, text);
        }
    }
}
