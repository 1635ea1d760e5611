//! What the parser had to decide for the person who typed. No decision is silent, none is an error.

use std::fmt;
use std::ops::Range;

use super::tree::Field;
use crate::fields;

/// A notice about how the parser understood the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What was decided, such as `no field 'usr'; searched as text`.
    pub message: String,
    /// Which bytes of the typed text it is about.
    pub span: Range<usize>,
    /// The field that was probably meant.
    pub suggestion: Option<&'static str>,
}

impl Notice {
    /// What to say of a field that no record has, in the query of this text.
    pub fn unknown_field(field: &Field, text: &str) -> Self {
        let start = text.find(&field.typed).unwrap_or(0);
        let end =
            if text[start..].starts_with(&field.typed) { start + field.typed.len() } else { start };
        let message = format!("no record has a field '{}'", field.typed);
        Self { suggestion: fields::suggest(&field.typed), ..Self::new(message, start..end) }
    }

    pub(super) fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Self { message: message.into(), span, suggestion: None }
    }

    /// The same without a correction, for a notice about more than the misspelt word.
    pub(super) fn bare(self) -> Self {
        Self { suggestion: None, ..self }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        match self.suggestion {
            Some(name) => write!(formatter, "; did you mean '{name}'?"),
            None => Ok(()),
        }
    }
}
