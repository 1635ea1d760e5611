//! What was logged, for tests to look at: every event at every level with the fields of its spans.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::log_fields;

/// A tracing layer that keeps what it sees. Clones share it.
#[derive(Clone, Default)]
pub struct Records(Arc<Mutex<Vec<Record>>>);

/// One event.
#[derive(Clone, Debug)]
pub struct Record {
    pub level: Level,
    pub message: String,
    /// Of the event and its spans; the event wins over the inner span, that over the outer.
    pub fields: BTreeMap<String, String>,
}

impl Record {
    /// A field's value, or nothing.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

impl Records {
    /// Everything so far.
    pub fn all(&self) -> Vec<Record> {
        self.0.lock().unwrap().clone()
    }

    /// Everything so far, which is then forgotten.
    pub fn take(&self) -> Vec<Record> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// The records of ended requests.
    pub fn requests(&self) -> Vec<Record> {
        let is_request = |record: &Record| record.fields.contains_key("http.response.status_code");
        self.all().into_iter().filter(is_request).collect()
    }
}

/// Fields as text, kept at a span.
#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Records {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        log_fields::reached(metadata);
        Interest::always()
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        context.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &tracing::span::Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in
            context.event_scope(event).into_iter().flatten().collect::<Vec<_>>().iter().rev()
        {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.0.extend(of_span.0.clone());
            }
        }
        event.record(&mut fields);
        let record = Record {
            level: *event.metadata().level(),
            message: fields.0.remove("message").unwrap_or_default(),
            fields: fields.0,
        };
        self.0.lock().unwrap().push(record);
    }
}
