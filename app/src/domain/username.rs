//! Names of accounts: which may be taken, how they are written down, and when two read as one.
//!
//! A name is kept trimmed and in NFKC. Two names are one when they agree after case folding or when a reader
//! may confuse them (UTS 39). Accounts from before these rules keep their names.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_security::skeleton;

/// Longest name, in characters.
const MAX: usize = 64;
/// Longest key of a name, in characters: some characters become several.
const MAX_KEY: usize = 512;
/// Looks like a space and counts as a symbol.
const BRAILLE_BLANK: char = '\u{2800}';

/// Why a name cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Nothing is left after trimming.
    Empty,
    /// More than 64 characters.
    Long,
    /// A slash, a control character, or dots alone: a browser resolves such a path away.
    Unlinkable,
    /// A character that is not seen, or acts on its neighbors.
    Invisible,
}

/// A name that can be taken and then reached by a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// The name as it is kept.
    ///
    /// # Errors
    /// When it cannot be taken by a new account.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let name = canonical(text);
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.chars().nth(MAX).is_some() {
            return Err(NameError::Long);
        }
        let has_no_link = name.contains('/') || name.chars().all(|c| c == '.');
        if has_no_link || name.chars().any(char::is_control) {
            return Err(NameError::Unlinkable);
        }
        if name.chars().any(is_invisible) { Err(NameError::Invisible) } else { Ok(Self(name)) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A name as accounts keep it: NFKC without white space around it. What is canonical stays the same.
pub fn canonical(text: &str) -> String {
    let normal: String = text.nfkc().collect();
    normal.trim_matches(|c: char| c.is_whitespace() || c == BRAILLE_BLANK).to_owned()
}

/// Format characters, private ones that a font may draw as anything, and what Unicode says to ignore where
/// it cannot be drawn, such as variation selectors and fillers.
fn is_invisible(c: char) -> bool {
    use GeneralCategory::{Format, LineSeparator, ParagraphSeparator, PrivateUse};

    let category = c.general_category();
    matches!(category, Format | LineSeparator | ParagraphSeparator | PrivateUse)
        || c == BRAILLE_BLANK
        // A skeleton leaves out the characters to ignore, and nothing else.
        || skeleton(c.encode_utf8(&mut [0; 4])).next().is_none()
}

/// What no two accounts may share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NameKeys {
    /// The skeleton of UTS 39, case folded: `paypaI` is `paypal`.
    pub fold: String,
    /// The skeleton of the case folded name: `IAN` is `ian`.
    pub skeleton: String,
}

impl NameKeys {
    /// The keys of any name, also of one that could not be taken.
    pub fn of(name: &str) -> Self {
        let name = canonical(name);
        let confusable = skeleton(&name).collect::<String>();
        let folded = case_fold(&name);
        Self {
            fold: key(&case_fold(&confusable)),
            skeleton: key(&skeleton(&folded).collect::<String>()),
        }
    }
}

/// Through upper case, so that `ß` is `ss` and the final sigma is a sigma, as in full case folding.
fn case_fold(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// A page shows any white space as one space.
fn key(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").chars().take(MAX_KEY).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn collide(one: &str, other: &str) -> bool {
        let (one, other) = (NameKeys::of(one), NameKeys::of(other));
        one.fold == other.fold || one.skeleton == other.skeleton
    }

    #[test]
    fn names_are_kept_trimmed_and_in_one_normal_form() {
        for (text, name) in [
            (" carol\u{a0}", "carol"),
            ("cafe\u{301}", "café"),
            ("ﬁnn", "finn"),
            ("Ｂｏｂ", "Bob"),
            ("a  b", "a  b"),
        ] {
            assert_eq!(Username::parse(text).unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_without_a_link_or_with_hidden_characters_are_refused() {
        for text in
            [".", "..", "...", "…", "‥", "a/b", "／", "a\nb", "\0", "\u{7f}", "\u{9b}", " .. "]
        {
            assert_eq!(Username::parse(text), Err(NameError::Unlinkable), "{text:?}");
        }
        let hidden = [
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{17b4}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200f}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{110bd}',
            '\u{e000}',
            '\u{e0041}',
            '\u{e0101}',
        ];
        for c in hidden {
            assert_eq!(Username::parse(&format!("ca{c}rol")), Err(NameError::Invisible), "{c:?}");
        }
        for text in ["", " ", "\u{a0}\u{3000}", "\u{2800}"] {
            assert_eq!(Username::parse(text), Err(NameError::Empty), "{text:?}");
        }
        assert_eq!(Username::parse(&"ﷺ".repeat(4)), Err(NameError::Long));
    }

    #[test]
    fn names_of_routes_spaces_and_unicode_are_fine() {
        for text in
            ["public", "Simulated User 78", "æøå", "日本", "..a", "%2F", "<b>", "🦀", "مريم"]
        {
            assert_eq!(Username::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn names_that_read_as_one_collide_and_others_do_not() {
        for (one, other) in [
            ("carol", "Carol"),
            ("carol", "cаrol"),
            ("carol", "ｃａｒｏｌ"),
            ("carol", "𝐜arol"),
            ("paypal", "paypaI"),
            ("paypal", "PAYPAL"),
            ("ian", "IAN"),
            ("modern", "modem"),
            ("straße", "STRASSE"),
            ("σας", "ΣΑΣ"),
            ("café", "cafe\u{301}"),
            ("a b", "a  b"),
            ("a b", "a\u{a0}b"),
            ("carol", "ca\u{200b}rol"),
        ] {
            assert!(collide(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("ian", "lan"),
            ("carol", "carola"),
            ("user1", "user2"),
            ("a b", "ab"),
            ("café", "cafe"),
        ] {
            assert!(!collide(one, other), "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn what_can_be_taken_is_canonical_and_seen(text in "\\PC{0,70}|.{0,70}") {
            if let Ok(name) = Username::parse(&text) {
                let name = name.as_str();
                prop_assert_eq!(canonical(name), name);
                let again = Username::parse(name).unwrap();
                prop_assert_eq!(again.as_str(), name);
                prop_assert!(!name.chars().any(|c| c.is_control() || is_invisible(c)));
                let keys = NameKeys::of(name);
                prop_assert!(!keys.fold.is_empty() && !keys.skeleton.is_empty());
                prop_assert!(collide(name, &name.to_uppercase()));
                let padded = format!("  {name}\u{3000}");
                prop_assert!(collide(name, &padded));
            }
        }
    }
}
