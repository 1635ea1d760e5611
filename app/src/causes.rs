//! An error with what caused it in one line, as a record tells it.

use std::error::Error;

/// `outer: inner: innermost`. What an error already says of its cause, as those of databases do, is not
/// said again.
pub fn line(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_twice() {
        let cause = anyhow::anyhow!("no such table: messages");
        let database = cause.context("database: no such table: messages");
        let error = database.context("the statement failed");
        let text = "the statement failed: database: no such table: messages";
        assert_eq!(line(error.as_ref()), text);
    }
}
