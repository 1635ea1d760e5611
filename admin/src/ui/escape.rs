//! How text becomes HTML. Log content is written by attackers, so besides markup every character that
//! a browser would act on instead of showing it (controls, direction overrides, invisible spaces) is
//! shown as a visible escape such as `\u{202e}`. Line breaks and tabs stay: chains and traces need them.

use std::fmt::{self, Write};

/// The escaper of every template.
#[derive(Clone, Copy, Debug)]
pub struct Html;

impl askama::filters::Escaper for Html {
    fn write_escaped_str<W: Write>(&self, mut out: W, text: &str) -> fmt::Result {
        let mut written = 0;
        for (at, character) in text.char_indices() {
            let entity = match character {
                '<' => "&lt;",
                '>' => "&gt;",
                '&' => "&amp;",
                '"' => "&quot;",
                '\'' => "&#39;",
                hidden if is_hidden(hidden) => "",
                _ => continue,
            };
            out.write_str(&text[written..at])?;
            out.write_str(entity)?;
            if entity.is_empty() {
                write!(out, "{}", character.escape_unicode())?;
            }
            written = at + character.len_utf8();
        }
        out.write_str(&text[written..])
    }
}

/// Whether a character acts on its neighbors, or is not seen at all.
pub fn is_hidden(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => true,
        other => other.is_control(),
    }
}

/// The text with hidden characters as `\u{..}`, for places that are not HTML.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_hidden(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

/// JSON with the hidden characters of its strings as `\u` escapes: the same value, safe to look at.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if !is_hidden(character) {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use askama::filters::Escaper;

    use super::*;

    fn html(text: &str) -> String {
        let mut out = String::new();
        Html.write_escaped_str(&mut out, text).unwrap();
        out
    }

    #[test]
    fn markup_is_text_and_hidden_characters_are_visible() {
        assert_eq!(html("<a b=\"c\" d='e'>&"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
        assert_eq!(
            html("a\u{1b}[31m\u{202e}b\0\r\n\tc"),
            "a\\u{1b}[31m\\u{202e}b\\u{0}\\u{d}\n\tc"
        );
        assert_eq!(html("æ 中 🦀"), "æ 中 🦀");
    }

    #[test]
    fn json_keeps_its_value() {
        let value = serde_json::Value::from("a\u{202e}b\u{e0041}\u{1b}");
        let shown = json(&value.to_string());
        assert!(shown.is_ascii(), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
