//! Everything together: a layer to record with, an embedded store to find records in, and what happens
//! between them. The parts can also be used alone: `pipeline`, `embedded`.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::embedded::{self, DiskStatus, EmbeddedStore, OpenError};
use crate::instrumented::InstrumentedStore;
use crate::layer::LogLayer;
use crate::live::Subscription;
use crate::metrics::own::{Names, Snapshot};
use crate::pipeline::{Pipeline, PipelineOptions};
use crate::query::Query;
use crate::store::{LogStore, StoreError};
use crate::wal::Wal;
use crate::writer::Counts;

/// Options of the log: what to record and how much to keep.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Options from the layer to the write-ahead log.
    pub pipeline: PipelineOptions,
    /// What is kept, for how long, and how it is searched.
    pub store: embedded::Options,
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
pub struct Logs {
    pipeline: Pipeline,
    embedded: Arc<EmbeddedStore>,
    metrics: &'static Names,
}

impl Logs {
    /// Opens the store of a directory and starts recording into it what the layer sees. Put the layer
    /// into a subscriber, with a filter such as [`crate::filter::LevelControl`].
    pub fn start(directory: &Path, options: Options) -> Result<(LogLayer, Self), StartError> {
        let metrics = options.store.metrics;
        let embedded = Arc::new(EmbeddedStore::open(directory, options.store)?);
        let (layer, pipeline) = Pipeline::start(embedded.wal().clone(), options.pipeline)
            .map_err(StartError::Thread)?;
        metrics.touch();
        Ok((layer, Self { pipeline, embedded, metrics }))
    }

    /// Where the records are found. Searches are measured, see [`Names::search_ended`].
    pub fn store(&self) -> Arc<dyn LogStore> {
        let store: Arc<dyn LogStore> = Arc::clone(&self.embedded) as _;
        Arc::new(InstrumentedStore(store, self.metrics))
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
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let status = self.embedded.status().await?;
        Ok(Snapshot { counts: self.counts(), status, disk: self.disk_status() })
    }

    /// Publishes counters and gauges to the `metrics` facade. Call it before rendering them.
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
        safe
    }
}
