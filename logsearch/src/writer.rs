//! From the threads that emit to the log: one shared buffer that is swapped every 10 ms, and the thread
//! that swaps it. Emitting never waits and never allocates; what does not fit is dropped, DEBUG first,
//! then INFO, and counted by level and reason. What a record is, is `codec`'s business.

mod counts;
mod urgent;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

pub use self::counts::{Counts, Reason};
use self::urgent::Urgent;
use crate::codec::{Batch, Encoder, ValueRef};
use crate::record::Level;
use crate::wal::{SyncListener, Wal};

/// Maximum time a record stays in the queue.
const LINGER: Duration = Duration::from_millis(10);
/// The buffer is swapped early when it has so many bytes.
const EARLY: usize = 256 * 1024;
/// After so long without a record the thread sleeps until one comes.
const IDLE: Duration = Duration::from_secs(1);
/// Minimum interval between reports of dropped records.
const REPORT: Duration = Duration::from_secs(1);

/// Receiver of batches.
pub trait Destination: Send + 'static {
    /// Numbers and keeps encoded records.
    fn append(&mut self, records: Vec<u8>) -> Arc<Batch>;

    /// Called at least once a second.
    fn tick(&mut self) {}

    /// Makes everything appended durable; `false` when that failed or took longer.
    fn sync(&mut self, _timeout: Duration) -> bool {
        true
    }

    /// Every record before this sequence is durable.
    fn synced(&self) -> u64 {
        u64::MAX
    }

    /// Calls back whenever more is durable, with the sequence behind it, and when the disk fails.
    fn on_sync(&mut self, _listener: SyncListener) {}

    /// Records it lost so far because of the disk, and because they were evicted, by level.
    fn lost(&self) -> [[u64; 5]; 2] {
        [[0; 5]; 2]
    }
}

impl Destination for Wal {
    fn append(&mut self, records: Vec<u8>) -> Arc<Batch> {
        Self::append(self, records)
    }

    fn tick(&mut self) {
        Self::tick(self);
    }

    fn sync(&mut self, timeout: Duration) -> bool {
        Self::sync(self, timeout)
    }

    fn synced(&self) -> u64 {
        Self::synced(self)
    }

    fn on_sync(&mut self, listener: SyncListener) {
        Self::on_sync(self, listener);
    }

    fn lost(&self) -> [[u64; 5]; 2] {
        let status = self.status();
        [status.lost_unwritten, status.lost_evicted]
    }
}

/// The buffer between emitting threads and the writer.
#[derive(Debug)]
pub struct Queue {
    front: Mutex<Front>,
    wake: Condvar,
    done: Condvar,
    capacity: usize,
    urgent: Urgent,
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
            writer: Attention::Awake,
            flush: (0, 0),
            flushed_well: true,
            closed: false,
            finished: false,
        };
        let (wake, done, urgent) = (Condvar::new(), Condvar::new(), Urgent::default());
        Self { front: Mutex::new(front), wake, done, capacity, urgent }
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
        Swapped { flush: front.flush.0, closed: front.closed, urgent: self.urgent.emitted() }
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
        self.front.lock().counts.emitted[level as usize] += 1;
    }
}

struct Swapped {
    flush: u64,
    closed: bool,
    /// Urgent records emitted so far, all of them swapped.
    urgent: u64,
}

/// Sees each batch once it is in the log.
pub(crate) type After = Box<dyn FnMut(&Arc<Batch>) + Send>;

/// The thread behind a [`Queue`].
pub(crate) struct Writer<D> {
    queue: Arc<Queue>,
    destination: D,
    spare: Vec<u8>,
    reported: (Instant, Counts),
    after: After,
}

impl<D: Destination> Writer<D> {
    /// A writer that hands each batch to `after` once it is in the log.
    pub(crate) fn new(queue: Arc<Queue>, mut destination: D, after: After) -> Self {
        let informed = Arc::clone(&queue);
        destination.on_sync(Box::new(move |synced, is_failing| {
            informed.urgent.synced(synced, is_failing);
        }));
        let spare = Vec::with_capacity(queue.capacity);
        let reported = (Instant::now(), Counts::default());
        Self { queue, destination, spare, reported, after }
    }

    /// Works until the queue is closed, then makes everything durable.
    pub(crate) fn run(mut self, timeout: Duration) {
        let _quiet = crate::quiet::quiet();
        let (mut last, mut used, mut flushed) = (Instant::now(), Instant::now(), 0);
        let mut well = true;
        loop {
            let swapped = self.queue.swap(&mut self.spare, last, used.elapsed() > IDLE);
            last = Instant::now();
            if !self.spare.is_empty() {
                used = last;
            }
            let waited_for = swapped.flush > flushed || swapped.closed;
            self.report(waited_for);
            if let Some(next) = self.hand_over() {
                self.queue.urgent.hand_over(swapped.urgent, next);
                // The sync may have been faster than this thread.
                self.queue.urgent.synced(self.destination.synced(), false);
            }
            self.destination.tick();
            if waited_for {
                well = self.destination.sync(timeout);
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

    /// Adds one record that says what was lost since the last one.
    fn report(&mut self, now: bool) {
        if !now && self.reported.0.elapsed() < REPORT {
            return;
        }
        self.queue.set_lost(self.destination.lost());
        let counts = self.queue.counts();
        let before = std::mem::replace(&mut self.reported, (Instant::now(), counts)).1;
        let lost = counts.dropped_total() - before.dropped_total();
        if lost == 0 {
            return;
        }
        let mut encoder = Encoder::default();
        encoder.message_with(|text| text.push("log records dropped"));
        put_count(&mut encoder, "log.lost", lost);
        for level in Level::ALL {
            let lost = counts.dropped_at(level) - before.dropped_at(level);
            put_count(&mut encoder, &format!("log.lost.{level}"), lost);
        }
        for reason in Reason::ALL {
            let lost = counts.dropped_for(reason) - before.dropped_for(reason);
            put_count(&mut encoder, &format!("log.lost.{}", reason.as_str()), lost);
        }
        encoder.write(&mut self.spare, Level::Warn, crate::clock::now(), "logsearch");
        self.queue.count_own(Level::Warn);
    }
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

fn put_count(encoder: &mut Encoder, name: &str, count: u64) {
    if count > 0 {
        encoder.put(name, ValueRef::Int(i64::try_from(count).unwrap_or(i64::MAX)));
    }
}
