//! How text becomes words, once for everybody: the matcher, the index and the highlighting of a page
//! must cut and fold in exactly the same way, or they disagree about what matches.

use std::array::IntoIter;
use std::borrow::Cow;
use std::iter::Take;
use std::ops::Range;

use memchr::memchr2_iter;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

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
/// - Accents and other marks belong to the letter that they stand behind, so that a word is the same whether
///   it is composed or not.
/// - A run of more than [`MAX_TOKEN_BYTES`] is cut at character boundaries.
/// - There is no stemming and no stop word. Words are compared after [`fold`].
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
            if is_single(character) || !is_inside_word(character) {
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

/// Whether a word goes on with this character.
pub(super) fn is_inside_word(character: char) -> bool {
    // Variation selectors say how a symbol is drawn.
    let is_selector = matches!(character, '\u{FE00}'..='\u{FE0F}');
    character.is_alphanumeric() || (is_combining_mark(character) && !is_selector)
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

/// The form in which texts and values are compared: full case folding as Unicode defines it (`ß` is `ss`,
/// every sigma is `σ`), composed (NFC), without regard to what stands next to a character.
pub fn fold(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        return Cow::Owned(folded(text).collect());
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    Cow::Borrowed(text)
}

/// The characters of [`fold`], one by one.
pub(super) fn folded(text: &str) -> impl Iterator<Item = char> + Clone + '_ {
    text.nfc().flat_map(fold_char).nfc()
}

/// What a character is folded to: lower case, by way of upper case, where letters that only look apart in
/// lower case meet. No character becomes more than three.
fn fold_char(character: char) -> Take<IntoIter<char, 3>> {
    let (mut folded, mut count) = (['\0'; 3], 0);
    let mut push = |next| {
        if let Some(place) = folded.get_mut(count) {
            *place = next;
            count += 1;
        }
    };
    match character {
        ascii if ascii.is_ascii() => push(ascii.to_ascii_lowercase()),
        // Its upper case is the I of other languages; Unicode leaves it as it is.
        dotless @ '\u{131}' => push(dotless),
        other => {
            let upper = other.to_lowercase().flat_map(char::to_uppercase);
            upper.flat_map(char::to_lowercase).for_each(push);
        }
    }
    folded.into_iter().take(count)
}

/// Whether a text equals an already folded one, without allocating.
pub fn equals_folded(text: &str, folded_text: &str) -> bool {
    if text.is_ascii() {
        return text.eq_ignore_ascii_case(folded_text);
    }
    folded(text).eq(folded_text.chars())
}

/// Whether a text starts with an already folded one.
fn starts_folded(text: &str, prefix: &str) -> bool {
    if text.is_ascii() {
        let start = text.as_bytes().get(..prefix.len());
        return start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()));
    }
    let mut characters = folded(text);
    prefix.chars().all(|want| characters.next() == Some(want))
}

/// Whether a text can contain a folded word: `false` only for texts that do not have its bytes in any case.
/// Cutting a text into words takes ten times as long.
fn may_contain(text: &str, word: &str) -> bool {
    if !text.is_ascii() {
        return true;
    }
    let (text, word) = (text.as_bytes(), word.as_bytes());
    let Some(first) = word.first() else { return true };
    let last = (text.len() + 1).saturating_sub(word.len());
    memchr2_iter(*first, first.to_ascii_uppercase(), &text[..last.min(text.len())])
        .any(|at| text[at..at + word.len()].eq_ignore_ascii_case(word))
}

/// Words that a text has in order and adjacent, of the last of which it may have only the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    /// The folded words.
    pub words: Vec<String>,
    /// Whether a longer last word will do: the phrase was typed with a `*` right behind it.
    pub is_prefix: bool,
}

impl Phrase {
    /// The phrase that a text means.
    pub fn new(text: &str) -> Self {
        let words = folded_tokens(text);
        let is_prefix = text.strip_suffix('*').is_some_and(|text| text.ends_with(is_inside_word));
        Self { words, is_prefix }
    }

    /// The words of a text, each as a whole.
    pub fn words_of(text: &str) -> Self {
        Self { words: folded_tokens(text), is_prefix: false }
    }

    /// Whether it has no word, so that every text has it.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether a text has it.
    pub fn is_in(&self, text: &str) -> bool {
        let Some((first, rest)) = self.words.split_first() else { return true };
        if !may_contain(text, first) {
            return false;
        }
        let mut words = tokens(text);
        while let Some(word) = words.next() {
            if !self.fits(0, &word) {
                continue;
            }
            let mut following = words.clone();
            let fits = |at| following.next().is_some_and(|word| self.fits(at, &word));
            if (1..=rest.len()).all(fits) {
                return true;
            }
        }
        false
    }

    /// Whether a word of a text is the one at this place of the phrase.
    pub fn fits(&self, at: usize, word: &Token<'_>) -> bool {
        let want = &self.words[at];
        if self.is_prefix && at + 1 == self.words.len() {
            starts_folded(word.raw, want)
        } else {
            equals_folded(word.raw, want)
        }
    }
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
        let is_in = |phrase: &str| Phrase::new(phrase).is_in(text);
        assert!(is_in("is locked database") && !is_in("locked is"));
        assert!(is_in("ας") && is_in("") && is_in("--"));
        assert!(is_in("IS LOCK*") && is_in("data*") && is_in("α*"));
        assert!(!is_in("is lock") && !is_in("lock* is") && !is_in("is lock *"));
        assert!(!is_in("atabase") && !is_in("lockedx*"));
    }

    #[test]
    fn folding_is_the_full_one_of_unicode_and_composed() {
        assert!(matches!(fold("plain text 5"), Cow::Borrowed(_)));
        for (text, folded) in [
            ("ÄrGER", "ärger"),
            ("Straße STRASSE ẞ", "strasse strasse ss"),
            ("σας ΣΑΣ", "σασ σασ"),
            ("u\u{308}nlu\u{308}", "ünlü"),
            ("\u{212a}elvin ſ µ ﬁ", "kelvin s μ fi"),
            ("ı I İ", "ı i i\u{307}"),
            ("ᾳ ΐ ŉ", "αι ΐ ʼn"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
            assert!(equals_folded(text, folded), "{text}");
            assert_eq!(fold(folded), folded, "folded once and for all");
        }
        assert!(!equals_folded("arger", "ärger"));
    }

    #[test]
    fn a_word_is_the_same_composed_or_not() {
        assert_eq!(folded_tokens("a u\u{308}nlu\u{308}"), ["a", "ünlü"]);
        assert_eq!(words("e\u{301}\u{323} \u{301}x"), ["e\u{301}\u{323}", "x"]);
        assert_eq!(words("5\u{fe0f}\u{20e3} ❤\u{fe0f}❤"), ["5", "❤", "❤"]);
    }
}
