//! The store in memory keeps every promise of a store.

use std::sync::Arc;

use logsearch::memory::MemoryStore;
use logsearch::store::LogStore;

async fn open() -> (Arc<dyn LogStore>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

logsearch::log_store_suite!(open());
