//! A store that records what it says while it stores would never come to rest. Here everything is on: TRACE
//! for every target, the `log` facade of the libraries below included, nothing denied by name but what is
//! denied by default, and it indexes, merges, searches and keeps house.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use logsearch::embedded::{EmbeddedStore, Options};
use logsearch::pipeline::{Pipeline, PipelineOptions};
use logsearch::query::parse;
use logsearch::store::{LogStore, Search, TimeRange};
use tracing::{Event, Subscriber, info};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry;

const TIMEOUT: Duration = Duration::from_mins(1);
const ROUNDS: u64 = 24;

/// Counts what everybody says, to see that there was something not to be recorded.
struct Said(Arc<AtomicU64>);

impl<S: Subscriber> Layer<S> for Said {
    fn on_event(&self, _event: &Event<'_>, _context: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_works_adds_no_record_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), Options::default()).unwrap();
    let (layer, pipeline) =
        Pipeline::start(store.wal().clone(), PipelineOptions::default()).unwrap();
    let said = Arc::new(AtomicU64::new(0));
    let subscriber = registry().with(layer).with(Said(Arc::clone(&said)));
    tracing::subscriber::set_global_default(subscriber).unwrap();
    tracing_log::LogTracer::builder().with_max_level(log::LevelFilter::Trace).init().unwrap();

    for round in 0..ROUNDS {
        info!(round, "one record a round");
        // Into the log, into the index, which merges after a few rounds; all of it found and counted.
        assert!(pipeline.flush(TIMEOUT));
        assert!(store.flush(TIMEOUT).await);
        for text in ["*", "record", "round>3", "level:info -target:x", "message:on*"] {
            let query = parse(text).query;
            store.search(&Search::new(query.clone()).limit(10)).await.unwrap();
            store.count(TimeRange::ALL, &query).await.unwrap();
        }
        let stored = store.status().await.unwrap().records;
        assert_eq!((pipeline.counts().emitted_total(), stored), (round + 1, round + 1));
    }
    let said = said.load(Ordering::Relaxed);
    assert!(said > 2 * ROUNDS, "{said}: indexing was to say something that is left out");
    assert!(pipeline.shutdown(TIMEOUT));
    assert_eq!(pipeline.counts().emitted_total(), ROUNDS);
}
