//! The embedded store keeps every promise of a store, with sizes so small that the suite's records
//! fill partitions and segments, and with the sizes a service runs with.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::time::Duration;

use logsearch::embedded::{EmbeddedStore, Options};
use logsearch::store::LogStore;
use tempfile::TempDir;

fn open(options: Options) -> (Arc<dyn LogStore>, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), options).unwrap();
    (Arc::new(store), directory)
}

mod with_small_parts {
    use super::*;

    #[expect(clippy::unused_async, reason = "the suite awaits its store")]
    async fn open_small() -> (Arc<dyn LogStore>, TempDir) {
        let options = Options {
            partition_records: 900,
            commit_records: 100,
            commit_interval: Duration::from_millis(20),
            writer_bytes: 15_000_000,
            deadline: Duration::from_mins(1),
            max_age: Duration::from_hours(100 * 365 * 24),
            ..Options::default()
        };
        open(options)
    }

    logsearch::log_store_suite!(open_small());
}

mod as_a_service_runs_it {
    use super::*;

    #[expect(clippy::unused_async, reason = "the suite awaits its store")]
    async fn open_usual() -> (Arc<dyn LogStore>, TempDir) {
        let options = Options { deadline: Duration::from_mins(1), ..Options::default() };
        open(options)
    }

    logsearch::log_store_suite!(open_usual());
}
