//! Events emitted while an event is formatted. A test binary of its own: only under a global subscriber do
//! such events reach a layer at all.

use std::fmt;
use std::time::Duration;

use logsearch::Reason;
use logsearch::layer::LayerOptions;
use logsearch::pipeline::{Pipeline, PipelineOptions};
use logsearch::record::{LogRecord, Value};
use logsearch::wal::{Wal, WalOptions};
use tracing::info;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

/// Emits an event with another one of its kind, down to a depth.
struct Chatty(u32);

impl fmt::Debug for Chatty {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 0 {
            info!(value = ?Self(self.0 - 1), "level {}", self.0);
        }
        write!(formatter, "chatty {}", self.0)
    }
}

#[test]
fn events_inside_events_are_recorded_to_some_depth_and_counted_beyond() {
    let directory = tempfile::tempdir().unwrap();
    let log = Wal::open(directory.path(), WalOptions::default()).unwrap();
    let options = PipelineOptions {
        layer: LayerOptions { span_level: None, ..LayerOptions::default() },
        ..PipelineOptions::default()
    };
    let (layer, pipeline) = Pipeline::start(log.clone(), options).unwrap();
    tracing::subscriber::set_global_default(registry().with(layer)).unwrap();
    info!(value = ?Chatty(2), "two inside");
    assert!(pipeline.flush(Duration::from_secs(20)));
    assert_eq!(pipeline.counts().dropped_total(), 0);
    info!(value = ?Chatty(1_000), "far too many");
    assert!(pipeline.shutdown(Duration::from_secs(20)));

    let mut records = Vec::new();
    let mut reader = log.reader(0);
    while let Some(batch) = reader.next_batch().unwrap() {
        records.extend(batch.records().map(LogRecord::from));
    }
    let messages: Vec<_> = records.iter().map(|record| record.message.as_str()).collect();
    // The innermost is complete first.
    assert_eq!(messages[..3], ["level 1", "level 2", "two inside"]);
    assert_eq!(records[1].field("value"), Some(&Value::Str("chatty 1".to_owned())));
    let counts = pipeline.counts();
    assert_eq!(counts.dropped_for(Reason::Nested), 1);
    assert_eq!(counts.emitted_total(), records.len() as u64 + counts.dropped_total());
}
