//! The reference meaning of a query over one record.

use crate::record::{Level, LogRecord, Value, ValueRef};

/// A record that a query can look at without copying it.
pub trait Matchable {
    /// The position in the log.
    fn sequence(&self) -> u64;
    /// The severity.
    fn level(&self) -> Level;
    /// The module path or name the emitting code gave.
    fn target(&self) -> &str;
    /// The sentence of the event.
    fn message(&self) -> &str;
    /// The value of a field by its canonical name; the four above are not fields.
    fn field(&self, name: &str) -> Option<ValueRef<'_>>;
}

impl Matchable for LogRecord {
    fn sequence(&self) -> u64 {
        self.sequence
    }

    fn level(&self) -> Level {
        self.level
    }

    fn target(&self) -> &str {
        &self.target
    }

    fn message(&self) -> &str {
        &self.message
    }

    fn field(&self, name: &str) -> Option<ValueRef<'_>> {
        Self::field(self, name).map(Value::as_ref)
    }
}
