//! From the threads that emit to the log: one shared buffer that is swapped every 10 ms, and the thread
//! that swaps it. Emitting never waits and never allocates; what does not fit is dropped, DEBUG first,
//! then INFO, and counted by level and reason. What a record is, is `codec`'s business.

mod counts;
mod destination;
mod urgent;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::watch;

pub use self::counts::{Counts, Reason};
pub use self::destination::Destination;
use self::urgent::Urgent;
use crate::codec::{Batch, Encoder};
use crate::record::Level;
use crate::report::Report;

/// Maximum time a record stays in the queue.
const LINGER: Duration = Duration::from_millis(5);
/// The buffer is swapped early when it has so many bytes.
const EARLY: usize = 256 * 1024;
/// After so long without a record the thread sleeps until one comes.
const IDLE: Duration = Duration::from_secs(1);
/// Minimum interval between reports of dropped records.
const REPORT: Duration = Duration::from_secs(1);

/// The buffer between emitting threads and the writer.
#[derive(Debug)]
pub struct Queue {
    front: Mutex<Front>,
    wake: Condvar,
    done: Condvar,
    capacity: usize,
    urgent: Urgent,
    /// Records that were handed to the log, of those accepted so far.
    passed: watch::Sender<u64>,
}

/// Whether the writer would come by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attention {
    /// The writer wakes up on its own soon.
    Awake,
    /// Sleeps until it is woken.
    Parked,
    /// It was woken and has not come yet.
    Woken,
}

#[derive(Debug)]
struct Front {
    bytes: Vec<u8>,
    counts: Counts,
    /// Records put into the buffer, by level.
    accepted: [u64; 5],
    /// Of these, the ones the log has, and among them the ones it could not write yet.
    handed: [u64; 5],
    unwritten: [u64; 5],
    writer: Attention,
    /// Flushes asked for and finished.
    flush: (u64, u64),
    /// Whether the last flush was fsynced.
    flushed_well: bool,
    closed: bool,
    finished: bool,
}

impl Queue {
    /// A buffer of at most so many bytes. Memory is used as far as it was filled.
    pub fn new(capacity: usize) -> Self {
        let front = Front {
            bytes: Vec::with_capacity(capacity),
            counts: Counts { capacity_bytes: capacity, ..Counts::default() },
            accepted: [0; 5],
            handed: [0; 5],
            unwritten: [0; 5],
            writer: Attention::Awake,
            flush: (0, 0),
            flushed_well: true,
            closed: false,
            finished: false,
        };
        let (wake, done, urgent) = (Condvar::new(), Condvar::new(), Urgent::default());
        let passed = watch::Sender::new(0);
        Self { front: Mutex::new(front), wake, done, capacity, urgent, passed }
    }

    /// Adds a record or counts its loss. Never waits for more than a copy of some hundred bytes.
    pub fn push(&self, encoder: &Encoder, level: Level, timestamp: i64, target: &str) {
        let length = encoder.length(target);
        let mut front = self.front.lock();
        front.counts.emitted[level as usize] += 1;
        if front.closed {
            front.counts.dropped[level as usize][Reason::Shutdown as usize] += 1;
            return;
        }
        let before = front.bytes.len();
        let room = self.room(level);
        if before + length > room {
            let reason = if length > room { Reason::TooLarge } else { Reason::QueueFull };
            front.counts.dropped[level as usize][reason as usize] += 1;
            return;
        }
        encoder.write(&mut front.bytes, level, timestamp, target);
        front.accepted[level as usize] += 1;
        let is_urgent = encoder.is_urgent(level);
        if is_urgent {
            self.urgent.emit();
        }
        let wanted = is_urgent || front.writer == Attention::Parked || before + length >= EARLY;
        if wanted && front.writer != Attention::Woken {
            front.writer = Attention::Woken;
            drop(front);
            self.wake.notify_one();
        }
    }

    /// Counts a record that was not even encoded.
    pub fn count_nested(&self, level: Level) {
        let mut front = self.front.lock();
        front.counts.emitted[level as usize] += 1;
        front.counts.dropped[level as usize][Reason::Nested as usize] += 1;
    }

    /// How many bytes may be used by records up to that level. The last eighth is for WARN and ERROR.
    fn room(&self, level: Level) -> usize {
        match level {
            Level::Trace | Level::Debug => self.capacity / 2,
            Level::Info => self.capacity / 8 * 7,
            Level::Warn | Level::Error => self.capacity,
        }
    }

    /// What became of the records so far. Losses behind the buffer are up to a second old, and exact after
    /// a flush.
    pub fn counts(&self) -> Counts {
        let front = self.front.lock();
        Counts { queued_bytes: front.bytes.len(), ..front.counts }
    }

    /// Waits until every urgent record emitted so far is on the disk; `false` when that failed or took longer.
    pub async fn urgent_synced(&self, timeout: Duration) -> bool {
        self.urgent.wait(timeout).await
    }

    /// Waits until everything emitted so far is with the log, and so can be found; `false` when it took
    /// longer. Whether it is on the disk is another question.
    pub async fn handed_over(&self, timeout: Duration) -> bool {
        let wanted = {
            let mut front = self.front.lock();
            let wanted = front.accepted.iter().sum();
            if *self.passed.borrow() >= wanted {
                return true;
            }
            self.wake_now(&mut front);
            wanted
        };
        let mut passed = self.passed.subscribe();
        let reached = tokio::time::timeout(timeout, passed.wait_for(|passed| *passed >= wanted));
        matches!(reached.await, Ok(Ok(_)))
    }

    /// Counts what the log does not have or could not write as lost at shutdown, when no more is accepted;
    /// `unwritten` is what it could not write, unless the last number known has to do. Returns all records
    /// that were lost so.
    pub fn abandon(&self, unwritten: Option<[u64; 5]>) -> u64 {
        let mut front = self.front.lock();
        front.unwritten = unwritten.unwrap_or(front.unwritten);
        for level in Level::ALL.map(|level| level as usize) {
            let kept = front.handed[level].saturating_sub(front.unwritten[level]);
            let lost = front.accepted[level].saturating_sub(kept);
            front.handed[level] = front.accepted[level];
            front.unwritten[level] = 0;
            front.counts.dropped[level][Reason::Shutdown as usize] += lost;
        }
        front.counts.dropped_for(Reason::Shutdown)
    }

    /// Says how many records the last process could not write when it was shut down.
    pub fn set_lost_at_last_shutdown(&self, lost: u64) {
        self.front.lock().counts.lost_at_last_shutdown = lost;
    }

    /// Adds a record of the pipeline's own.
    pub fn report(&self, report: &Report) {
        let encoder = report.encode();
        self.push(&encoder, report.level, crate::clock::now(), Report::TARGET);
    }

    /// Waits until everything emitted so far is on the disk; `false` when that failed or took longer.
    pub fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut front = self.front.lock();
        front.flush.0 += 1;
        let wanted = front.flush.0;
        self.wake_now(&mut front);
        while front.flush.1 < wanted && !front.finished {
            if self.done.wait_until(&mut front, deadline).timed_out() {
                return false;
            }
        }
        front.flush.1 >= wanted && front.flushed_well
    }

    /// Takes no more records and waits until the writer has finished; `false` when it has not in time.
    pub fn close(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut front = self.front.lock();
        front.closed = true;
        self.wake_now(&mut front);
        while !front.finished {
            if self.done.wait_until(&mut front, deadline).timed_out() {
                return false;
            }
        }
        front.flushed_well
    }

    fn wake_now(&self, front: &mut MutexGuard<'_, Front>) {
        front.writer = Attention::Woken;
        self.wake.notify_one();
    }

    /// Waits for something to do and swaps the buffer with an empty one.
    fn swap(&self, spare: &mut Vec<u8>, last: Instant, idle: bool) -> Swapped {
        let mut front = self.front.lock();
        if front.writer != Attention::Woken && !front.closed {
            let until = if idle { last + IDLE } else { last + LINGER };
            front.writer = if idle { Attention::Parked } else { Attention::Awake };
            self.wake.wait_until(&mut front, until);
        }
        front.writer = Attention::Awake;
        std::mem::swap(&mut front.bytes, spare);
        let (accepted, urgent) = (front.accepted, self.urgent.emitted());
        Swapped { flush: front.flush.0, closed: front.closed, urgent, accepted }
    }

    /// The log has so many records, and could not write some of them.
    fn set_handed(&self, handed: [u64; 5], unwritten: [u64; 5]) {
        let mut front = self.front.lock();
        (front.handed, front.unwritten) = (handed, unwritten);
        drop(front);
        let passed = handed.iter().sum();
        self.passed.send_if_modified(|known| std::mem::replace(known, passed) != passed);
    }

    fn finish_flush(&self, flush: u64, well: bool) {
        let mut front = self.front.lock();
        front.flush.1 = flush;
        front.flushed_well = well;
        self.done.notify_all();
    }

    fn set_lost(&self, [disk, evicted]: [[u64; 5]; 2]) {
        let mut front = self.front.lock();
        for (level, dropped) in front.counts.dropped.iter_mut().enumerate() {
            dropped[Reason::Disk as usize] = disk[level];
            dropped[Reason::Evicted as usize] = evicted[level];
        }
    }

    fn count_own(&self, level: Level) {
        let mut front = self.front.lock();
        front.counts.emitted[level as usize] += 1;
        front.accepted[level as usize] += 1;
    }
}

struct Swapped {
    flush: u64,
    closed: bool,
    /// Urgent records emitted so far, all of them swapped.
    urgent: u64,
    /// Records accepted so far by level, all of them swapped.
    accepted: [u64; 5],
}

/// Sees each batch once it is in the log.
pub(crate) type After = Box<dyn FnMut(&Arc<Batch>) + Send>;

/// Sees each record of the pipeline's own.
pub(crate) type OnReport = Box<dyn Fn(&Report) + Send>;

/// The thread behind a [`Queue`].
pub(crate) struct Writer<D> {
    queue: Arc<Queue>,
    destination: D,
    spare: Vec<u8>,
    reported: (Instant, Counts),
    unwritten: (Instant, [u64; 5]),
    after: After,
    on_report: OnReport,
}

impl<D: Destination> Writer<D> {
    /// A writer that hands each batch to `after` once it is in the log, and shows its own records to
    /// `on_report`.
    pub(crate) fn new(
        queue: Arc<Queue>,
        mut destination: D,
        after: After,
        on_report: OnReport,
    ) -> Self {
        let informed = Arc::clone(&queue);
        destination.on_sync(Box::new(move |synced, is_failing| {
            informed.urgent.synced(synced, is_failing);
        }));
        let spare = Vec::with_capacity(queue.capacity);
        let reported = (Instant::now(), Counts::default());
        let unwritten = (Instant::now(), [0; 5]);
        Self { queue, destination, spare, reported, unwritten, after, on_report }
    }

    /// Works until the queue is closed, then makes everything durable.
    pub(crate) fn run(mut self, timeout: Duration) {
        let _quiet = crate::quiet::quiet();
        let (mut last, mut used, mut flushed) = (Instant::now(), Instant::now(), 0);
        let mut well = true;
        loop {
            let mut swapped = self.queue.swap(&mut self.spare, last, used.elapsed() > IDLE);
            last = Instant::now();
            if !self.spare.is_empty() {
                used = last;
            }
            let waited_for = swapped.flush > flushed || swapped.closed;
            self.report(waited_for, &mut swapped.accepted);
            if let Some(next) = self.hand_over() {
                self.queue.urgent.hand_over(swapped.urgent, next);
                // The sync may have been faster than this thread.
                self.queue.urgent.synced(self.destination.synced(), false);
            }
            if swapped.closed {
                self.destination.retry();
            } else {
                self.destination.tick();
            }
            let unwritten = self.unwritten(waited_for);
            self.queue.set_handed(swapped.accepted, unwritten);
            if waited_for {
                well = self.destination.sync(timeout);
                let unwritten = self.unwritten(true);
                self.queue.set_handed(swapped.accepted, unwritten);
                flushed = swapped.flush;
                self.queue.set_lost(self.destination.lost());
                self.queue.finish_flush(flushed, well);
            }
            if swapped.closed {
                break;
            }
        }
        drop(self.destination);
        let mut front = self.queue.front.lock();
        (front.finished, front.flushed_well) = (true, well);
        self.queue.done.notify_all();
    }

    /// Appends the swapped buffer to the log, and says which sequence is behind it. It is copied, so that
    /// its memory can be used again.
    fn hand_over(&mut self) -> Option<u64> {
        let mut next = None;
        let mut rest = self.spare.as_slice();
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(piece_length(rest));
            let batch = self.destination.append(piece.to_vec());
            (self.after)(&batch);
            next = Some(batch.next);
            rest = behind;
        }
        let used = self.spare.len();
        self.spare.clear();
        // What a flood touched goes back to the system.
        if used > 4 * EARLY {
            self.spare = Vec::with_capacity(self.queue.capacity);
        }
        next
    }

    /// What the destination could not write, looked at once a second because it reads all of that.
    fn unwritten(&mut self, now: bool) -> [u64; 5] {
        if now || self.unwritten.0.elapsed() >= REPORT {
            self.unwritten = (Instant::now(), self.destination.unwritten());
        }
        self.unwritten.1
    }

    /// Adds records of what happened to the destination, and one that says what was lost since the last.
    fn report(&mut self, now: bool, accepted: &mut [u64; 5]) {
        if !now && self.reported.0.elapsed() < REPORT {
            return;
        }
        self.queue.set_lost(self.destination.lost());
        let counts = self.queue.counts();
        let before = std::mem::replace(&mut self.reported, (Instant::now(), counts)).1;
        let mut reports = self.destination.take_reports();
        reports.extend(losses(&counts, &before));
        for report in reports {
            report.encode().write(
                &mut self.spare,
                report.level,
                crate::clock::now(),
                Report::TARGET,
            );
            self.queue.count_own(report.level);
            accepted[report.level as usize] += 1;
            (self.on_report)(&report);
        }
    }
}

/// What was lost between two looks at the counters; `None` when nothing was.
fn losses(counts: &Counts, before: &Counts) -> Option<Report> {
    let lost = counts.dropped_total() - before.dropped_total();
    if lost == 0 {
        return None;
    }
    let mut report = Report::new(Level::Warn, "log records dropped").count("log.lost", lost);
    for level in Level::ALL {
        let lost = counts.dropped_at(level) - before.dropped_at(level);
        report = report.count(format!("log.lost.{level}"), lost);
    }
    for reason in Reason::ALL {
        let lost = counts.dropped_for(reason) - before.dropped_for(reason);
        report = report.count(format!("log.lost.{}", reason.as_str()), lost);
    }
    Some(report)
}

/// The length of the whole records that make up about one [`EARLY`], so that no reader of batches ever
/// holds a flood in one piece.
fn piece_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    for record in crate::codec::records(bytes) {
        length += record.as_bytes().len();
        if length >= EARLY {
            return length;
        }
    }
    bytes.len()
}
