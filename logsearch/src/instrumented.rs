//! The store of a running pipeline: a search waits for the records that were emitted before it, is measured,
//! and the status tells what sinks lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::metrics::own::{Names, Outcome};
use crate::pipeline::Pipeline;
use crate::query::Query;
use crate::record::LogRecord;
use crate::store::{
    Aggregate, Aggregation, LogStore, Search, SearchPage, StoreError, StoreStatus, TimeRange,
};

/// Longest wait for records that were emitted before a search. They take a millisecond unless the machine is
/// too busy to run the thread that writes them.
const OWN_WRITES: Duration = Duration::from_millis(50);

/// A store whose searches are counted and timed under these names.
pub(crate) struct InstrumentedStore {
    store: Arc<dyn LogStore>,
    pipeline: Arc<Pipeline>,
    names: &'static Names,
}

impl InstrumentedStore {
    /// The store that a pipeline fills.
    pub(crate) fn new(
        store: Arc<dyn LogStore>,
        pipeline: Arc<Pipeline>,
        names: &'static Names,
    ) -> Self {
        Self { store, pipeline, names }
    }

    fn notices(&self) -> Vec<String> {
        let counts = self.pipeline.counts();
        let notice = |count: u64, text: &str| {
            (count > 0).then(|| format!("{count} log records were {text}"))
        };
        let all = [
            notice(counts.stderr_dropped, "not written to standard error, which was not read"),
            notice(counts.file_dropped, "not written to the log file"),
            notice(
                counts.lost_at_last_shutdown,
                "lost at the last shutdown: the disk did not take them",
            ),
        ];
        all.into_iter().flatten().collect()
    }
}

#[async_trait]
impl LogStore for InstrumentedStore {
    async fn append(&self, batch: Vec<LogRecord>) -> Result<(), StoreError> {
        self.store.append(batch).await
    }

    async fn search(&self, search: &Search) -> Result<SearchPage, StoreError> {
        let started = Instant::now();
        // What comes too late for that is found by the next search.
        let _in_time = self.pipeline.handed_over(OWN_WRITES).await;
        let result = self.store.search(search).await;
        let outcome = match &result {
            Ok(page) if page.partial => Outcome::Timeout,
            Ok(_) => Outcome::Ok,
            Err(error) => Outcome::from(error),
        };
        self.names.search_ended(outcome, started.elapsed());
        result
    }

    async fn aggregate(
        &self,
        range: TimeRange,
        query: &Query,
        aggregation: &Aggregation,
    ) -> Result<Aggregate, StoreError> {
        let started = Instant::now();
        // What comes too late for that is found by the next search.
        let _in_time = self.pipeline.handed_over(OWN_WRITES).await;
        let result = self.store.aggregate(range, query, aggregation).await;
        self.names.search_ended(
            result.as_ref().map_or_else(Outcome::from, |_| Outcome::Ok),
            started.elapsed(),
        );
        result
    }

    fn unindexed(&self) -> Vec<TimeRange> {
        self.store.unindexed()
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        let mut status = self.store.status().await?;
        status.notices.extend(self.notices());
        Ok(status)
    }
}
