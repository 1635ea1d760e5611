//! Wildcard patterns: `*` any run of characters, `?` one, everything else itself in any case.

use unicode_normalization::UnicodeNormalization;

use super::text::{fold, folded, is_inside_word, tokens};

/// A wildcard pattern over a whole value or one word.
///
/// Over a *text* field a pattern is cut into words like the text itself ([`tokens`]), wildcards being
/// part of words: `/sim/fl*` is the word `sim` followed by a word that starts with `fl`. Words that are
/// only `*` are dropped at both ends and stand for exactly one word in between. The remaining words
/// match words of the text in order and adjacent; when none remains, every text matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

/// One element of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Any,
    One,
    Char(char),
}

impl Pattern {
    /// The pattern over a whole value.
    pub fn new(pattern: &str) -> Self {
        let folded = fold(pattern);
        let part = |c| match c {
            '*' => Part::Any,
            '?' => Part::One,
            other => Part::Char(other),
        };
        let mut parts: Vec<Part> = folded.chars().map(part).collect();
        parts.dedup_by(|a, b| *a == Part::Any && *b == Part::Any);
        Self { parts }
    }

    /// The patterns over the words of a text, see [`Pattern`].
    pub fn words(pattern: &str) -> Vec<Self> {
        let mut words: Vec<Self> = cut(pattern).iter().map(|word| Self::new(word)).collect();
        while words.last().is_some_and(Self::is_any) {
            words.pop();
        }
        let leading = words.iter().take_while(|word| word.is_any()).count();
        words.drain(..leading);
        words
    }

    /// Whether the query matches all records.
    pub fn is_any(&self) -> bool {
        self.parts == [Part::Any]
    }

    /// The folded characters before the first wildcard.
    pub fn prefix(&self) -> String {
        let literal = |part: &Part| match part {
            Part::Char(c) => Some(*c),
            _ => None,
        };
        self.parts.iter().map_while(literal).collect()
    }

    /// The longest run of folded characters without a wildcard; every text that matches has it.
    pub fn literal(&self) -> String {
        let runs = self.parts.split(|part| !matches!(part, Part::Char(_)));
        let text = |run: &[Part]| {
            run.iter()
                .filter_map(|part| if let Part::Char(c) = part { Some(*c) } else { None })
                .collect()
        };
        runs.map(text).max_by_key(String::len).unwrap_or_default()
    }

    /// The pattern as an anchored regular expression over folded text: `.*`, `.` and escaped
    /// characters. Dots are meant to match line feeds too.
    pub fn to_regex(&self) -> String {
        let mut regex = String::new();
        for part in &self.parts {
            match part {
                Part::Any => regex.push_str(".*"),
                Part::One => regex.push('.'),
                Part::Char(c) => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            }
        }
        regex
    }

    /// Whether the whole text matches. At worst the product of both lengths.
    pub fn matches(&self, text: &str) -> bool {
        if text.is_ascii() {
            run(&self.parts, text.bytes().map(|byte| char::from(byte.to_ascii_lowercase())))
        } else {
            run(&self.parts, folded(text))
        }
    }

    /// Whether words of the text match these patterns in order and adjacent.
    pub fn words_match(words: &[Self], text: &str) -> bool {
        let Some((first, rest)) = words.split_first() else { return true };
        let mut tokens = tokens(text);
        while let Some(token) = tokens.next() {
            if !first.matches(token.raw) {
                continue;
            }
            let mut following = tokens.clone();
            if rest.iter().all(|word| following.next().is_some_and(|t| word.matches(t.raw))) {
                return true;
            }
        }
        false
    }
}

/// Cuts a pattern like [`tokens`] cuts text, with wildcards as letters.
fn cut(pattern: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut buffer = [0; 4];
    for c in pattern.nfc() {
        if matches!(c, '*' | '?') {
            push(&mut words, c);
            continue;
        }
        let text = c.encode_utf8(&mut buffer);
        let is_word = tokens(text).next().is_some();
        // A mark belongs to the letter before it.
        let is_mark = !is_word && is_inside_word(c);
        if is_mark && words.last().is_some_and(|word| word.ends_with(is_inside_word)) {
            push(&mut words, c);
            continue;
        }
        // A character that is a word of its own does not grow together with a second one.
        let joins = is_word && tokens(&text.repeat(2)).count() == 1;
        if joins {
            push(&mut words, c);
        } else {
            words.push(text.to_owned());
            words.push(String::new());
            if !is_word {
                words.remove(words.len() - 2);
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn push(words: &mut [String], c: char) {
    if let Some(word) = words.last_mut() {
        word.push(c);
    }
}

/// Greedy matching that returns to the last `*` only.
fn run(parts: &[Part], mut text: impl Iterator<Item = char> + Clone) -> bool {
    let mut at = 0;
    let mut retry = None;
    loop {
        if parts.get(at) == Some(&Part::Any) {
            at += 1;
            if at == parts.len() {
                return true;
            }
            retry = Some((at, text.clone()));
            continue;
        }
        let mut ahead = text.clone();
        let Some(next) = ahead.next() else { return at == parts.len() };
        let fits = match parts.get(at) {
            Some(Part::One) => true,
            Some(Part::Char(c)) => *c == next,
            _ => false,
        };
        if fits {
            at += 1;
            text = ahead;
            continue;
        }
        let Some((again, from)) = &mut retry else { return false };
        from.next();
        at = *again;
        text = from.clone();
    }
}

/// Whether a word without a field is a pattern. `count(*)`, `/public?page=2` and `?out/` are text:
/// `*` counts only in words without brackets, quotes and signs, `?` only among letters and digits.
pub(super) fn is_pattern(word: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '*' | '?' | '_' | '-' | '.');
    let path = |c: char| plain(c) || matches!(c, '/' | ':' | '@' | '%' | ',');
    if word.contains('?') {
        word.chars().all(plain)
    } else {
        word.contains('*') && word.chars().all(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).matches(text)
    }

    #[test]
    fn a_pattern_covers_the_whole_value_in_any_case() {
        assert!(matches("/sim/*", "/SIM/msgs"));
        assert!(!matches("/sim/*", "x/sim/msgs"));
        assert!(matches("50?", "503") && !matches("50?", "50"));
        assert!(matches("*a*b*", "xxaxxbxx") && !matches("*a*b*c", "ab"));
        assert!(matches("Ä?l*", "äöL") && matches("*", "") && matches("", ""));
        assert!(matches("*ab", "aab") && matches("a*a", "aa") && !matches("a*a", "a"));
    }

    #[test]
    fn a_pattern_over_text_is_cut_into_words() {
        let find = |pattern: &str, text: &str| Pattern::words_match(&Pattern::words(pattern), text);
        assert!(find("*timeout*", "a Timeouts b"));
        assert!(find("/sim/fl*", "GET /sim/flws/x"));
        assert!(!find("/sim/fl*", "GET /sim/msgs/flws"));
        assert!(find("a.*.b", "a x b") && !find("a.*.b", "a b"));
        assert!(find("**", "") && find("/*", "anything"));
        assert!(!find("?", "ab cd") && find("?", "ab c"));
        assert!(find("数据*", "数据库"));
    }

    #[test]
    fn a_hostile_pattern_ends() {
        let pattern = Pattern::new(&("a*".repeat(128) + "b"));
        assert!(!pattern.matches(&"a".repeat(10_000)));
    }
}
