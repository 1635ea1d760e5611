//! What one log record is, in memory. No I/O, no encoding (`codec`), no meaning of names (`fields`).

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Severity, least severe first, so that `level >= Level::Warn` reads as it is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Most verbose.
    Trace,
    /// Debug information.
    Debug,
    /// Normal operation.
    Info,
    /// Potential problem.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    /// Every level, least severe first.
    pub const ALL: [Self; 5] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// The name in lower case, as the query language and the index spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The name in upper case, as `tracing` and log lines spell it.
    pub const fn as_upper_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }

    /// The level of that name in any case; `warning` is read as `warn`.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        if name == "warning" {
            return Some(Self::Warn);
        }
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl From<&tracing::Level> for Level {
    fn from(level: &tracing::Level) -> Self {
        match *level {
            tracing::Level::TRACE => Self::Trace,
            tracing::Level::DEBUG => Self::Debug,
            tracing::Level::INFO => Self::Info,
            tracing::Level::WARN => Self::Warn,
            tracing::Level::ERROR => Self::Error,
        }
    }
}

impl From<Level> for tracing::level_filters::LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::TRACE,
            Level::Debug => Self::DEBUG,
            Level::Info => Self::INFO,
            Level::Warn => Self::WARN,
            Level::Error => Self::ERROR,
        }
    }
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number. Unsigned values above `i64::MAX` are kept as [`Value::Str`].
    Int(i64),
    /// A finite number with a fraction; others are kept as [`Value::Str`].
    Float(f64),
    /// Text, control characters included.
    Str(String),
}

impl Value {
    /// The same value, borrowed.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Bool(value) => ValueRef::Bool(*value),
            Self::Int(value) => ValueRef::Int(*value),
            Self::Float(value) => ValueRef::Float(*value),
            Self::Str(value) => ValueRef::Str(value),
        }
    }
}

/// A borrowed [`Value`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'a> {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// Text.
    Str(&'a str),
}

impl<'a> ValueRef<'a> {
    /// The owned value.
    pub fn to_value(self) -> Value {
        match self {
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Float(value) => Value::Float(value),
            Self::Str(value) => Value::Str(value.to_owned()),
        }
    }

    /// The value as text: a string itself, numbers as Rust prints them, `true` or `false`. Only
    /// numbers allocate.
    pub fn text(self) -> Cow<'a, str> {
        match self {
            Self::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
            Self::Int(value) => Cow::Owned(value.to_string()),
            Self::Float(value) => Cow::Owned(value.to_string()),
            Self::Str(value) => Cow::Borrowed(value),
        }
    }
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> Self {
        value.as_ref()
    }
}

impl fmt::Display for ValueRef<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(formatter),
            Self::Int(value) => value.fmt(formatter),
            Self::Float(value) => value.fmt(formatter),
            Self::Str(value) => value.fmt(formatter),
        }
    }
}

/// One stored log record.
///
/// `(timestamp, sequence)` is a total order over the records of a store and so the cursor of paging.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRecord {
    /// Microseconds since the Unix epoch, UTC, when the event was emitted.
    pub timestamp: i64,
    /// Position in the write-ahead log of the node; unique in a store, growing with arrival.
    pub sequence: u64,
    /// Level of the record.
    pub level: Level,
    /// The module path or name the emitting code gave, such as `minitwit::api`.
    pub target: String,
    /// Message of the event.
    pub message: String,
    /// Canonical dotted names (see `fields`) with their values, each name once.
    pub fields: Vec<(String, Value)>,
}

impl LogRecord {
    /// The value of a field by its canonical name; level, target and message are not fields.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// A record that can be looked at without copying it, however it is kept.
pub trait Matchable {
    /// Microseconds since the Unix epoch.
    fn timestamp(&self) -> i64;
    /// Sequence number in the log.
    fn sequence(&self) -> u64;
    /// Level of the record.
    fn level(&self) -> Level;
    /// The module path or name the emitting code gave.
    fn target(&self) -> &str;
    /// Message of the event.
    fn message(&self) -> &str;
    /// The value of a field by its canonical name; the five above are not fields.
    fn field(&self, name: &str) -> Option<ValueRef<'_>>;
    /// Calls `look` with each field in order.
    fn each_field(&self, look: &mut dyn FnMut(&str, ValueRef<'_>));
}

impl Matchable for LogRecord {
    fn timestamp(&self) -> i64 {
        self.timestamp
    }

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

    fn each_field(&self, look: &mut dyn FnMut(&str, ValueRef<'_>)) {
        for (name, value) in &self.fields {
            look(name, value.as_ref());
        }
    }
}
