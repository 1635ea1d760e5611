//! A store that measures how long its searches take and how they end. It changes nothing else.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use crate::metrics::own::{Names, Outcome};
use crate::query::Query;
use crate::record::LogRecord;
use crate::store::{
    Aggregate, Aggregation, LogStore, Search, SearchPage, StoreError, StoreStatus, TimeRange,
};

/// A store whose searches are counted and timed under these names.
pub(crate) struct InstrumentedStore(pub Arc<dyn LogStore>, pub &'static Names);

#[async_trait]
impl LogStore for InstrumentedStore {
    async fn append(&self, batch: Vec<LogRecord>) -> Result<(), StoreError> {
        self.0.append(batch).await
    }

    async fn search(&self, search: &Search) -> Result<SearchPage, StoreError> {
        let started = Instant::now();
        let result = self.0.search(search).await;
        let outcome = match &result {
            Ok(page) if page.partial => Outcome::Timeout,
            Ok(_) => Outcome::Ok,
            Err(error) => Outcome::from(error),
        };
        self.1.search_ended(outcome, started.elapsed());
        result
    }

    async fn aggregate(
        &self,
        range: TimeRange,
        query: &Query,
        aggregation: &Aggregation,
    ) -> Result<Aggregate, StoreError> {
        let started = Instant::now();
        let result = self.0.aggregate(range, query, aggregation).await;
        self.1.search_ended(
            result.as_ref().map_or_else(Outcome::from, |_| Outcome::Ok),
            started.elapsed(),
        );
        result
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        self.0.status().await
    }
}
