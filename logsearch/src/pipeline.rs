//! The parts on the way of a record put together: layer, buffer, writer, log, live records, file. Owns the
//! writer's thread. Finding records is the store's business.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::codec::Batch;
use crate::file_sink::{FileOptions, FileSink};
use crate::layer::{LayerOptions, LogLayer};
use crate::live::{Live, Subscription};
use crate::query::Query;
use crate::writer::{After, Counts, Destination, Queue, Writer};

/// Options of the pipeline: what it records and its limits.
#[derive(Clone, Debug)]
pub struct PipelineOptions {
    /// Bytes of records that may wait for the writer. A second buffer of the same size is filled while
    /// the first is written; memory is used as far as they were filled.
    pub buffer_bytes: usize,
    /// Options of the layer.
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
pub struct Pipeline {
    queue: Arc<Queue>,
    live: Live,
    file_lost: Arc<AtomicU64>,
}

impl Pipeline {
    /// Starts a pipeline from a layer to a destination.
    pub fn start(
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
        Ok((layer, Self { queue, live, file_lost }))
    }

    /// Subscribes to matching records from now on.
    pub fn subscribe(&self, query: &Query) -> Subscription {
        self.live.subscribe(query)
    }

    /// Counters of emitted, dropped and queued records.
    pub fn counts(&self) -> Counts {
        self.queue.counts()
    }

    /// Records the text file did not take; they are in the log all the same.
    pub fn lost_to_file(&self) -> u64 {
        self.file_lost.load(Ordering::Relaxed)
    }

    /// Waits until the records emitted so far that are synced at once (level ERROR, and
    /// [`LayerOptions::durable_targets`]) are on the disk; at once when none is under way. `false` when
    /// the disk does not take them or takes longer.
    pub async fn urgent_synced(&self, timeout: Duration) -> bool {
        self.queue.urgent_synced(timeout).await
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

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.queue.close(Duration::ZERO);
    }
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Pipeline").field("counts", &self.counts()).finish_non_exhaustive()
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
