//! What the layer makes of events and spans, in the situations that break such layers.

mod flow;
mod spans;
mod values;

use std::sync::Arc;
use std::time::Duration;

use logsearch::LogLayer;
use logsearch::codec::{self, Batch};
use logsearch::layer::LayerOptions;
use logsearch::pipeline::{Pipeline, PipelineOptions};
use logsearch::record::{LogRecord, Value};
use logsearch::writer::Destination;
use parking_lot::Mutex;
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

/// Far beyond what anything here takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// Keeps every record.
#[derive(Clone, Default)]
struct Kept {
    records: Arc<Mutex<Vec<LogRecord>>>,
    gate: Arc<Mutex<()>>,
}

impl Destination for Kept {
    fn append(&mut self, mut bytes: Vec<u8>) -> Arc<Batch> {
        let _open = self.gate.lock();
        let mut records = self.records.lock();
        let first = records.len() as u64;
        let (mut at, mut next) = (0, first);
        while let Some(view) = codec::RecordView::parse(&bytes[at..]) {
            let length = view.as_bytes().len();
            codec::set_sequence(&mut bytes[at..], next);
            (at, next) = (at + length, next + 1);
        }
        let batch = Arc::new(Batch { first, next, bytes });
        records.extend(batch.records().map(LogRecord::from));
        batch
    }
}

/// A layer and what came out of it.
struct Recorder {
    kept: Kept,
    pipeline: Pipeline,
}

impl Recorder {
    fn new(options: LayerOptions) -> (LogLayer, Self) {
        Self::with(PipelineOptions { layer: options, ..PipelineOptions::default() })
    }

    fn with(options: PipelineOptions) -> (LogLayer, Self) {
        let kept = Kept::default();
        let (layer, pipeline) = Pipeline::start(kept.clone(), options).unwrap();
        (layer, Self { kept, pipeline })
    }

    fn records(&self) -> Vec<LogRecord> {
        assert!(self.pipeline.flush(DEADLINE), "the writer answers");
        self.kept.records.lock().clone()
    }
}

/// Runs code under the layer alone and gives what was recorded.
fn record(options: LayerOptions, work: impl FnOnce()) -> Vec<LogRecord> {
    let (layer, recorder) = Recorder::new(options);
    with_default(registry().with(layer), work);
    recorder.records()
}

/// Without span records, which most tests are not about.
fn events_only() -> LayerOptions {
    LayerOptions { span_level: None, ..LayerOptions::default() }
}

fn one(mut records: Vec<LogRecord>) -> LogRecord {
    assert_eq!(records.len(), 1, "{records:?}");
    records.remove(0)
}

fn text<'a>(record: &'a LogRecord, name: &str) -> &'a str {
    match record.field(name) {
        Some(Value::Str(text)) => text,
        other => panic!("{name} is {other:?} in {record:?}"),
    }
}

fn int(record: &LogRecord, name: &str) -> i64 {
    match record.field(name) {
        Some(Value::Int(number)) => *number,
        other => panic!("{name} is {other:?} in {record:?}"),
    }
}
