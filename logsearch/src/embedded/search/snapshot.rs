//! What one search looks at.

use std::sync::Arc;

use super::tail::TailBatch;
use crate::embedded::disk::fetch::RowCache;
use crate::embedded::disk::partition::View;

/// Everything that can be found, as of one moment.
pub struct Snapshot {
    /// Partitions in the order of arrival.
    pub views: Vec<Arc<View>>,
    /// Spans of time of which records are missing until they are indexed.
    pub holes: Vec<(i64, i64)>,
    /// What is not in them yet, oldest first.
    pub tail: Vec<TailBatch>,
    /// The first sequence that is not in a partition.
    pub next: u64,
    /// Opened groups.
    pub cache: Arc<RowCache>,
}

impl Snapshot {
    /// The same moment again.
    pub fn share(&self) -> Self {
        let (views, tail) = (self.views.clone(), self.tail.clone());
        Self {
            views,
            holes: self.holes.clone(),
            tail,
            next: self.next,
            cache: Arc::clone(&self.cache),
        }
    }
}
