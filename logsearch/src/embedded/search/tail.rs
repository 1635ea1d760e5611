//! The memory tail: records that are not in a committed index yet, searched one by one. It holds the
//! batches the writer handed over and nothing else; when it would grow too large, the oldest batches
//! are let go (the write-ahead log still has them) and the gap until they are indexed is known.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::codec::{Batch, RecordView};
use crate::store::TimeRange;

/// A batch with what a search needs to skip it.
#[derive(Clone, Debug)]
pub struct TailBatch {
    /// The records.
    pub batch: Arc<Batch>,
    /// Oldest timestamp.
    pub oldest: i64,
    /// Newest timestamp.
    pub newest: i64,
    /// Records in it.
    pub count: u64,
}

impl TailBatch {
    fn new(batch: Arc<Batch>) -> Self {
        let mut tail = Self { oldest: i64::MAX, newest: i64::MIN, count: 0, batch };
        for view in tail.batch.records() {
            tail.oldest = tail.oldest.min(view.timestamp());
            tail.newest = tail.newest.max(view.timestamp());
            tail.count += 1;
        }
        tail
    }

    /// Whether a record of it may be inside.
    pub fn may_have(&self, range: TimeRange) -> bool {
        self.oldest < range.to && range.from <= self.newest
    }

    /// The records with their offsets in the batch, those behind `from` only.
    pub fn records_from(&self, from: u64) -> impl Iterator<Item = (usize, RecordView<'_>)> {
        let mut offset = 0;
        self.batch
            .records()
            .map(move |view| {
                let at = offset;
                offset += view.as_bytes().len();
                (at, view)
            })
            .skip_while(move |(_, view)| view.sequence() < from)
    }
}

/// The memory tail: records that are not in a committed index yet.
#[derive(Debug, Default)]
pub struct Tail {
    batches: VecDeque<TailBatch>,
    bytes: usize,
    /// Nothing behind this sequence was let go unindexed.
    evicted_until: u64,
    /// Oldest and newest timestamp of what was let go and is not indexed yet.
    evicted: Option<(i64, i64)>,
}

impl Tail {
    /// Adds a batch, the sequences of which are behind all others.
    pub fn push(&mut self, batch: Arc<Batch>) {
        self.bytes += batch.bytes.len();
        self.batches.push_back(TailBatch::new(batch));
    }

    /// Lets the oldest batches go until at most so many bytes are left.
    pub fn shrink_to(&mut self, bytes: usize) {
        while self.bytes > bytes && self.batches.len() > 1 {
            if let Some(gone) = self.batches.pop_front() {
                self.bytes -= gone.batch.bytes.len();
                self.evicted_until = gone.batch.next;
                let (oldest, newest) = self.evicted.unwrap_or((i64::MAX, i64::MIN));
                self.evicted = Some((oldest.min(gone.oldest), newest.max(gone.newest)));
            }
        }
    }

    /// Drops what is in the index: everything before `next`.
    pub fn drop_until(&mut self, next: u64) {
        while let Some(first) = self.batches.front().filter(|first| first.batch.next <= next) {
            self.bytes -= first.batch.bytes.len();
            self.batches.pop_front();
        }
        if next >= self.evicted_until {
            self.evicted = None;
        }
    }

    /// The span of time of which records between this sequence and the tail are neither in the index nor
    /// here; `None` when there are none.
    pub fn gap_from(&self, sequence: u64) -> Option<(i64, i64)> {
        self.evicted.filter(|_| self.has_gap_from(sequence))
    }

    /// The batch that has the first record at or behind a sequence, when no record between is gone.
    pub fn batch_from(&self, sequence: u64) -> Option<TailBatch> {
        let at = self.batches.partition_point(|tail| tail.batch.next <= sequence);
        let found = self.batches.get(at)?;
        (sequence >= self.evicted_until || found.batch.first <= sequence).then(|| found.clone())
    }

    /// Whether records between this sequence and the tail are neither in the index nor here.
    pub fn has_gap_from(&self, sequence: u64) -> bool {
        sequence < self.evicted_until
    }

    /// All batches, oldest first.
    pub fn snapshot(&self) -> Vec<TailBatch> {
        self.batches.iter().cloned().collect()
    }

    /// Bytes of all batches.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The sequence of the first record; `None` when it is empty.
    pub fn first(&self) -> Option<u64> {
        self.batches.front().map(|tail| tail.batch.first)
    }

    /// The sequence behind the last record; `None` when it is empty.
    pub fn next(&self) -> Option<u64> {
        self.batches.back().map(|tail| tail.batch.next)
    }

    /// Timestamp of the oldest record.
    pub fn oldest(&self) -> Option<i64> {
        self.batches.iter().map(|tail| tail.oldest).min()
    }

    /// Number of records at or behind a sequence.
    pub fn count_from(&self, from: u64) -> u64 {
        let whole = |tail: &&TailBatch| tail.batch.first >= from;
        let whole: u64 = self.batches.iter().filter(whole).map(|tail| tail.count).sum();
        let cut = self.batches.iter().filter(|tail| tail.batch.first < from);
        whole + cut.map(|tail| tail.records_from(from).count() as u64).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;
    use crate::record::{Level, LogRecord};

    fn batch(sequences: std::ops::Range<u64>) -> Arc<Batch> {
        let mut bytes = Vec::new();
        for sequence in sequences.clone() {
            let record = LogRecord {
                timestamp: sequence.cast_signed(),
                sequence,
                level: Level::Info,
                target: "t".into(),
                message: "m".into(),
                fields: Vec::new(),
            };
            codec::encode(&record, &mut bytes);
        }
        Arc::new(Batch { first: sequences.start, next: sequences.end, bytes })
    }

    #[test]
    fn a_gap_is_known_until_it_is_indexed() {
        let mut tail = Tail::default();
        (0..4).for_each(|n| tail.push(batch(n * 10..n * 10 + 10)));
        let size = tail.bytes();
        tail.shrink_to(size / 2);
        assert!(tail.has_gap_from(5) && !tail.has_gap_from(20));
        assert_eq!((tail.gap_from(5), tail.gap_from(20)), (Some((0, 19)), None));
        assert!(tail.batch_from(5).is_none());
        assert_eq!(tail.batch_from(25).unwrap().batch.first, 20);
        tail.drop_until(30);
        assert_eq!(tail.count_from(35), 5);
        assert_eq!(tail.next(), Some(40));
    }
}
