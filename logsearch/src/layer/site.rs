//! What is known about a place in the code that emits: worked out once, used for each of its records.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use parking_lot::RwLock;
use tracing::Metadata;
use tracing::callsite::Identifier;

use super::LayerOptions;
use crate::codec::{Fields, ValueRef};
use crate::fields;
use crate::record::Level;

/// The event that the `log` crate's bridge uses for all of its records, and its fields.
const LOG_TARGET: &str = "log";

/// A call site: a source location with its target and level.
#[derive(Debug)]
pub struct Site {
    /// Severity of its records.
    pub level: Level,
    /// Target of its records, unless they come from the `log` crate.
    pub target: &'static str,
    /// `file:line`, encoded.
    pub callsite: Fields,
    /// One per declared field, by its index.
    pub plans: Vec<Plan>,
    /// Whether its events are not recorded.
    pub denied: bool,
    /// Whether its records are fsynced at once.
    pub durable: bool,
    /// Whether closed spans become records.
    pub span_records: bool,
}

/// What to do with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// It is the message.
    Message,
    /// Keep it under this name; a number is multiplied.
    Keep {
        /// Canonical name.
        name: &'static str,
        /// Stored units in one emitted unit.
        scale: u32,
    },
    /// Keep the name and hide the value.
    Redact(&'static str),
    /// The target of a record of the `log` crate.
    LogTarget,
    /// The file of a record of the `log` crate.
    LogFile,
    /// The line of a record of the `log` crate.
    LogLine,
    /// Nothing of use.
    Skip,
}

impl Site {
    fn new(metadata: &'static Metadata<'static>, options: &LayerOptions) -> Self {
        let level = Level::from(metadata.level());
        let from_log = metadata.is_event() && metadata.target() == LOG_TARGET;
        Self {
            level,
            target: metadata.target(),
            callsite: if from_log { Fields::default() } else { callsite(metadata) },
            plans: plans(metadata, from_log, options),
            denied: options.denies(metadata.target()),
            durable: options.is_durable(metadata.target()),
            span_records: metadata.is_span() && options.keeps_span(metadata.target(), level),
        }
    }
}

fn callsite(metadata: &Metadata<'_>) -> Fields {
    let mut encoded = Fields::default();
    if let (Some(file), Some(line)) = (metadata.file(), metadata.line()) {
        encoded.put(fields::CALLSITE, ValueRef::Str(&format!("{file}:{line}")));
    }
    encoded
}

fn plans(
    metadata: &'static Metadata<'static>,
    from_log: bool,
    options: &LayerOptions,
) -> Vec<Plan> {
    let mut plans: Vec<Plan> = Vec::new();
    for field in metadata.fields() {
        let plan = match field.name() {
            "message" if metadata.is_event() => Plan::Message,
            "log.target" if from_log => Plan::LogTarget,
            "log.file" if from_log => Plan::LogFile,
            "log.line" if from_log => Plan::LogLine,
            "log.module_path" if from_log => Plan::Skip,
            name if options.redaction.denies(name) => Plan::Redact(name),
            name => keep(name),
        };
        // Two names for one thing on one event are two values; the second keeps its own name.
        let taken = matches!(plan, Plan::Keep { .. }) && plans.contains(&plan);
        plans.push(if taken { Plan::Keep { name: field.name(), scale: 1 } } else { plan });
    }
    plans
}

/// A query for an alias looks at the canonical name, so that is the one to store under. The parts every
/// record has are no fields: one that is called like them keeps its name.
fn keep(name: &'static str) -> Plan {
    match fields::resolve(name) {
        Some((field, _, scale)) if !is_built_in(field.name) => {
            Plan::Keep { name: field.name, scale }
        }
        _ => Plan::Keep { name, scale: 1 },
    }
}

fn is_built_in(name: &str) -> bool {
    [fields::LEVEL, fields::TARGET, fields::MESSAGE, fields::SEQUENCE, fields::CALLSITE]
        .contains(&name)
}

/// All places seen so far. As many as the program has, so it needs no bound.
#[derive(Debug, Default)]
pub struct Sites {
    known: RwLock<HashMap<Identifier, Arc<Site>, BuildHasherDefault<PointerHasher>>>,
}

impl Sites {
    /// The place of an event or span.
    pub fn get(&self, metadata: &'static Metadata<'static>, options: &LayerOptions) -> Arc<Site> {
        if let Some(site) = self.known.read().get(&metadata.callsite()) {
            return Arc::clone(site);
        }
        let site = Arc::new(Site::new(metadata, options));
        Arc::clone(self.known.write().entry(metadata.callsite()).or_insert(site))
    }
}

/// Addresses differ enough by themselves; the default hasher would cost more than the record's header.
#[derive(Default)]
struct PointerHasher(u64);

impl Hasher for PointerHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, number: usize) {
        // The golden ratio spreads neighboring addresses over the high bits, which the map uses.
        self.0 = (self.0.rotate_left(5) ^ number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
