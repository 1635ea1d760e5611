//! An error with what caused it in one line, as a record shows it.

use std::error::Error;
use std::fmt::Write;

use crate::codec::Text;

/// Most causes of one error that are written.
const MAX_SOURCES: usize = 16;

/// The error and its sources, outermost first: `outer: inner: innermost`. What an error already says at
/// its end of its source, as those of databases do, is not repeated.
pub fn error_chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    write(&mut text, error);
    text
}

/// A text that a chain is written to; that of a record is bounded and does not allocate.
pub(crate) trait ChainText: Write {
    fn as_str(&self) -> &str;
    fn truncate(&mut self, length: usize);
}

impl ChainText for String {
    fn as_str(&self) -> &str {
        self
    }

    fn truncate(&mut self, length: usize) {
        self.truncate(length);
    }
}

impl ChainText for Text<'_> {
    fn as_str(&self) -> &str {
        self.as_str()
    }

    fn truncate(&mut self, length: usize) {
        self.truncate(length);
    }
}

/// Appends the chain to a text. A `Display` that fails is cut off where it did.
pub(crate) fn write(text: &mut impl ChainText, error: &(dyn Error + 'static)) {
    let _cut_off = write!(text, "{error}");
    let mut source = error.source();
    for _ in 0..MAX_SOURCES {
        let Some(error) = source else { return };
        let start = text.as_str().len();
        let _cut_off = write!(text, ": {error}");
        let (before, added) = text.as_str().split_at(start);
        if before.ends_with(added) || Some(before) == added.strip_prefix(": ") {
            text.truncate(start);
        }
        source = error.source();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(&'static str, #[source] Option<Box<Said>>);

    #[test]
    fn nothing_is_said_twice() {
        let cause = Said("no such table: messages", None);
        let database = Said("database: no such table: messages", Some(cause.into()));
        let error = Said("the statement failed", Some(database.into()));
        let text = "the statement failed: database: no such table: messages";
        assert_eq!(error_chain(&error), text);
        assert_eq!(error_chain(&Said("same", Some(Said("same", None).into()))), "same");
        assert_eq!(error_chain(&Said("no rate", Some(Said("rate", None).into()))), "no rate: rate");
    }

    #[test]
    fn a_chain_without_end_is_cut() {
        let mut error = Said("deepest", None);
        for _ in 0..2 * MAX_SOURCES {
            error = Said("next", Some(Said("other", Some(error.into())).into()));
        }
        assert_eq!(error_chain(&error).split(": ").count(), MAX_SOURCES + 1);
    }
}
