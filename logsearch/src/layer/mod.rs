//! A `tracing_subscriber::Layer` that turns events and closed spans into records. It installs nothing
//! global, never waits, and allocates nothing per event. Which records it sees is a filter's business;
//! where they go is the [`Queue`]'s.

mod panic;
mod sinks;
mod site;
mod visit;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Filtered;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, Scope};

pub use self::panic::chain_panic_hook;
pub use self::sinks::SinkFilter;
use self::sinks::Sinks;
use self::site::{Site, Sites};
use self::visit::{Scratch, Visitor};
use crate::clock::now;
use crate::codec::{Fields, ValueRef};
use crate::fields;
use crate::filter::{LevelControl, Levels};
use crate::quiet::is_quiet;
#[cfg(feature = "testing")]
pub use crate::quiet::{Quiet, quiet};
use crate::record::Level;
use crate::redact::Redaction;
use crate::stderr::StderrSink;
use crate::writer::Queue;

/// Events inside the formatting of events are recorded down to this depth.
const MAX_NESTING: u8 = 4;

/// Options of the layer.
#[derive(Clone, Debug)]
pub struct LayerOptions {
    /// Redaction of secret values.
    pub redaction: Redaction,
    /// Targets of which nothing is recorded, with everything below them: what an index says while it
    /// indexes must not end up in the index.
    pub denied_targets: Vec<String>,
    /// Targets whose records are synced at once, like those of level ERROR.
    pub durable_targets: Vec<String>,
    /// Closed spans of this level and above become records; `None` for no span at all.
    pub span_level: Option<Level>,
    /// Targets whose spans become no records, for spans that an event of their own sums up.
    pub quiet_span_targets: Vec<String>,
    /// Also measure how long spans were entered. Costs two readings of the clock each time.
    pub busy_times: bool,
}

impl Default for LayerOptions {
    fn default() -> Self {
        Self {
            redaction: Redaction::default(),
            denied_targets: vec!["logsearch".to_owned(), "tantivy".to_owned()],
            durable_targets: vec!["audit".to_owned()],
            span_level: Some(Level::Trace),
            quiet_span_targets: Vec::new(),
            busy_times: false,
        }
    }
}

impl LayerOptions {
    fn denies(&self, target: &str) -> bool {
        is_below_any(target, &self.denied_targets)
    }

    fn is_durable(&self, target: &str) -> bool {
        is_below_any(target, &self.durable_targets)
    }

    fn keeps_span(&self, target: &str, level: Level) -> bool {
        self.span_level.is_some_and(|least| level >= least)
            && !is_below_any(target, &self.quiet_span_targets)
    }
}

/// Whether a target is one of these, or a module below one.
fn is_below_any(target: &str, roots: &[String]) -> bool {
    roots.iter().any(|root| {
        let rest = target.strip_prefix(root.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    })
}

/// The tracing layer. Use only one per subscriber: two would share the fields they store with
/// spans.
#[derive(Debug)]
pub struct LogLayer {
    sinks: Sinks,
    options: LayerOptions,
    sites: Sites,
}

/// What the layer keeps with a span.
#[derive(Debug)]
struct SpanData {
    /// Own fields.
    fields: Fields,
    /// Name and number, for the records inside.
    identity: Fields,
    number: u64,
    started: Instant,
    busy: Duration,
    /// Since when it is entered, and how many times: by several threads or by one again.
    entered: Option<Instant>,
    entries: u32,
}

impl LogLayer {
    /// A layer that fills a queue.
    pub fn new(queue: Arc<Queue>, options: LayerOptions) -> Self {
        Self { sinks: Sinks::new(queue), options, sites: Sites::default() }
    }

    /// Also writes events to standard error.
    #[must_use]
    pub fn stderr(mut self, sink: StderrSink, levels: Levels) -> Self {
        self.sinks.add_stderr(sink, levels);
        self
    }

    /// A layer of which the store gets records of these levels, and standard error those of its own.
    pub fn with_levels<S>(mut self, levels: LevelControl) -> Filtered<Self, SinkFilter, S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let filter = self.sinks.filter(levels);
        self.with_filter(filter)
    }

    /// Visits values with the thread's memory; `None` when events nest too deeply.
    fn with_scratch<T>(&self, site: &Site, work: impl FnOnce(&mut Scratch) -> T) -> Option<T> {
        let Some(_nesting) = Nesting::enter() else {
            self.sinks.count_nested(site.level);
            return None;
        };
        // A value that emits while it is formatted finds no memory and gets some of its own.
        let mut scratch = SCRATCH.try_with(Cell::take).ok().flatten().unwrap_or_default();
        scratch.clear();
        let result = work(&mut scratch);
        if !scratch.encoder.is_bloated() {
            // Fails only while the thread ends, and then there is no next record.
            let _ = SCRATCH.try_with(|kept| kept.set(Some(scratch)));
        }
        Some(result)
    }

    fn visitor<'a>(&'a self, scratch: &'a mut Scratch, site: &'a Site) -> Visitor<'a> {
        Visitor { scratch, site, redaction: &self.options.redaction }
    }

    fn push_event<S>(&self, event: &Event<'_>, context: &Context<'_, S>, site: &Site)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let timestamp = now();
        self.with_scratch(site, |scratch| {
            event.record(&mut self.visitor(scratch, site));
            let Scratch { encoder, log_target, log_file, log_line } = scratch;
            let target = if log_target.is_empty() { site.target } else { log_target.as_str() };
            let dynamic = !log_target.is_empty();
            if dynamic && self.options.denies(target) {
                return;
            }
            encoder.put_all(&site.callsite);
            if let (false, Some(line)) = (log_file.is_empty(), log_line) {
                encoder.put_with(fields::CALLSITE, |text| {
                    text.format(format_args!("{log_file}:{line}"));
                });
            }
            put_scope(encoder, context.event_scope(event));
            if site.durable || dynamic && self.options.is_durable(target) {
                encoder.set_durable();
            }
            encoder.seal(target);
            self.sinks.push_event(encoder, site.level, timestamp, target);
        });
    }

    fn push_span<S>(&self, id: &Id, context: &Context<'_, S>, site: &Site)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(span) = context.span(id) else { return };
        let timestamp = now();
        self.with_scratch(site, |scratch| {
            let encoder = &mut scratch.encoder;
            encoder.message_with(|text| text.push(span.name()));
            if let Some(data) = span.extensions().get::<SpanData>() {
                let whole = data.started.elapsed();
                encoder.put(fields::DURATION, micros(whole));
                encoder.put("event.kind", ValueRef::Str("span"));
                if self.options.busy_times {
                    encoder.put("busy_us", micros(data.busy));
                    encoder.put("idle_us", micros(whole.saturating_sub(data.busy)));
                }
            }
            let parent = span.parent();
            let extensions = parent.as_ref().map(tracing_subscriber::registry::SpanRef::extensions);
            if let Some(parent) = extensions.as_ref().and_then(|all| all.get::<SpanData>()) {
                encoder.put_with(fields::PARENT_ID, |text| push_id(text, parent.number));
            }
            drop(extensions);
            encoder.put_all(&site.callsite);
            put_scope(encoder, context.span_scope(id));
            if site.durable {
                encoder.set_durable();
            }
            encoder.seal(site.target);
            self.sinks.push_span(encoder, site.level, timestamp, site.target);
        });
    }
}

impl<S> Layer<S> for LogLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let site = self.sites.get(attributes.metadata(), &self.options);
        let Some(span) = context.span(id) else { return };
        if site.denied || is_quiet() {
            return;
        }
        let own = self.with_scratch(&site, |scratch| {
            attributes.record(&mut self.visitor(scratch, &site));
            scratch.encoder.fields().clone()
        });
        span.extensions_mut().replace(SpanData::new(span.name(), own.unwrap_or_default()));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let site = self.sites.get(span.metadata(), &self.options);
        if site.denied {
            return;
        }
        self.with_scratch(&site, |scratch| {
            // Formatted before the span is locked: a value may emit an event inside of it.
            values.record(&mut self.visitor(scratch, &site));
            if let Some(data) = span.extensions_mut().get_mut::<SpanData>() {
                for (name, value) in scratch.encoder.fields() {
                    data.fields.set(name, value);
                }
            }
        });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if is_quiet() {
            return;
        }
        let site = self.sites.get(event.metadata(), &self.options);
        if !site.denied {
            self.push_event(event, &context, &site);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if self.options.busy_times
            && let Some(span) = context.span(id)
            && let Some(data) = span.extensions_mut().get_mut::<SpanData>()
        {
            data.entries += 1;
            data.entered.get_or_insert_with(Instant::now);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if self.options.busy_times
            && let Some(span) = context.span(id)
            && let Some(data) = span.extensions_mut().get_mut::<SpanData>()
        {
            data.entries = data.entries.saturating_sub(1);
            if data.entries == 0
                && let Some(since) = data.entered.take()
            {
                data.busy += since.elapsed();
            }
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(metadata) = context.metadata(&id) else { return };
        let site = self.sites.get(metadata, &self.options);
        if site.span_records && !site.denied && !is_quiet() {
            self.push_span(&id, &context, &site);
        }
    }
}

impl SpanData {
    fn new(name: &str, fields: Fields) -> Self {
        let number = next_span_number();
        let mut identity = Fields::default();
        identity.put(fields::SPAN_NAME, ValueRef::Str(name));
        identity.put_with(fields::SPAN_ID, |text| push_id(text, number));
        let started = Instant::now();
        Self { fields, identity, number, started, busy: Duration::ZERO, entered: None, entries: 0 }
    }
}

/// Adds the fields of all spans around a record, the innermost first.
fn put_scope<'a, S>(encoder: &mut crate::codec::Encoder, scope: Option<Scope<'a, S>>)
where
    S: LookupSpan<'a>,
{
    let mut innermost = true;
    for span in scope.into_iter().flatten() {
        let extensions = span.extensions();
        let Some(data) = extensions.get::<SpanData>() else { continue };
        if innermost {
            encoder.put_all(&data.identity);
            innermost = false;
        }
        encoder.put_all(&data.fields);
    }
}

/// Unlike the registry's ids these are not used again, also not after a restart.
fn next_span_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    if next != 0 {
        return next;
    }
    let start = now().unsigned_abs() << 8;
    NEXT.fetch_add(start, Ordering::Relaxed);
    start
}

fn push_id(text: &mut crate::codec::Text<'_>, number: u64) {
    text.format(format_args!("{number:016x}"));
}

fn micros(duration: Duration) -> ValueRef<'static> {
    ValueRef::Int(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
    static NESTING: Cell<u8> = const { Cell::new(0) };
}

/// One level of events inside of events.
struct Nesting;

impl Nesting {
    fn enter() -> Option<Self> {
        let depth = NESTING.try_with(Cell::get).unwrap_or(0);
        if depth >= MAX_NESTING {
            return None;
        }
        let _ = NESTING.try_with(|nesting| nesting.set(depth + 1));
        Some(Self)
    }
}

impl Drop for Nesting {
    fn drop(&mut self) {
        let _ = NESTING.try_with(|nesting| nesting.set(nesting.get().saturating_sub(1)));
    }
}
