//! The store in memory keeps every promise of a store.

use std::future::{Ready, ready};
use std::sync::Arc;

use logsearch::MemoryStore;
use logsearch::store::LogStore;

fn open() -> Ready<(Arc<dyn LogStore>, ())> {
    ready((Arc::new(MemoryStore::new()), ()))
}

logsearch::log_store_suite!(open());
