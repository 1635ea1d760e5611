//! What the parser had to decide for the person who typed. No decision is silent, none is an error.

use std::fmt;
use std::ops::Range;

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
    pub(super) fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Self { message: message.into(), span, suggestion: None }
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
