//! A library that sets what a process has once takes it from its host. Here logs are started, used and
//! shut down, and everything of that kind is still there to be set.

use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use logsearch::query::parse;
use logsearch::{Logs, Options, Search};
use tracing::info;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

const TIMEOUT: Duration = Duration::from_secs(30);

struct NoLogger;

impl log::Log for NoLogger {
    fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
        false
    }

    fn log(&self, _record: &log::Record<'_>) {}

    fn flush(&self) {}
}

#[tokio::test]
async fn starting_and_using_logs_sets_nothing_that_a_process_has_once() {
    let hooked = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&hooked);
    panic::set_hook(Box::new(move |_| {
        seen.fetch_add(1, Ordering::Relaxed);
    }));

    let directory = tempfile::tempdir().unwrap();
    let (layer, logs) = Logs::start(directory.path(), Options::default()).unwrap();
    tracing::subscriber::with_default(registry().with(layer), || {
        info!("kept");
        assert!(panic::catch_unwind(|| panic!("as the host handles it")).is_err());
    });
    drop(panic::take_hook());
    assert!(logs.flush(TIMEOUT));
    let found = logs.store().search(&Search::new(parse("*").query).limit(10)).await.unwrap();
    let messages: Vec<_> = found.records.iter().map(|record| &*record.message).collect();
    assert_eq!(messages, ["kept"], "a panic is recorded where the host chains the hook");
    assert_eq!(hooked.load(Ordering::Relaxed), 1, "the hook of the host was still there");
    assert!(logs.shutdown(TIMEOUT));

    tracing::subscriber::set_global_default(registry()).unwrap();
    assert_eq!(log::max_level(), log::LevelFilter::Off);
    log::set_logger(&NoLogger).unwrap();
}
