//! How text becomes words, once for everybody: the matcher, the index and the highlighting of a page
//! must cut and fold in exactly the same way, or they disagree about what matches.

use std::borrow::Cow;
use std::ops::Range;

/// The longest word in bytes. A longer run is cut into several words that follow each other, so that
/// no index drops it silently.
pub const MAX_TOKEN_BYTES: usize = 255;

/// One word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// Where it stands, in bytes.
    pub range: Range<usize>,
    /// As written, not folded.
    pub raw: &'a str,
}

/// The words of a text, in order.
///
/// - A word is a longest run of alphanumeric characters ([`char::is_alphanumeric`]); everything else,
///   `_` and `-` and `.` included, only separates. So `src/main.rs:42` is four words: `src`, `main`,
///   `rs`, `42`.
/// - Each Han, Hiragana, Katakana, Thai or emoji character is a word of its own, as such text has no
///   spaces; a search for several of them is a phrase.
/// - A run of more than [`MAX_TOKEN_BYTES`] is cut at character boundaries.
/// - There is no stemming, no stop word and no Unicode normalization. Words are compared after
///   [`fold`].
pub fn tokens(text: &str) -> Tokens<'_> {
    Tokens { text, position: 0 }
}

/// Iterator over the words of a text, made by [`tokens`].
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let bytes = self.text.as_bytes();
        let mut start = self.position;
        loop {
            let byte = *bytes.get(start)?;
            if byte.is_ascii_alphanumeric() {
                break;
            }
            if byte.is_ascii() {
                start += 1;
                continue;
            }
            let character = self.text[start..].chars().next()?;
            if is_single(character) {
                return Some(self.take(start, start + character.len_utf8()));
            }
            if character.is_alphanumeric() {
                break;
            }
            start += character.len_utf8();
        }
        let end = word_end(self.text, start);
        Some(self.take(start, end))
    }
}

impl<'a> Tokens<'a> {
    fn take(&mut self, start: usize, end: usize) -> Token<'a> {
        self.position = end;
        Token { range: start..end, raw: &self.text[start..end] }
    }
}

/// The end of the word that starts here.
fn word_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut end = start;
    while let Some(&byte) = bytes.get(end) {
        let width = if byte.is_ascii() {
            if !byte.is_ascii_alphanumeric() {
                break;
            }
            1
        } else {
            let Some(character) = text[end..].chars().next() else { break };
            if !character.is_alphanumeric() || is_single(character) {
                break;
            }
            character.len_utf8()
        };
        if end + width - start > MAX_TOKEN_BYTES {
            break;
        }
        end += width;
    }
    end
}

/// Whether a character is a word of its own.
const fn is_single(character: char) -> bool {
    matches!(character,
        '\u{0E00}'..='\u{0E7F}'      // Thai
        | '\u{2600}'..='\u{27BF}'    // symbols
        | '\u{3040}'..='\u{30FF}'    // Hiragana, Katakana
        | '\u{3400}'..='\u{4DBF}'    // Han
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{1F000}'..='\u{1FAFF}'  // emoji
        | '\u{20000}'..='\u{3FFFF}')
}

/// The form in which texts and values are compared: each character in lower case on its own, without
/// regard to its neighbors.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().flat_map(char::to_lowercase).collect())
}

/// Whether a text equals an already folded one, without allocating.
pub fn equals_folded(text: &str, folded: &str) -> bool {
    if text.is_ascii() {
        return text.len() == folded.len() && text.eq_ignore_ascii_case(folded);
    }
    text.chars().flat_map(char::to_lowercase).eq(folded.chars())
}

/// Whether the words of a text contain these folded words in order and adjacent. No words are
/// contained in every text.
pub fn contains_phrase(text: &str, folded: &[String]) -> bool {
    let Some((first, rest)) = folded.split_first() else { return true };
    let mut words = tokens(text);
    while let Some(word) = words.next() {
        if !equals_folded(word.raw, first) {
            continue;
        }
        let mut following = words.clone();
        if rest.iter().all(|want| following.next().is_some_and(|w| equals_folded(w.raw, want))) {
            return true;
        }
    }
    false
}

/// The folded words of a text.
pub fn folded_tokens(text: &str) -> Vec<String> {
    tokens(text).map(|token| fold(token.raw).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        tokens(text).map(|token| token.raw).collect()
    }

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        assert_eq!(
            words("src/main.rs:42 a_b  \u{1b}[31m"),
            ["src", "main", "rs", "42", "a", "b", "31m"]
        );
        assert_eq!(words("naïve Ærø"), ["naïve", "Ærø"]);
        assert!(words(" -- = \u{0} ").is_empty());
    }

    #[test]
    fn text_without_spaces_is_cut_into_characters() {
        assert_eq!(words("数据库locked🎉🎉"), ["数", "据", "库", "locked", "🎉", "🎉"]);
    }

    #[test]
    fn a_long_run_is_cut_at_a_character_boundary() {
        let text = "é".repeat(300);
        let cut = words(&text);
        assert_eq!(cut.concat(), text);
        assert!(cut.iter().all(|word| word.len() <= MAX_TOKEN_BYTES));
        assert_eq!(cut.len(), 3);
    }

    #[test]
    fn a_phrase_is_found_in_any_case_and_only_in_order() {
        let text = "Database IS locked; database is LOCKED ΑΣ";
        assert!(contains_phrase(text, &folded_tokens("is locked database")));
        assert!(!contains_phrase(text, &folded_tokens("locked is")));
        assert!(contains_phrase(
            text,
            &folded_tokens("ας").iter().map(|w| w.replace('ς', "σ")).collect::<Vec<_>>()
        ));
        assert!(contains_phrase("", &[]));
    }

    #[test]
    fn folding_keeps_plain_text_borrowed() {
        assert!(matches!(fold("plain text 5"), Cow::Borrowed(_)));
        assert_eq!(fold("ÄrGER"), "ärger");
        assert!(equals_folded("ÄrGER", "ärger"));
        assert!(!equals_folded("arger", "ärger"));
    }
}
