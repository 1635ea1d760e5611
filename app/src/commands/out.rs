//! What commands print. On a terminal no character of it acts on the terminal: what visitors wrote may hold
//! escape sequences. In a file or a pipe the bytes are as they are.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write, stderr, stdout};

use anyhow::Context;

/// Standard output, buffered.
pub struct Out {
    out: BufWriter<StdoutLock<'static>>,
    is_terminal: bool,
}

impl Out {
    /// Locks standard output.
    pub fn lock() -> Self {
        let out = stdout();
        let is_terminal = out.is_terminal();
        Self { out: BufWriter::new(out.lock()), is_terminal }
    }

    /// Whether it is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Writes a text; on a terminal with what would act on it as escapes such as `\u{1b}`.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        let text = if self.is_terminal { visible(text) } else { text.into() };
        self.out.write_all(text.as_bytes())
    }

    /// Writes lines of JSON; on a terminal with escapes that mean the same in JSON.
    pub fn json(&mut self, text: &str) -> io::Result<()> {
        let text = if self.is_terminal { visible_json(text) } else { text.into() };
        self.out.write_all(text.as_bytes())
    }

    /// Writes what is safe already, as it is.
    pub fn safe(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// Hands everything to the system.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Prints a line to standard output.
pub fn say(line: &str) -> anyhow::Result<()> {
    let mut out = Out::lock();
    out.text(line)?;
    out.text("\n")?;
    Ok(out.flush()?)
}

/// Prints a line to standard error, apart from the results on standard output.
pub fn note(line: &str) -> anyhow::Result<()> {
    let err = stderr();
    let line = if err.is_terminal() { visible(line) } else { line.into() };
    writeln!(err.lock(), "minitwit: {line}").context("could not write")
}

/// The text with whatever acts on a terminal as escapes; line ends and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, |c, out| out.extend(c.escape_unicode()))
}

fn visible_json(text: &str) -> Cow<'_, str> {
    escaped(text, |c, out| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    })
}

fn escaped(text: &str, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.contains(is_steering) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        // A carriage return alone goes back over what the line says.
        let is_line_end = c == '\n' || (c == '\r' && characters.peek() == Some(&'\n'));
        if is_line_end || c == '\t' || !is_steering(c) {
            out.push(c);
        } else {
            escape(c, &mut out);
        }
    }
    out.into()
}

/// Control characters of both sets, and marks that turn the direction of text.
pub fn is_steering(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_as_an_escape() {
        assert_eq!(visible("a\u{1b}]0;x\u{7}b\r\nc\td\r"), "a\\u{1b}]0;x\\u{7}b\r\nc\td\\u{d}");
        assert_eq!(visible("\u{9b}31m\u{202e}"), "\\u{9b}31m\\u{202e}");
        assert_eq!(visible_json("{\"a\":\"\u{9b}\u{7f}\"}\n"), "{\"a\":\"\\u009b\\u007f\"}\n");
        assert!(matches!(visible("plain æ 🦀"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn nothing_steers_and_what_does_not_is_as_it_was(text in "(\\PC|\\pC|[\\r\\n\\t]){0,40}") {
            let shown = visible(&text);
            let rest = shown.replace("\r\n", "\n").replace(['\n', '\t'], "");
            prop_assert!(!rest.contains(is_steering), "{shown:?}");
            if !text.contains(is_steering) {
                prop_assert_eq!(shown.as_ref(), text.as_str());
            }
        }
    }
}
