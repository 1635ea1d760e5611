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
use crate::record::Level;
use crate::report::Report;
use crate::stderr::{self, StderrOptions, StderrSink};
use crate::writer::{After, Counts, Destination, OnReport, Queue, Writer};

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
    /// Lines on standard error.
    pub stderr: Option<StderrOptions>,
    /// How long a flush may wait for the disk.
    pub sync_timeout: Duration,
}

impl Default for PipelineOptions {
    fn default() -> Self {
        Self {
            buffer_bytes: 16 * 1024 * 1024,
            layer: LayerOptions::default(),
            file: None,
            stderr: None,
            sync_timeout: Duration::from_secs(5),
        }
    }
}

/// A running pipeline. Dropping it stops it without waiting: call [`Self::shutdown`].
pub struct Pipeline {
    queue: Arc<Queue>,
    live: Live,
    file_lost: Arc<AtomicU64>,
    stderr: Option<StderrSink>,
}

/// Longest wait for who reads standard error, each time that everything should be written.
const STDERR_FLUSH: Duration = Duration::from_millis(200);

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
        let stderr = options.stderr.as_ref().map(|stderr| start_stderr(stderr, &queue));
        let stderr = stderr.transpose()?;
        let on_report = on_report(stderr.clone());
        let after = after(live.clone(), file);
        let writer = Writer::new(Arc::clone(&queue), destination, after, on_report);
        let timeout = options.sync_timeout;
        let thread = std::thread::Builder::new().name("log-writer".to_owned());
        thread.spawn(move || writer.run(timeout))?;
        let mut layer = LogLayer::new(Arc::clone(&queue), options.layer);
        if let (Some(sink), Some(options)) = (&stderr, options.stderr) {
            layer = layer.stderr(sink.clone(), options.levels);
        }
        Ok((layer, Self { queue, live, file_lost, stderr }))
    }

    /// Adds a record of the pipeline's own to every sink.
    pub fn report(&self, report: &Report) {
        self.queue.report(report);
        self.report_to_stderr(report);
    }

    /// Writes a record of the pipeline's own to standard error alone.
    pub fn report_to_stderr(&self, report: &Report) {
        if let Some(sink) = &self.stderr {
            sink.lines().report(report);
        }
    }

    /// Says how many records the last process could not write when it was shut down.
    pub fn set_lost_at_last_shutdown(&self, lost: u64) {
        self.queue.set_lost_at_last_shutdown(lost);
    }

    /// Waits until everything emitted so far can be found; `false` when it took longer.
    pub async fn handed_over(&self, timeout: Duration) -> bool {
        self.queue.handed_over(timeout).await
    }

    /// Subscribes to matching records from now on.
    pub fn subscribe(&self, query: &Query) -> Subscription {
        self.live.subscribe(query)
    }

    /// Counters of emitted, dropped and queued records.
    pub fn counts(&self) -> Counts {
        Counts {
            stderr_dropped: self.stderr.as_ref().map_or(0, StderrSink::dropped),
            file_dropped: self.lost_to_file(),
            ..self.queue.counts()
        }
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
        self.finish_stderr();
        self.queue.close(timeout)
    }

    /// Counts what could not be written until now as lost, and says so on standard error: what was not handed
    /// over, and these by level of what was. Returns how many records it lost since the shutdown began. Call
    /// it behind [`Self::shutdown`].
    pub fn abandon(&self, unwritten: Option<[u64; 5]>) -> u64 {
        let lost = self.queue.abandon(unwritten);
        if lost > 0 {
            let message = "log records not written to disk at shutdown";
            let report = Report::new(Level::Error, message).count("log.lost", lost);
            self.report_to_stderr(&report.text("log.lost.reason", "shutdown"));
        }
        self.finish_stderr();
        lost
    }

    /// Whoever does not read standard error has had the time to.
    fn finish_stderr(&self) {
        let Some(sink) = &self.stderr else { return };
        let lost = sink.give_up(STDERR_FLUSH);
        if lost > 0 {
            self.queue.report(&stderr::not_written(lost));
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.finish_stderr();
        self.queue.close(Duration::ZERO);
    }
}

fn start_stderr(options: &StderrOptions, queue: &Arc<Queue>) -> std::io::Result<StderrSink> {
    let queue = Arc::clone(queue);
    StderrSink::start(options, Box::new(move |report| queue.report(report)))
}

fn on_report(stderr: Option<StderrSink>) -> OnReport {
    Box::new(move |report| {
        if let Some(sink) = &stderr {
            sink.lines().report(report);
        }
    })
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
