//! Writes the values of an event or span into an encoder.

use std::any::Any;
use std::error::Error;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::field::{Field, Visit};

use super::site::{Plan, Site};
use crate::codec::{Encoder, Text, ValueRef};
use crate::error_chain;
use crate::redact::{REDACTED, Redaction};

/// What stands for a value whose formatting panicked.
const PANICKED: &str = "[panicked while formatting]";

/// The memory a thread reuses for all of its records.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The record under construction.
    pub encoder: Encoder,
    /// Target and file of a record of the `log` crate.
    pub log_target: String,
    pub log_file: String,
    pub log_line: Option<u64>,
}

impl Scratch {
    pub fn clear(&mut self) {
        self.encoder.clear();
        self.log_target.clear();
        self.log_file.clear();
        self.log_line = None;
    }
}

/// Takes the values of one event or span.
pub struct Visitor<'a> {
    pub scratch: &'a mut Scratch,
    pub site: &'a Site,
    pub redaction: &'a Redaction,
}

impl Visitor<'_> {
    fn plan(&self, field: &Field) -> Plan {
        self.site.plans.get(field.index()).copied().unwrap_or(Plan::Skip)
    }

    fn number(&mut self, field: &Field, value: ValueRef<'_>) {
        let plan = self.plan(field);
        let encoder = &mut self.scratch.encoder;
        match plan {
            Plan::Keep { name, scale } => encoder.put(name, scaled(value, scale)),
            Plan::Redact(name) => encoder.put(name, ValueRef::Str(REDACTED)),
            Plan::Message => {
                encoder.message_with(|text| text.format(format_args!("{value}")));
            }
            Plan::LogLine => {
                if let ValueRef::Int(line) = value {
                    self.scratch.log_line = u64::try_from(line).ok();
                }
            }
            Plan::LogTarget | Plan::LogFile | Plan::Skip => {}
        }
    }

    /// Text of any origin; `format` may run foreign code.
    fn text(&mut self, field: &Field, format: impl FnOnce(&mut Text<'_>)) {
        let (plan, redaction) = (self.plan(field), self.redaction);
        let encoder = &mut self.scratch.encoder;
        let guarded = |text: &mut Text<'_>| guard(text, redaction, format);
        match plan {
            Plan::Keep { name, .. } => encoder.put_with(name, guarded),
            Plan::Message => encoder.message_with(guarded),
            Plan::Redact(name) => encoder.put(name, ValueRef::Str(REDACTED)),
            Plan::LogTarget | Plan::LogFile | Plan::LogLine | Plan::Skip => {}
        }
    }
}

/// A panic in a `Debug` or `Display` of a value costs that value, not the thread that logs it.
fn guard(text: &mut Text<'_>, redaction: &Redaction, format: impl FnOnce(&mut Text<'_>)) {
    let result: Result<(), Box<dyn Any + Send>> = catch_unwind(AssertUnwindSafe(|| format(text)));
    if result.is_err() {
        text.clear();
        text.push(PANICKED);
    }
    if let Some(clean) = redaction.scrub(text.as_str()) {
        text.replace(&clean);
    }
}

impl Visit for Visitor<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.number(field, ValueRef::Float(value));
        } else {
            self.text(field, |text| text.format(format_args!("{value}")));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, ValueRef::Int(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record_i128(field, i128::from(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        match i64::try_from(value) {
            Ok(value) => self.number(field, ValueRef::Int(value)),
            Err(_) => self.text(field, |text| text.format(format_args!("{value}"))),
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        match i64::try_from(value) {
            Ok(value) => self.number(field, ValueRef::Int(value)),
            Err(_) => self.text(field, |text| text.format(format_args!("{value}"))),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, ValueRef::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match self.plan(field) {
            Plan::LogTarget => self.scratch.log_target.push_str(value),
            Plan::LogFile => self.scratch.log_file.push_str(value),
            _ => self.text(field, |text| text.push(value)),
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.text(field, |text| error_chain::write(text, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, |text| text.format(format_args!("{value:?}")));
    }
}

/// A number in stored units. Durations are whole microseconds whatever unit they were emitted in.
fn scaled(value: ValueRef<'_>, scale: u32) -> ValueRef<'_> {
    match value {
        _ if scale == 1 => value,
        ValueRef::Int(number) => ValueRef::Int(number.saturating_mul(i64::from(scale))),
        ValueRef::Float(number) => ValueRef::Int(round(number * f64::from(scale))),
        other => other,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float outside of i64 is its nearest bound")]
fn round(number: f64) -> i64 {
    number.round() as i64
}
