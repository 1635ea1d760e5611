//! Standard error as a sink of the pipeline: records that the layer has encoded and redacted become lines
//! on a thread of their own. Nothing waits for whoever reads them: what does not fit into the bounded
//! queue is dropped, counted, and told by one record when the reader takes lines again.

mod lines;
mod render;

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

pub use self::lines::Lines;
pub use self::render::text;
use crate::codec;
use crate::filter::Levels;
use crate::record::Level;
use crate::report::Report;

/// Bytes of lines that are written at once.
const WRITE: usize = 64 * 1024;
/// Pause after a reader that takes nothing at the moment, when standard error does not block.
const RETRY: Duration = Duration::from_millis(10);

/// What lines look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFormat {
    /// One JSON object per line: `timestamp`, `level`, `message`, `target`, then the fields.
    Json,
    /// For people, with colors if wished.
    Text {
        /// Whether the level is colored with ANSI escapes.
        colors: bool,
    },
}

/// Which records are written to standard error, and how.
#[derive(Clone, Debug)]
pub struct StderrOptions {
    /// Records of these levels are written, whether or not the store keeps them.
    pub levels: Levels,
    /// What lines look like.
    pub format: LineFormat,
    /// Bytes of encoded records that may wait for the reader.
    pub queue_bytes: usize,
}

impl StderrOptions {
    /// Records of these levels in that format; 2 MiB of them may wait.
    pub fn new(levels: Levels, format: LineFormat) -> Self {
        Self { levels, format, queue_bytes: 2 * 1024 * 1024 }
    }
}

/// Told of records that were dropped, once lines are read again.
pub type OnDrained = Box<dyn Fn(&Report) + Send>;

/// The sink: its queue, and the thread behind it.
#[derive(Clone, Debug)]
pub struct StderrSink {
    lines: Arc<Lines>,
}

impl StderrSink {
    /// Starts the thread that writes to standard error. Losses are told to `on_drained`.
    ///
    /// # Errors
    /// When the system gives no thread, or standard error cannot be duplicated.
    pub fn start(options: &StderrOptions, on_drained: OnDrained) -> io::Result<Self> {
        // A descriptor of its own: a thread that is stuck in a write must not hold the lock of the
        // standard library, which the last words of a program need.
        let output = std::fs::File::from(io::stderr().as_fd().try_clone_to_owned()?);
        Self::start_to(output, options, on_drained)
    }

    /// Starts the thread that writes to this output, which may block for as long as it wants.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start_to(
        output: impl Write + Send + 'static,
        options: &StderrOptions,
        on_drained: OnDrained,
    ) -> io::Result<Self> {
        let lines = Arc::new(Lines::new(options.queue_bytes));
        let (format, told) = (options.format, 0);
        let writer = LineWriter { lines: Arc::clone(&lines), output, format, on_drained, told };
        let thread = std::thread::Builder::new().name("log-stderr".to_owned());
        thread.spawn(move || writer.run())?;
        Ok(Self { lines })
    }

    /// Where records are put in.
    pub fn lines(&self) -> &Arc<Lines> {
        &self.lines
    }

    /// Records that were not written, because nobody read or writing failed.
    pub fn dropped(&self) -> u64 {
        self.lines.dropped()
    }

    /// Waits until everything put in so far is written; `false` when that took longer.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.lines.flush(timeout)
    }

    /// Waits like [`Self::flush`], then counts what still waits as dropped. Returns how many records
    /// these are.
    pub fn give_up(&self, timeout: Duration) -> u64 {
        if self.flush(timeout) { 0 } else { self.lines.discard() }
    }
}

/// The thread that renders and writes.
struct LineWriter<W> {
    lines: Arc<Lines>,
    output: W,
    format: LineFormat,
    on_drained: OnDrained,
    /// Dropped records that a record told of.
    told: u64,
}

impl<W: Write> LineWriter<W> {
    /// Works as long as the process lives.
    fn run(mut self) {
        let _quiet = crate::quiet::quiet();
        let (mut taken, mut rendered) = (Vec::new(), Vec::with_capacity(WRITE));
        loop {
            self.lines.take(&mut taken);
            self.write_records(&taken, &mut rendered);
            self.lines.finish_round();
            self.tell_dropped();
        }
    }

    fn write_records(&mut self, records: &[u8], rendered: &mut Vec<u8>) {
        let mut count = 0;
        for record in codec::records(records) {
            match self.format {
                LineFormat::Json => render::json_line(&record, rendered),
                LineFormat::Text { colors } => {
                    rendered.extend_from_slice(text(&record, colors).as_bytes());
                }
            }
            count += 1;
            if rendered.len() >= WRITE {
                self.write_lines(rendered, std::mem::take(&mut count));
            }
        }
        self.write_lines(rendered, count);
    }

    /// Writes the rendered lines, or counts them as dropped.
    fn write_lines(&mut self, rendered: &mut Vec<u8>, count: u64) {
        let mut rest = rendered.as_slice();
        while !rest.is_empty() {
            match self.output.write(rest) {
                Ok(0) => break,
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    std::thread::sleep(RETRY);
                }
                Err(_) => break,
            }
        }
        if rest.is_empty() {
            self.lines.wrote(count);
        } else {
            self.lines.failed(count);
        }
        rendered.clear();
    }

    /// One record for all that was dropped until now, once lines are taken again.
    fn tell_dropped(&mut self) {
        let dropped = self.lines.dropped();
        let lost = dropped - self.told;
        if lost == 0 || self.lines.is_failing() {
            return;
        }
        self.told = dropped;
        let report = not_written(lost);
        (self.on_drained)(&report);
        self.lines.report(&report);
    }
}

/// The record that says so.
pub fn not_written(lost: u64) -> Report {
    let message = "log records not written to standard error, which was not read";
    Report::new(Level::Warn, message).count("log.lost", lost)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
    use std::time::Instant;

    use super::*;
    use crate::codec::Encoder;
    use crate::writer::Queue;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A reader that takes nothing until it is asked to.
    struct Stalled(SyncSender<Vec<u8>>);

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn stalled(queue_bytes: usize) -> (StderrSink, Arc<Queue>, Receiver<Vec<u8>>) {
        let (sender, reader) = sync_channel(0);
        let levels = Levels::parse("info").expect("valid");
        let options = StderrOptions { queue_bytes, ..StderrOptions::new(levels, LineFormat::Json) };
        let queue = Arc::new(Queue::new(1 << 20));
        let told = Arc::clone(&queue);
        let on_drained: OnDrained = Box::new(move |report| told.report(report));
        let sink = StderrSink::start_to(Stalled(sender), &options, on_drained);
        (sink.expect("a thread"), queue, reader)
    }

    fn put(sink: &StderrSink, message: &str) {
        let mut encoder = Encoder::default();
        encoder.message_with(|text| text.push(message));
        encoder.seal("test");
        sink.lines().push(&encoder, Level::Info, 0, "test");
    }

    #[test]
    fn a_reader_that_takes_nothing_costs_records_and_no_time() {
        let (sink, queue, reader) = stalled(16 * 1024);
        let started = Instant::now();
        (0..2_000).for_each(|_| put(&sink, "of two thousand"));
        assert!(!sink.flush(Duration::from_millis(20)));
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        let dropped = sink.dropped();
        assert!(dropped > 0);
        let mut said = String::new();
        while !said.contains("not written to standard error, which") {
            let lines = reader.recv_timeout(PATIENCE).expect("lines again");
            said.push_str(&String::from_utf8(lines).expect("text"));
        }
        assert!(said.contains(&format!("\"log.lost\":{dropped}")), "{said}");
        assert_eq!(said.matches("of two thousand").count() as u64, 2_000 - dropped);
        assert_eq!(queue.counts().emitted[Level::Warn as usize], 1);
    }

    #[test]
    fn what_waits_at_the_end_is_counted() {
        let (sink, _queue, _reader) = stalled(1 << 20);
        (0..10).for_each(|_| put(&sink, "last words"));
        assert_eq!(sink.give_up(Duration::from_millis(20)), 10);
        assert_eq!(sink.dropped(), 10);
    }

    #[test]
    fn a_reader_that_is_gone_costs_records_alone() {
        let (sink, _queue, reader) = stalled(1 << 20);
        drop(reader);
        put(&sink, "to nobody");
        assert!(sink.flush(PATIENCE));
        assert_eq!(sink.dropped(), 1);
    }
}
