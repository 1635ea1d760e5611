//! Records of the pipeline's own: what it lost, and when it could not go on. It cannot emit them like
//! everybody else, because what its threads emit is not recorded.

use std::borrow::Cow;

use crate::codec::Encoder;
use crate::record::{Level, Value};

/// A record of the pipeline's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Level of the record.
    pub level: Level,
    /// Its message.
    pub message: Cow<'static, str>,
    /// Names and values of its fields.
    pub fields: Vec<(Cow<'static, str>, Value)>,
}

impl Report {
    /// The target of every such record.
    pub const TARGET: &'static str = "logsearch";

    /// A record without fields.
    pub fn new(level: Level, message: impl Into<Cow<'static, str>>) -> Self {
        Self { level, message: message.into(), fields: Vec::new() }
    }

    /// With a number of records, unless it is 0.
    #[must_use]
    pub fn count(mut self, name: impl Into<Cow<'static, str>>, count: u64) -> Self {
        if count > 0 {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.fields.push((name.into(), Value::Int(count)));
        }
        self
    }

    /// With a text.
    #[must_use]
    pub fn text(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.fields.push((name.into(), Value::Str(text.into())));
        self
    }

    /// The record, encoded.
    pub fn encode(&self) -> Encoder {
        let mut encoder = Encoder::default();
        encoder.message_with(|text| text.push(&self.message));
        for (name, value) in &self.fields {
            encoder.put(name, value.as_ref());
        }
        encoder.seal(Self::TARGET);
        encoder
    }
}
