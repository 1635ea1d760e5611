//! A query has a deadline, ends when nobody waits for it any more, and waits while enough others run.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logsearch::embedded::{EmbeddedStore, Options};
use logsearch::query::{Query, parse};
use logsearch::store::{LogStore, Pages, Search, StoreError, StoreErrorKind, TimeRange};
use logsearch::testing::WebLog;

const TIMEOUT: Duration = Duration::from_mins(1);
/// How long the query would take that is not waited for: far more than a test does.
const FOREVER: Duration = Duration::from_hours(1);
const RECORDS: usize = 30_000;

/// A store with an index and a deadline.
async fn filled(root: &Path, deadline: Duration, searches: usize) -> Arc<EmbeddedStore> {
    let options = Options {
        deadline,
        searches,
        writer_bytes: 15_000_000,
        max_age: Duration::from_hours(1_000 * 365 * 24),
        min_free_bytes: 0,
        ..Options::default()
    };
    let store = EmbeddedStore::open(root, options).unwrap();
    store.append(WebLog::new(11).take(RECORDS).collect()).await.unwrap();
    assert!(store.flush(TIMEOUT).await);
    Arc::new(store)
}

/// Looks at every record, which an unoptimized build needs seconds for, and so many times over.
fn costly() -> Query {
    let looked_at = |n| format!("message=~\"(?-i)[a-z]+ {n}{n}{n}$\"");
    parse(&(0..40).map(looked_at).collect::<Vec<_>>().join(" OR ")).query
}

async fn count(store: &EmbeddedStore, query: &Query) -> Result<u64, StoreError> {
    store.count(TimeRange::ALL, query).await
}

#[tokio::test(flavor = "multi_thread")]
async fn past_its_deadline_a_page_is_partial_and_a_count_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let deadline = Duration::from_millis(60);
    let store = filled(directory.path(), deadline, 2).await;
    let started = Instant::now();
    let page = store.search(&Search::new(costly()).limit(100)).await.unwrap();
    assert!(page.partial, "what was not looked at may have matches");
    let counted = count(&store, &costly()).await.unwrap_err();
    assert_eq!(counted.kind, StoreErrorKind::Timeout, "a part of a count is no answer");
    let mut pages = Pages::new(store.clone(), Search::new(costly()).limit(100));
    assert_eq!(pages.next().await.unwrap_err().kind, StoreErrorKind::Timeout, "nor of an export");
    assert!(started.elapsed() < TIMEOUT, "{:?}", started.elapsed());
    // Others are answered as before.
    let all = store.search(&Search::new(Query::All).limit(5)).await.unwrap();
    assert_eq!((all.records.len(), all.partial), (5, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_nobody_waits_for_gives_its_place_to_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), FOREVER, 1).await;
    let query = costly();
    for _ in 0..3 {
        let abandoned = tokio::time::timeout(Duration::from_millis(50), count(&store, &query));
        assert!(abandoned.await.is_err(), "the query is too cheap to be abandoned");
    }
    let started = Instant::now();
    assert_eq!(count(&store, &Query::All).await.unwrap(), RECORDS as u64);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_queries_run_at_once_than_may() {
    for searches in [1, 2] {
        let directory = tempfile::tempdir().unwrap();
        let store = filled(directory.path(), FOREVER, searches).await;
        let running = {
            let (store, query) = (Arc::clone(&store), costly());
            tokio::spawn(async move { count(&store, &query).await })
        };
        let mut waited = false;
        let began = Instant::now();
        // The costly one may need a moment to begin, in which the others are done many times.
        while !waited && !running.is_finished() && began.elapsed() < TIMEOUT {
            let brief = Duration::from_millis(300);
            waited = tokio::time::timeout(brief, count(&store, &Query::All)).await.is_err();
            if searches == 2 {
                break;
            }
        }
        assert!(!running.is_finished(), "the query is too cheap to be in the way of another");
        assert_eq!(waited, searches == 1, "{searches} at once");
        running.abort();
        let answer = tokio::time::timeout(TIMEOUT, count(&store, &Query::All)).await;
        let answer = answer.expect("its turn has come").unwrap();
        assert_eq!(answer, RECORDS as u64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_a_turn_is_told_by_the_deadline() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path(), Duration::from_millis(300), 1).await;
    let query = costly();
    let started = Instant::now();
    let all = (0..20).map(|_| {
        let (store, query) = (Arc::clone(&store), query.clone());
        tokio::spawn(async move { count(&store, &query).await })
    });
    for one in all.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap().unwrap_err().kind, StoreErrorKind::Timeout);
    }
    // One after the other they would take twenty times the deadline.
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
