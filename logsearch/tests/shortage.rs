//! Out of file descriptors, for real: indexing pauses and says so, nothing is lost, and it goes on by itself
//! when there are some again. A process of its own, because the limit is the process's.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::File;
use std::time::{Duration, Instant};

use logsearch::query::parse;
use logsearch::store::{LogStore, Search, TimeRange};
use logsearch::{Logs, Options};
use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::info;
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

const TIMEOUT: Duration = Duration::from_mins(1);
const FILES: u64 = 64;

async fn notices(store: &dyn LogStore) -> String {
    store.status().await.unwrap().notices.join("; ")
}

async fn count(store: &dyn LogStore, query: &str) -> u64 {
    store.count(TimeRange::ALL, &parse(query).query).await.unwrap_or(0)
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < TIMEOUT, "{what}: not within a minute");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn indexing_pauses_without_descriptors_and_resumes_by_itself() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(FILES);
    setrlimit(Resource::Nofile, limit).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let (layer, logs) = Logs::start(directory.path(), Options::default().span_level(None)).unwrap();
    let store = logs.store();
    let mut held = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        held.push(file);
    }
    with_default(registry().with(layer), || {
        for number in 0..5_000 {
            info!(number, "written without descriptors");
        }
    });
    assert!(logs.flush(TIMEOUT) || !held.is_empty());
    until("the pause is told", async || {
        // A commit is due after ten seconds, and needs files.
        notices(&*store).await.contains("too many open files")
    })
    .await;
    assert_eq!(count(&*store, "written").await, 5_000, "found all the same");
    drop(held);
    until("the records of pause and resumption", async || {
        let search = Search::new(parse("target:logsearch").query);
        let page = store.search(&search).await.unwrap();
        let messages: Vec<_> = page.records.iter().map(|record| record.message.as_str()).collect();
        let said = |words: &str| messages.iter().any(|message| message.contains(words));
        said("log indexing paused") && said("log indexing resumed")
    })
    .await;
    until("everything is indexed", async || {
        logs.disk_status().partitions.iter().map(|one| one.records).sum::<u64>() >= 5_000
    })
    .await;
    assert_eq!(count(&*store, "written").await, 5_000);
    assert!(!notices(&*store).await.contains("wait to be indexed"));
    assert_eq!(logs.counts().dropped_total(), 0);
}
