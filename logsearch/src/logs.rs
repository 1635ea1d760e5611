//! Everything together: a layer to record with, an embedded store to find records in, and what happens
//! between them. The store can also be used alone: `embedded`.

use std::io;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::codec::Batch;
use crate::embedded::{self, DiskStatus, EmbeddedStore, OpenError};
use crate::file_sink::FileOptions;
use crate::instrumented::InstrumentedStore;
use crate::last_words::LastWords;
use crate::layer::LogLayer;
use crate::live::Subscription;
use crate::metrics::own::{Names, Snapshot};
use crate::pipeline::{Pipeline, PipelineOptions};
use crate::query::Query;
use crate::record::Level;
use crate::redact::Redaction;
use crate::report::Report;
use crate::stderr::StderrOptions;
use crate::store::{LogStore, StoreError};
use crate::wal::{SyncListener, Wal};
use crate::writer::{Counts, Destination};

/// What to record and how much to keep. The defaults suit a service of some thousand records a second on a
/// small machine.
///
/// ```
/// use std::time::Duration;
///
/// use logsearch::Options;
///
/// let options = Options::default().max_age(Duration::from_hours(72)).max_bytes(512 << 20);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until logs are started with them"]
pub struct Options {
    pipeline: PipelineOptions,
    store: embedded::Options,
}

impl Options {
    /// Records older than this are removed, by whole partitions; 14 days by default.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.store.max_age = age;
        self
    }

    /// Index and write-ahead log together never have more bytes; 2 GiB by default.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.store.max_bytes = bytes;
        self
    }

    /// While the disk has fewer bytes free, the oldest records go; 256 MiB by default.
    pub fn min_free_bytes(mut self, bytes: u64) -> Self {
        self.store.min_free_bytes = bytes;
        self
    }

    /// A search that takes longer is answered in part, a count not at all; 5 s by default.
    pub fn search_deadline(mut self, deadline: Duration) -> Self {
        self.store.deadline = deadline;
        self
    }

    /// What the metrics are called; `logsearch_…` by default, see
    /// [`pipeline_metrics!`](crate::pipeline_metrics).
    pub fn metrics(mut self, names: &'static Names) -> Self {
        self.store.metrics = names;
        self
    }

    /// Bytes of records that may wait for the disk before some are dropped; twice as many are used at
    /// most, 16 MiB by default.
    pub fn buffer_bytes(mut self, bytes: usize) -> Self {
        self.pipeline.buffer_bytes = bytes;
        self
    }

    /// Also writes a rotating text file; none by default.
    pub fn text_file(mut self, file: impl Into<Option<FileOptions>>) -> Self {
        self.pipeline.file = file.into();
        self
    }

    /// Also writes lines to standard error; none by default.
    pub fn stderr(mut self, stderr: impl Into<Option<StderrOptions>>) -> Self {
        self.pipeline.stderr = stderr.into();
        self
    }

    /// Which values are secret; by default those of fields that are named like passwords and tokens.
    pub fn redaction(mut self, redaction: Redaction) -> Self {
        self.pipeline.layer.redaction = redaction;
        self
    }

    /// Closed spans of this level and above become records, with `None` no span; all by default.
    pub fn span_level(mut self, level: impl Into<Option<Level>>) -> Self {
        self.pipeline.layer.span_level = level.into();
        self
    }

    /// Targets whose spans become no records, for spans that an event of their own sums up; none by
    /// default.
    pub fn quiet_span_targets<T: Into<String>>(
        mut self,
        targets: impl IntoIterator<Item = T>,
    ) -> Self {
        self.pipeline.layer.quiet_span_targets = targets.into_iter().map(Into::into).collect();
        self
    }

    /// Targets whose records are fsynced at once, like those of level ERROR; `audit` by default.
    pub fn durable_targets<T: Into<String>>(
        mut self,
        targets: impl IntoIterator<Item = T>,
    ) -> Self {
        self.pipeline.layer.durable_targets = targets.into_iter().map(Into::into).collect();
        self
    }
}

/// Why recording could not start. A damaged store or a full disk is not a reason.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// A thread could not be started.
    #[error("could not start the log writer thread")]
    Thread(#[source] io::Error),
}

/// The logs of a service: recorded by a layer, kept in a directory, found again.
///
/// Keep it until the program ends and [`Self::shutdown`] it then; records emitted in the last 10 ms
/// before a program ends without that are lost.
#[derive(Debug)]
#[must_use = "records of the last 10 ms are lost unless the logs are shut down"]
pub struct Logs {
    pipeline: Arc<Pipeline>,
    last_words: LastWords,
    embedded: Arc<EmbeddedStore>,
    metrics: &'static Names,
}

impl Logs {
    /// Opens the store of a directory and starts recording into it what the layer sees. Put the layer
    /// into a subscriber, with a filter such as [`crate::filter::LevelControl`].
    ///
    /// # Errors
    /// When another process has the directory open, it cannot be read, or the system gives no thread.
    pub fn start(
        directory: impl AsRef<Path>,
        options: Options,
    ) -> Result<(LogLayer, Self), StartError> {
        let metrics = options.store.metrics;
        let embedded = Arc::new(EmbeddedStore::open(directory.as_ref(), options.store)?);
        let destination = StoreDestination(embedded.wal().clone(), Arc::downgrade(&embedded));
        let (layer, pipeline) =
            Pipeline::start(destination, options.pipeline).map_err(StartError::Thread)?;
        metrics.touch();
        let (last_words, lost) = LastWords::open(directory.as_ref());
        if lost > 0 {
            let message = "log records were lost at the last shutdown";
            pipeline.report(&Report::new(Level::Warn, message).count("log.lost", lost));
            pipeline.set_lost_at_last_shutdown(lost);
        }
        Ok((layer, Self { pipeline: Arc::new(pipeline), last_words, embedded, metrics }))
    }

    /// Where the records are found, those included that were emitted before the search: it waits for them
    /// up to 50 ms. Searches are measured, see [`Names::search_ended`].
    pub fn store(&self) -> Arc<dyn LogStore> {
        let store: Arc<dyn LogStore> = Arc::clone(&self.embedded) as _;
        Arc::new(InstrumentedStore::new(store, Arc::clone(&self.pipeline), self.metrics))
    }

    /// The write-ahead log.
    pub fn wal(&self) -> &Wal {
        self.embedded.wal()
    }

    /// Partitions, limits and what is not on the disk yet.
    pub fn disk_status(&self) -> DiskStatus {
        self.embedded.disk_status()
    }

    /// Subscribes to matching records from now on.
    pub fn subscribe(&self, query: &Query) -> Subscription {
        self.pipeline.subscribe(query)
    }

    /// Counters of emitted, dropped and queued records.
    pub fn counts(&self) -> Counts {
        self.pipeline.counts()
    }

    /// Records the text file did not take; they are in the store all the same.
    pub fn lost_to_file(&self) -> u64 {
        self.pipeline.lost_to_file()
    }

    /// Waits until errors and audit records emitted so far are on the disk, see
    /// [`Pipeline::urgent_synced`]. For a service: before it answers.
    pub async fn urgent_synced(&self, timeout: Duration) -> bool {
        self.pipeline.urgent_synced(timeout).await
    }

    /// Waits until everything emitted so far is on the disk and can be found; `false` when that failed
    /// or took longer. It blocks: in asynchronous code, call it where blocking is allowed.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.pipeline.flush(timeout)
    }

    /// A look at the pipeline and the store, for [`Names::publish`].
    ///
    /// # Errors
    /// When the store does not say how it is doing.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let status = self.embedded.status().await?;
        Ok(Snapshot { counts: self.counts(), status, disk: self.disk_status() })
    }

    /// Publishes counters and gauges to the `metrics` facade. Call it before rendering them.
    ///
    /// # Errors
    /// When the store does not say how it is doing.
    pub async fn publish_metrics(&self) -> Result<(), StoreError> {
        self.metrics.publish(&self.snapshot().await?);
        Ok(())
    }

    /// Stops recording, waits until everything emitted before is on the disk, and brings it into the
    /// index so that the next start is quick. `false` when something emitted may be lost. Blocks at
    /// most so long, so in asynchronous code call it where blocking is allowed.
    pub fn shutdown(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let safe = self.pipeline.shutdown(timeout);
        self.embedded.flush_blocking(deadline.saturating_duration_since(Instant::now()));
        // What the log could not write may be in the index.
        let indexed = self.embedded.indexed_until();
        let lost = self.pipeline.abandon(self.embedded.wal().unwritten_from(indexed));
        if lost > 0 {
            self.last_words.keep(lost);
        }
        safe && lost == 0
    }
}

/// The write-ahead log of a store, with what the store has to say.
struct StoreDestination(Wal, Weak<EmbeddedStore>);

impl Destination for StoreDestination {
    fn append(&mut self, records: Vec<u8>) -> Arc<Batch> {
        self.0.append(records)
    }

    fn tick(&mut self) {
        self.0.tick();
    }

    fn sync(&mut self, timeout: Duration) -> bool {
        self.0.sync(timeout)
    }

    fn synced(&self) -> u64 {
        self.0.synced()
    }

    fn on_sync(&mut self, listener: SyncListener) {
        self.0.on_sync(listener);
    }

    fn lost(&self) -> [[u64; 5]; 2] {
        let [unwritten, mut evicted] = Destination::lost(&self.0);
        // Which levels they had went with them.
        let removed = self.1.upgrade().map_or(0, |store| store.removed_records());
        evicted[Level::Info as usize] += removed;
        [unwritten, evicted]
    }

    fn retry(&mut self) {
        self.0.retry();
    }

    fn unwritten(&self) -> [u64; 5] {
        self.0.unwritten()
    }

    fn take_reports(&mut self) -> Vec<Report> {
        self.1.upgrade().map_or_else(Vec::new, |store| store.take_reports())
    }
}
