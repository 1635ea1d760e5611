//! Batches that the disk has not taken yet: bounded, and the least severe records go first.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::codec::{Batch, RecordView};
use crate::record::Level;

/// Numbered batches in order.
#[derive(Debug, Default)]
pub struct Backlog {
    batches: VecDeque<Arc<Batch>>,
    bytes: usize,
}

impl Backlog {
    /// Bytes of all batches.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Records of all batches at or behind a sequence, by level.
    pub fn records_from(&self, sequence: u64) -> [u64; 5] {
        let mut records = [0; 5];
        let all = self.batches.iter().flat_map(|batch| batch.records());
        for record in all.filter(|record| record.sequence() >= sequence) {
            records[record.level() as usize] += 1;
        }
        records
    }

    /// The oldest batch.
    pub fn front(&self) -> Option<&Arc<Batch>> {
        self.batches.front()
    }

    /// Adds the newest batch.
    pub fn push(&mut self, batch: &Arc<Batch>) {
        self.bytes += batch.bytes.len();
        self.batches.push_back(Arc::clone(batch));
    }

    /// Removes the oldest batch.
    pub fn pop(&mut self) -> Option<Arc<Batch>> {
        let batch = self.batches.pop_front()?;
        self.bytes -= batch.bytes.len();
        Some(batch)
    }

    /// Drops records until at most `limit` bytes are left, and counts them by level. The least severe go
    /// first, of one level the oldest.
    pub fn shed(&mut self, limit: usize, lost: &mut [u64; 5]) {
        if self.bytes <= limit {
            return;
        }
        // Some room at once, so that not every further batch costs another pass.
        let limit = limit / 4 * 3;
        for level in Level::ALL {
            for batch in &mut self.batches {
                if self.bytes <= limit {
                    return;
                }
                let thin = without(batch, level, lost);
                self.bytes -= batch.bytes.len() - thin.bytes.len();
                *batch = Arc::new(thin);
            }
            self.batches.retain(|batch| !batch.bytes.is_empty());
        }
    }
}

fn without(batch: &Batch, level: Level, lost: &mut [u64; 5]) -> Batch {
    let mut bytes = Vec::with_capacity(batch.bytes.len());
    for record in batch.records() {
        if record.level() == level {
            lost[level as usize] += 1;
        } else {
            bytes.extend_from_slice(record.as_bytes());
        }
    }
    let first = RecordView::parse(&bytes).map_or(batch.next, |record| record.sequence());
    Batch { first, next: batch.next, bytes }
}
