//! Live records for those who watch: filtered on this side, bounded, and never a burden to the writer. Who
//! is too slow loses records and is told how many. Older records are a search's business.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::codec::Batch;
use crate::query::{Matcher, Query};
use crate::record::LogRecord;

/// Batches kept for a slow watcher; a batch has about 256 KiB at most.
const KEPT: usize = 32;
/// The most records handed over at once; of more only the newest are.
const MAX_RECORDS: usize = 1_000;

/// Publishes new records to live subscriptions.
#[derive(Clone, Debug)]
pub struct Live {
    sender: broadcast::Sender<Arc<Batch>>,
    published: Arc<Mutex<Published>>,
}

/// The sequences of the first record that was shown, and behind the last one.
#[derive(Debug, Default)]
struct Published {
    first: Option<u64>,
    next: Option<u64>,
}

impl Default for Live {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(KEPT), published: Arc::default() }
    }
}

impl Live {
    /// Shows a batch to every watcher. Never waits for one.
    pub fn publish(&self, batch: &Arc<Batch>) {
        let mut published = self.published.lock();
        published.first.get_or_insert(batch.first);
        published.next = Some(batch.next);
        if self.sender.receiver_count() > 0 {
            // An error says that the last watcher has just left.
            let _ = self.sender.send(Arc::clone(batch));
        }
    }

    /// Subscribes to matching records from now on.
    pub fn subscribe(&self, query: &Query) -> Subscription {
        let published = self.published.lock();
        Subscription {
            receiver: self.sender.subscribe(),
            matcher: Matcher::new(query),
            expected: published.next,
            published: Arc::clone(&self.published),
        }
    }
}

/// An update for a live subscription.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// Matching records in order of arrival, at least one.
    Records(Vec<LogRecord>),
    /// So many records, matching or not, were passed over because the watcher was too slow.
    Gap(u64),
}

/// A live subscription.
#[derive(Debug)]
pub struct Subscription {
    receiver: broadcast::Receiver<Arc<Batch>>,
    matcher: Matcher,
    /// The sequence the next batch should begin with; unknown before the first one.
    expected: Option<u64>,
    published: Arc<Mutex<Published>>,
}

impl Subscription {
    /// The next matching records; `None` when there will be none any more. May be cancelled.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            match self.receiver.recv().await {
                Ok(batch) => {
                    if let Some(update) = self.take(&batch) {
                        return Some(update);
                    }
                }
                Err(RecvError::Lagged(_)) => {
                    // The batch that comes next tells how many records that were.
                    if let Some(gap) = self.skip_to_kept() {
                        return Some(gap);
                    }
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn take(&mut self, batch: &Batch) -> Option<Update> {
        self.expected = Some(batch.next);
        let mut records: Vec<LogRecord> = batch
            .records()
            .filter(|record| self.matcher.matches(record))
            .map(LogRecord::from)
            .collect();
        if records.len() > MAX_RECORDS {
            records.drain(..records.len() - MAX_RECORDS);
        }
        (!records.is_empty()).then_some(Update::Records(records))
    }

    /// Gives up what is kept as well: a watcher that was too slow once wants to see what is new.
    fn skip_to_kept(&mut self) -> Option<Update> {
        let mut newest = None;
        loop {
            match self.receiver.try_recv() {
                Ok(batch) => newest = Some(batch),
                Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(_) => break,
            }
        }
        let newest = newest?;
        let first = self.published.lock().first.unwrap_or(newest.first);
        let expected = self.expected.replace(newest.next).unwrap_or(first);
        let missed = newest.next.saturating_sub(expected);
        (missed > 0).then_some(Update::Gap(missed))
    }
}
