//! Emitting allocates nothing on the emitting thread once its memory has grown. A test binary of its own,
//! because counting replaces the allocator of the process.

use std::time::Duration;

use logsearch::pipeline::{Pipeline, PipelineOptions};
use logsearch::wal::{Wal, WalOptions};
use tracing::{debug, error, info, info_span};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

/// Everything that is usual: numbers, texts, formatted values, an error with a source.
fn emit(number: u32) {
    let error = std::io::Error::from(std::io::ErrorKind::NotFound);
    info!(status = 200, duration_us = number, path = "/public", ratio = 0.5, "served {number}");
    debug!(shown = %number, debugged = ?Some("text"), password = "hidden", ok = true, "detail");
    error!(error = &error as &dyn std::error::Error, "failed with a=1 at http://host/path");
}

#[test]
fn an_event_costs_no_allocation_on_the_emitting_thread() {
    let directory = tempfile::tempdir().expect("a directory");
    let log = Wal::open(directory.path(), WalOptions::default()).expect("a fresh log");
    let (layer, pipeline) = Pipeline::start(log, PipelineOptions::default()).expect("a thread");
    tracing::subscriber::with_default(registry().with(layer), || {
        let outer = info_span!("http.server.request", route = "/public", user = "anna");
        let inner = info_span!(parent: &outer, "db.messages.by_user", table = "message");
        inner.in_scope(|| {
            (0..100).for_each(emit);
            let counted = allocation_counter::measure(|| (0..10_000).for_each(emit));
            assert_eq!(counted.count_total, 0, "{counted:?}");
        });
    });
    assert!(pipeline.flush(Duration::from_secs(20)));
    // Two more for the spans that closed.
    assert_eq!(pipeline.counts().emitted_total(), 3 * 10_100 + 2);
}
