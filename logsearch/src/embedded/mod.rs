//! The embedded store: records in a write-ahead log, found in memory at once and in an index of time
//! partitions soon after, on one directory of one process.
//!
//! | room | what |
//! |---|---|
//! | `shared`, `status` | the state of a store, and what it says of itself |
//! | `disk` | partitions: rows, columns, index, segments |
//! | `lower` | the query tree as tantivy queries |
//! | `search` | snapshots, prepared searches, pages, the memory tail |
//! | `aggregate` | counts, histograms, frequent values, percentiles, event types |
//! | `maintain` | the indexer, recovery, retention, verification |
//! | `read_only` | looking at the files of another process |
//!
//! `disk` knows none of the others, `lower` only `disk`, `search` only these two. `budget` bounds a query.
//! Nothing outside this module names tantivy.

mod aggregate;
mod budget;
mod disk;
mod lower;
mod maintain;
mod options;
mod read_only;
mod search;
mod shared;
mod status;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use self::budget::Budget;
use self::disk::partition::PartitionError;
use self::maintain::indexer::Indexer;
pub use self::maintain::verify::{ReindexError, Verified, VerifiedPartition, reindex, verify};
pub use self::options::Options;
use self::options::Places;
use self::read_only::Follower;
use self::search::page;
use self::search::searchers::Searchers;
use self::search::snapshot::Snapshot;
use self::shared::{Shared, State};
pub use crate::disk_status::{DiskStatus, Limits, PartitionState, PartitionStatus};
use crate::query::Query;
use crate::record::LogRecord;
use crate::report::Report;
use crate::store::{
    Aggregate, Aggregation, LogStore, MAX_PAGE, STILL_INDEXING, Search, SearchPage, StoreError,
    StoreErrorKind, StoreStatus, TimeRange,
};
use crate::wal::{Locked, Wal};

/// Time between two looks of a count for records that are not indexed yet.
const CATCH_UP: Duration = Duration::from_millis(20);

/// Why a store could not be opened. Damage is not a reason: see [`StoreStatus::notices`].
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store is locked by another process.
    #[error(transparent)]
    Locked(#[from] Locked),
    /// The directory cannot be read at all.
    #[error("could not read the log store at {}", path.display())]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// Cause of the failure.
        #[source]
        source: io::Error,
    },
}

/// A log store in a directory.
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    permits: Arc<Semaphore>,
    searchers: Searchers,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = &self.shared.places.index;
        formatter.debug_struct("EmbeddedStore").field("index", index).finish_non_exhaustive()
    }
}

impl EmbeddedStore {
    /// Opens the store of a directory, creating it when it is missing. Reads what is in the write-ahead
    /// log and in no index into memory; damaged parts are set aside and rebuilt in the background.
    pub fn open(root: &Path, mut options: Options) -> Result<Self, OpenError> {
        let places = Places::of(root);
        let unreadable = |source| OpenError::Unreadable { path: root.to_owned(), source };
        let misplaced = places.prepare().map_err(unreadable)?;
        options.fit_disk(root);
        let mut wal_options = options.wal.clone();
        wal_options.max_bytes = wal_options.max_bytes.min(options.max_bytes / 4);
        wal_options.keep_bytes = wal_options.keep_bytes.min(options.max_bytes / 16);
        // Only whole segments go, so that a large one would be in the way of everything else.
        wal_options.segment_bytes = wal_options.segment_bytes.min(options.max_bytes / 32).max(1);
        let wal = Wal::open(&places.wal, wal_options)?;
        let mut found = maintain::recovery::open_all(&places).map_err(unreadable)?;
        wal.advance_to(found.next);

        let mut state = State { next: found.next, ..State::default() };
        state.views = found.views.iter().map(|(view, _)| Arc::clone(view)).collect();
        state.rebuild = found.rebuild;
        for notice in misplaced.into_iter().chain(std::mem::take(&mut found.notices)) {
            state.note(notice);
        }
        read_log(&wal, &mut state, options.tail_bytes);
        let resumable = found.views.pop().filter(|(view, _)| !view.partition.format.sealed);
        let shared = Shared::new(options, places, wal, state);
        shared.listen();

        let indexer = Indexer::new(Arc::clone(&shared), resumable);
        Self::start(shared, "log-index", move || indexer.run()).map_err(unreadable)
    }

    /// Opens the store of a directory to look at it, whoever owns it: a service that runs, was stopped or
    /// crashed, or a copy. Nothing is written, created or locked, and nothing repaired. New records are found
    /// about a second after the owner wrote them.
    ///
    /// # Errors
    /// When there is no such directory, it cannot be read, or the system gives no thread.
    pub fn open_read_only(root: &Path, options: Options) -> Result<Self, OpenError> {
        let follower = Follower::open(root, options)?;
        let shared = Arc::clone(follower.shared());
        let started = Self::start(shared, "log-follow", move || follower.run());
        started.map_err(|source| OpenError::Unreadable { path: root.to_owned(), source })
    }

    /// A store with its threads: those that search, and the one that keeps it up to date.
    fn start(
        shared: Arc<Shared>,
        name: &str,
        work: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let at_once = shared.options.searches.max(1);
        let (permits, searchers) = (Arc::new(Semaphore::new(at_once)), Searchers::start(at_once)?);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work)?;
        Ok(Self { shared, permits, searchers, thread: Some(thread) })
    }

    /// Every record before this sequence is in the index.
    pub(crate) fn indexed_until(&self) -> u64 {
        self.shared.state.read().next
    }

    /// What happened since the last call and is to be recorded.
    pub(crate) fn take_reports(&self) -> Vec<Report> {
        self.shared.state.write().reports.drain(..).collect()
    }

    /// Records of partitions that somebody removed and the write-ahead log did not have any more.
    pub(crate) fn removed_records(&self) -> u64 {
        self.shared.state.read().removed
    }

    /// The write-ahead log. What is appended to it can be found in this store at once.
    pub fn wal(&self) -> &Wal {
        &self.shared.wal
    }

    /// Brings everything appended so far into the index. Searches do not need it; a short restart and
    /// small memory do. `false` when it was not done in time.
    pub async fn flush(&self, timeout: Duration) -> bool {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || shared.flush(timeout)).await.unwrap_or(false)
    }

    /// Like [`Self::flush`], on this thread.
    pub fn flush_blocking(&self, timeout: Duration) -> bool {
        self.shared.flush(timeout)
    }

    /// Partitions, limits and what is not on the disk yet. Reads no file but asks the system for free disk.
    pub fn disk_status(&self) -> DiskStatus {
        self.shared.disk_status()
    }

    /// Waits until every record of a range can be found.
    ///
    /// # Errors
    /// When that takes longer than a query may: a part of a count is no answer.
    async fn wait_indexed(&self, range: TimeRange) -> Result<(), StoreError> {
        let started = Instant::now();
        let overlaps = |hole: &TimeRange| hole.from < range.to && range.from < hole.to;
        while self.shared.unindexed().iter().any(overlaps) {
            if started.elapsed() >= self.shared.options.deadline {
                return Err(StoreError::bare(StoreErrorKind::Indexing, STILL_INDEXING));
            }
            tokio::time::sleep(CATCH_UP).await;
        }
        Ok(())
    }

    /// Runs a query on one of the threads that search. It ends early when the deadline has
    /// passed or the caller has gone.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Snapshot, &Budget) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let deadline = self.shared.options.deadline;
        let started = Instant::now();
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = tokio::time::timeout(deadline, permit).await.map_err(|_| {
            StoreError::bare(StoreErrorKind::Timeout, "too many concurrent searches")
        })?;
        let budget = Budget::new(deadline.saturating_sub(started.elapsed()));
        let _end = budget.end_on_drop();
        let (shared, inner) = (Arc::clone(&self.shared), budget.clone());
        let search = move || {
            let _permit = permit;
            work(&shared.snapshot(), &inner)
        };
        let result = self
            .searchers
            .run(search)
            .await
            .ok_or_else(|| StoreError::bare(StoreErrorKind::Internal, "search task failed"))?;
        result.map_err(|failure| match failure {
            Failure::Refused(error) => error,
            Failure::Broken(error) => {
                let message = "a part of the index could not be read";
                StoreError::new(StoreErrorKind::Unavailable, message, error)
            }
        })
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.shared.stop();
        if let Some(thread) = self.thread.take() {
            // A panic of the index thread has been printed by the panic hook.
            let _ = thread.join();
        }
    }
}

/// Why a query failed.
enum Failure {
    /// The request is invalid or exceeds a limit.
    Refused(StoreError),
    /// A partition. Asking again gives the answer over the others.
    Broken(PartitionError),
}

impl From<PartitionError> for Failure {
    fn from(error: PartitionError) -> Self {
        Self::Broken(error)
    }
}

/// Reads the end of the log that is in no partition into memory.
fn read_log(wal: &Wal, state: &mut State, tail_bytes: usize) {
    let mut reader = wal.reader(state.next);
    loop {
        match reader.next_batch() {
            Ok(Some(batch)) => {
                state.tail.push(Arc::new(batch));
                state.tail.shrink_to(tail_bytes);
            }
            Ok(None) => break,
            Err(error) => {
                state.note(format!("could not read the write-ahead log: {error}"));
                break;
            }
        }
    }
    reader.take_notices().into_iter().for_each(|notice| state.note(notice));
}

fn timed_out() -> StoreError {
    StoreError::bare(StoreErrorKind::Timeout, "the query timed out")
}

#[async_trait]
impl LogStore for EmbeddedStore {
    async fn append(&self, batch: Vec<LogRecord>) -> Result<(), StoreError> {
        let wal = self.shared.wal.clone();
        let task = tokio::task::spawn_blocking(move || {
            wal.append_records(&batch);
        });
        task.await
            .map_err(|error| StoreError::new(StoreErrorKind::Internal, "append task failed", error))
    }

    async fn search(&self, search: &Search) -> Result<SearchPage, StoreError> {
        let search = search.clone();
        let limit = search.limit.clamp(1, MAX_PAGE);
        self.run(move |snapshot, budget| Ok(page::page(snapshot, &search, limit, budget))).await
    }

    async fn aggregate(
        &self,
        range: TimeRange,
        query: &Query,
        aggregation: &Aggregation,
    ) -> Result<Aggregate, StoreError> {
        if matches!(aggregation, Aggregation::Count) {
            self.wait_indexed(range).await?;
        }
        let (query, aggregation) = (query.clone(), aggregation.clone());
        let answer = self.run(move |snapshot, budget| {
            let answer = aggregate::aggregate(snapshot, range, &query, &aggregation, budget)?;
            Ok((!budget.is_over()).then_some(answer))
        });
        answer.await?.ok_or_else(timed_out)
    }

    fn unindexed(&self) -> Vec<TimeRange> {
        self.shared.unindexed()
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        let shared = Arc::clone(&self.shared);
        let task = tokio::task::spawn_blocking(move || shared.status());
        task.await
            .map_err(|error| StoreError::new(StoreErrorKind::Internal, "status task failed", error))
    }
}
