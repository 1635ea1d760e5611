//! Panics as records. A test binary of its own, because a panic hook is global for the process.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use logsearch::chain_panic_hook;
use logsearch::pipeline::{Pipeline, PipelineOptions};
use logsearch::record::{Level, LogRecord, Value};
use logsearch::wal::{Wal, WalOptions};
use tracing::error_span;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

#[test]
fn a_panic_becomes_a_record_and_the_previous_hook_still_runs() {
    let called = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&called);
    set_hook(Box::new(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    }));
    chain_panic_hook();

    let directory = tempfile::tempdir().unwrap();
    let log = Wal::open(directory.path(), WalOptions::default()).unwrap();
    let (layer, pipeline) = Pipeline::start(log.clone(), PipelineOptions::default()).unwrap();
    let line = line!() + 4;
    tracing::subscriber::with_default(registry().with(layer), || {
        error_span!("request", request_id = "r1").in_scope(|| {
            let result = catch_unwind(AssertUnwindSafe(|| {
                panic!("token=canary of {}", "doom");
            }));
            assert!(result.is_err());
        });
    });
    assert!(pipeline.shutdown(Duration::from_secs(20)));

    assert_eq!(called.load(Ordering::Relaxed), 1);
    let batch = log.reader(0).next_batch().unwrap().unwrap();
    let record = LogRecord::from(batch.records().next().unwrap());
    assert_eq!((record.level, record.target.as_str()), (Level::Error, "panic"));
    let text = |name| match record.field(name) {
        Some(Value::Str(text)) => text.as_str(),
        other => panic!("{name} is {other:?}"),
    };
    assert_eq!(text("error.message"), "token=[redacted] of doom");
    assert_eq!(text("error.type"), "panic");
    assert_eq!(text("code.callsite"), format!("{}:{line}", file!()));
    assert_eq!(text("http.request.id"), "r1");
}
