//! The parts put together: layer, buffer, writer, log, store, live records, file. Owns the thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::codec::Batch;
use crate::file_sink::{FileOptions, FileSink};
use crate::layer::{LayerOptions, LogLayer};
use crate::live::{Live, Subscription};
use crate::query::Query;
use crate::store::LogStore;
use crate::writer::{After, Counts, Destination, Queue, Writer};

/// What a pipeline records and how much it holds.
#[derive(Clone, Debug)]
pub struct PipelineOptions {
    /// Bytes of records that may wait for the writer. A second buffer of the same size is filled while
    /// the first is written; memory is used as far as they were filled.
    pub buffer_bytes: usize,
    /// What the layer records.
    pub layer: LayerOptions,
    /// A rotating text file next to the log.
    pub file: Option<FileOptions>,
    /// How long a flush may wait for the disk.
    pub sync_timeout: Duration,
}

impl Default for PipelineOptions {
    fn default() -> Self {
        Self {
            buffer_bytes: 16 * 1024 * 1024,
            layer: LayerOptions::default(),
            file: None,
            sync_timeout: Duration::from_secs(5),
        }
    }
}

/// A running pipeline. Dropping it stops it without waiting: call [`Self::shutdown`].
pub struct Logs {
    queue: Arc<Queue>,
    live: Live,
    store: Arc<dyn LogStore>,
    file_lost: Arc<AtomicU64>,
}

impl Logs {
    /// Starts a pipeline from a layer to a destination, which must be what `store` reads.
    pub fn start(
        store: Arc<dyn LogStore>,
        destination: impl Destination,
        options: PipelineOptions,
    ) -> std::io::Result<(LogLayer, Self)> {
        let queue = Arc::new(Queue::new(options.buffer_bytes));
        let live = Live::default();
        let file = options.file.map(FileSink::new);
        let file_lost = file.as_ref().map_or_else(Arc::default, FileSink::lost);
        let writer = Writer::new(Arc::clone(&queue), destination, after(live.clone(), file));
        let timeout = options.sync_timeout;
        let thread = std::thread::Builder::new().name("log-writer".to_owned());
        thread.spawn(move || writer.run(timeout))?;
        let layer = LogLayer::new(Arc::clone(&queue), options.layer);
        Ok((layer, Self { queue, live, store, file_lost }))
    }

    /// Where the records are found.
    pub fn store(&self) -> Arc<dyn LogStore> {
        Arc::clone(&self.store)
    }

    /// The matching records from now on.
    pub fn subscribe(&self, query: &Query) -> Subscription {
        self.live.subscribe(query)
    }

    /// How many watch live records.
    pub fn watchers(&self) -> usize {
        self.live.watchers()
    }

    /// What became of the records so far.
    pub fn counts(&self) -> Counts {
        self.queue.counts()
    }

    /// Records the text file did not take; they are in the log all the same.
    pub fn lost_to_file(&self) -> u64 {
        self.file_lost.load(Ordering::Relaxed)
    }

    /// Waits until everything emitted so far is on the disk; `false` when that failed or took longer.
    /// It blocks: in asynchronous code, call it where blocking is allowed.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.queue.flush(timeout)
    }

    /// Stops recording and waits until everything emitted before is on the disk; `false` when that
    /// failed or took longer. Blocks like [`Self::flush`].
    pub fn shutdown(&self, timeout: Duration) -> bool {
        self.queue.close(timeout)
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        self.queue.close(Duration::ZERO);
    }
}

impl std::fmt::Debug for Logs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Logs").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

fn after(live: Live, mut file: Option<FileSink>) -> After {
    Box::new(move |batch: &Arc<Batch>| {
        live.publish(batch);
        if let Some(file) = &mut file {
            file.write(batch);
        }
    })
}
