//! Where the records of the layer go: into the queue of the store, and to standard error. Each has levels of
//! its own.

use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};

use crate::codec::Encoder;
use crate::filter::{LevelControl, Levels};
use crate::record::Level;
use crate::stderr::StderrSink;
use crate::writer::Queue;

/// The sinks of a layer.
#[derive(Debug)]
pub(super) struct Sinks {
    queue: Arc<Queue>,
    stderr: Option<(StderrSink, Levels)>,
    /// What the store wants; everything that passed the filter while there is none.
    levels: Option<LevelControl>,
}

impl Sinks {
    pub fn new(queue: Arc<Queue>) -> Self {
        Self { queue, stderr: None, levels: None }
    }

    pub fn add_stderr(&mut self, sink: StderrSink, levels: Levels) {
        self.stderr = Some((sink, levels));
    }

    /// Lets the store have records of these levels from now on. Returns the filter that lets through what
    /// any sink wants.
    pub fn filter(&mut self, levels: LevelControl) -> SinkFilter {
        self.levels = Some(levels.clone());
        SinkFilter { store: levels, stderr: self.stderr.as_ref().map(|(_, levels)| levels.clone()) }
    }

    pub fn count_nested(&self, level: Level) {
        self.queue.count_nested(level);
    }

    pub fn push_event(&self, encoder: &Encoder, level: Level, timestamp: i64, target: &str) {
        if let Some((sink, levels)) = &self.stderr
            && LevelFilter::from(level) <= levels.of(target)
        {
            sink.lines().push(encoder, level, timestamp, target);
        }
        self.push_span(encoder, level, timestamp, target);
    }

    /// Standard error is for events alone.
    pub fn push_span(&self, encoder: &Encoder, level: Level, timestamp: i64, target: &str) {
        // Without a second sink the filter has decided already.
        let is_wanted = self.stderr.is_none()
            || self.levels.as_ref().is_none_or(|levels| levels.wants(level, target));
        if is_wanted {
            self.queue.push(encoder, level, timestamp, target);
        }
    }
}

/// Lets through what any sink of a layer wants; see [`LogLayer::with_levels`](super::LogLayer::with_levels).
#[derive(Clone, Debug)]
pub struct SinkFilter {
    store: LevelControl,
    stderr: Option<Levels>,
}

impl SinkFilter {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let (level, target) = (Level::from(metadata.level()), metadata.target());
        let is_below = |levels: &Levels| LevelFilter::from(level) <= levels.of(target);
        self.stderr.as_ref().is_some_and(is_below) || self.store.wants(level, target)
    }
}

impl<S: Subscriber> Filter<S> for SinkFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _context: &Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let stderr = self.stderr.as_ref().map_or(LevelFilter::OFF, Levels::most_verbose);
        Some(self.store.most_verbose().max(stderr))
    }
}
