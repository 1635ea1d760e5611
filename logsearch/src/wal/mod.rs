//! The write-ahead log: the source of truth of an embedded store. Numbers records, writes each batch with
//! one `write(2)` so that it survives the death of the process, and syncs in the background so that it
//! survives a power failure. It keeps serving when the disk does not: what cannot be written waits in
//! memory, and what does not fit there is dropped, least severe first, and counted.
//!
//! It does not know what an index is: the index says what it no longer needs ([`Wal::release`]).

mod backlog;
pub(crate) mod frame;
mod pending;
mod reader;
mod segment;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

pub use self::reader::Reader;
use self::writer::Writer;
use crate::codec::{self, Batch};
use crate::record::LogRecord;

/// Sizes and times of a log. The defaults suit a service of some thousand records a second.
#[derive(Clone, Debug)]
pub struct WalOptions {
    /// Size in bytes at which a segment is closed.
    pub segment_bytes: u64,
    /// Released segments stay while the log is smaller than this, for rebuilding a damaged index.
    pub keep_bytes: u64,
    /// The log never has more bytes: the oldest segment goes, released or not, and is counted as lost.
    pub max_bytes: u64,
    /// What waits in memory while the disk does not take it.
    pub backlog_bytes: usize,
    /// Time between two attempts to write after a failure.
    pub retry: Duration,
    /// The longest time between writing a record and syncing it.
    pub sync_interval: Duration,
}

impl Default for WalOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 16 * 1024 * 1024,
            keep_bytes: 64 * 1024 * 1024,
            max_bytes: 512 * 1024 * 1024,
            backlog_bytes: 16 * 1024 * 1024,
            retry: Duration::from_secs(1),
            sync_interval: Duration::from_secs(1),
        }
    }
}

/// Longest wait of who asks for the status.
const STATUS_TIMEOUT: Duration = Duration::from_millis(50);

/// The log is locked by another process.
#[derive(Debug, thiserror::Error)]
#[error("the log at {} is in use by another process", directory.display())]
pub struct Locked {
    directory: PathBuf,
}

/// Status of the write-ahead log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalStatus {
    /// Bytes of all segments.
    pub bytes: u64,
    /// Number of segments.
    pub segments: usize,
    /// The oldest sequence that may still be in the log.
    pub first: u64,
    /// The sequence the next record gets.
    pub next: u64,
    /// Every record before this sequence is with the operating system, or lost.
    pub written: u64,
    /// Every record before this sequence is on the disk, or lost.
    pub synced: u64,
    /// Bytes that wait in memory because the disk does not take them.
    pub waiting_bytes: usize,
    /// Current write error, if any.
    pub failure: Option<String>,
    /// Records lost because the disk did not take them, by level like [`Level::ALL`](crate::record::Level::ALL).
    pub lost_unwritten: [u64; 5],
    /// Records lost because the log reached its size before they were released, by level.
    pub lost_evicted: [u64; 5],
    /// What was found damaged or set aside when the log was opened, and later failures.
    pub notices: Vec<String>,
}

/// Sees every batch, in order, before it is written.
pub type Listener = Box<dyn Fn(&Arc<Batch>) + Send>;

/// Told after each attempt to sync: every record before this sequence is on the disk, and whether the disk
/// fails at the moment.
pub type SyncListener = Box<dyn Fn(u64, bool) + Send>;

/// The log of one directory. Clones are the same log; it is synced and closed with the last one.
#[derive(Clone)]
pub struct Wal {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    syncing: Option<JoinHandle<()>>,
}

struct Shared {
    directory: PathBuf,
    state: Mutex<State>,
    /// The status when it was last asked for.
    last_status: Mutex<WalStatus>,
    /// Wakes the thread that syncs, and who waits for it.
    sync: Condvar,
    synced: Condvar,
}

struct State {
    writer: Writer,
    listeners: Vec<Listener>,
    sync_listeners: Vec<SyncListener>,
    /// Whether a sync was requested.
    urgent: bool,
    /// Whether the last handle was dropped.
    closed: bool,
    /// Counts finished attempts to sync, failed ones included.
    attempts: u64,
}

impl Wal {
    /// Opens the log of a directory, creating it when it is missing. A torn end is cut off, a segment
    /// of another format is set aside; both are notices of [`Self::status`]. A directory that cannot
    /// be written is not an error either: the log then lives in memory and says so.
    pub fn open(directory: &Path, options: WalOptions) -> Result<Self, Locked> {
        let interval = options.sync_interval;
        let writer = Writer::open(directory, options)
            .map_err(|writer::InUse| Locked { directory: directory.to_owned() })?;
        let state = State {
            writer,
            listeners: Vec::new(),
            sync_listeners: Vec::new(),
            urgent: false,
            closed: false,
            attempts: 0,
        };
        let shared = Arc::new(Shared {
            directory: directory.to_owned(),
            state: Mutex::new(state),
            last_status: Mutex::default(),
            sync: Condvar::new(),
            synced: Condvar::new(),
        });
        let for_thread = Arc::clone(&shared);
        let spawned = std::thread::Builder::new()
            .name("log-sync".to_owned())
            .spawn(move || for_thread.run(interval));
        if let Err(error) = &spawned {
            let notice = format!("could not start the log sync thread: {error}");
            shared.state.lock().writer.note(notice);
        }
        Ok(Self { handle: Arc::new(Handle { shared, syncing: spawned.ok() }) })
    }

    /// Looks at the log of a directory, which may be in use or gone. Nothing is written, no lock is taken, and
    /// what is appended is ignored.
    pub fn open_read_only(directory: &Path, options: WalOptions) -> Self {
        let state = State {
            writer: Writer::open_read_only(directory, options),
            listeners: Vec::new(),
            sync_listeners: Vec::new(),
            urgent: false,
            closed: false,
            attempts: 0,
        };
        let shared = Arc::new(Shared {
            directory: directory.to_owned(),
            state: Mutex::new(state),
            last_status: Mutex::default(),
            sync: Condvar::new(),
            synced: Condvar::new(),
        });
        Self { handle: Arc::new(Handle { shared, syncing: None }) }
    }

    /// Calls back for every batch appended from now on, in order and one at a time. It must be quick
    /// and must not call this log.
    pub fn listen(&self, listener: Listener) {
        self.handle.shared.state.lock().listeners.push(listener);
    }

    /// Calls back after every attempt to sync from now on. It must be quick and must not call this log.
    pub fn on_sync(&self, listener: SyncListener) {
        self.handle.shared.state.lock().sync_listeners.push(listener);
    }

    /// Every record before this sequence is on the disk, or lost.
    pub fn synced(&self) -> u64 {
        self.handle.shared.state.lock().writer.synced()
    }

    /// Numbers these encoded records, shows them to the listeners and writes them. Urgent records
    /// (see [`codec::RecordView::is_urgent`]) are synced at once, in the background.
    pub fn append(&self, mut records: Vec<u8>) -> Arc<Batch> {
        let mut state = self.handle.shared.state.lock();
        let first = state.writer.next();
        let (next, urgent) = number(&mut records, first);
        let batch = Arc::new(Batch { first, next, bytes: records });
        if next == first {
            return batch;
        }
        for listener in &state.listeners {
            listener(&batch);
        }
        state.writer.append(&batch);
        if urgent || state.writer.wants_sync() {
            state.urgent = true;
            self.handle.shared.sync.notify_one();
        }
        batch
    }

    /// Encodes and appends.
    pub fn append_records(&self, records: &[LogRecord]) -> Arc<Batch> {
        let mut bytes = Vec::new();
        for record in records {
            codec::encode(record, &mut bytes);
        }
        self.append(bytes)
    }

    /// Tries again to write what waits, when the time for it has come. Call it every now and then.
    pub fn tick(&self) {
        self.handle.shared.state.lock().writer.tick();
    }

    /// Tries again to write what waits, however shortly ago that failed.
    pub fn retry(&self) {
        self.handle.shared.state.lock().writer.retry();
    }

    /// Records that wait because the disk does not take them, by level.
    pub fn unwritten(&self) -> [u64; 5] {
        self.handle.shared.state.lock().writer.unwritten_from(0)
    }

    /// Records at or behind a sequence that wait because the disk does not take them, by level; `None` while
    /// the disk keeps a write waiting.
    pub fn unwritten_from(&self, sequence: u64) -> Option<[u64; 5]> {
        let state = self.handle.shared.state.try_lock_for(STATUS_TIMEOUT)?;
        Some(state.writer.unwritten_from(sequence))
    }

    /// Waits until everything appended so far is on the disk; `false` when that failed or took longer.
    pub fn sync(&self, timeout: Duration) -> bool {
        let mut state = self.handle.shared.state.lock();
        let wanted = state.writer.next();
        // The attempt under way may have begun before the last append.
        let attempts = state.attempts + 2;
        while state.writer.synced() < wanted && state.attempts < attempts {
            state.urgent = true;
            self.handle.shared.sync.notify_one();
            if self.handle.shared.synced.wait_for(&mut state, timeout).timed_out() {
                break;
            }
        }
        state.writer.synced() >= wanted
    }

    /// Says that no record before this sequence is needed any more.
    pub fn release(&self, before: u64) {
        self.handle.shared.state.lock().writer.release(before);
    }

    /// Gives up the space of records that are not needed any more, for a disk that is almost full.
    pub fn shrink(&self) {
        self.handle.shared.state.lock().writer.shrink();
    }

    /// How often the file that was written to was found removed.
    pub fn removals(&self) -> u64 {
        self.handle.shared.state.lock().writer.removals
    }

    /// Makes sure that the next record gets at least this sequence. An index calls it with what it has
    /// committed, because the end of the log may be lost in a power failure.
    pub fn advance_to(&self, sequence: u64) {
        self.handle.shared.state.lock().writer.advance_to(sequence);
    }

    /// A reader of the written records from a sequence on.
    pub fn reader(&self, from: u64) -> Reader {
        Reader::new(&self.handle.shared.directory, from)
    }

    /// Returns the status of the log; while the disk keeps a write waiting, the last one known.
    pub fn status(&self) -> WalStatus {
        let shared = &self.handle.shared;
        if let Some(state) = shared.state.try_lock_for(STATUS_TIMEOUT) {
            let status = state.writer.status();
            shared.last_status.lock().clone_from(&status);
            return status;
        }
        let mut status = shared.last_status.lock().clone();
        status.notices.push("the disk has not taken a write of the log for a while".to_owned());
        status
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.sync.notify_one();
        // Joined, so that the lock is free when the last handle is gone.
        if let Some(thread) = self.syncing.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Wal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Wal")
            .field("directory", &self.handle.shared.directory)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Syncs every interval and whenever it is urgent. A thread of its own, because a slow disk must not
    /// keep new records in a buffer that dies with the process.
    fn run(&self, interval: Duration) {
        let mut state = self.state.lock();
        loop {
            if !state.urgent && !state.closed {
                self.sync.wait_for(&mut state, interval);
            }
            let closed = state.closed;
            state.urgent = false;
            if let Some(work) = state.writer.unsynced() {
                let result = MutexGuard::unlocked(&mut state, || work.run());
                state.writer.finish_sync(&work, result);
            }
            state.attempts += 1;
            let (synced, is_failing) = (state.writer.synced(), state.writer.is_failing());
            state.sync_listeners.iter().for_each(|listener| listener(synced, is_failing));
            self.synced.notify_all();
            if closed {
                return;
            }
        }
    }
}

/// Numbers records from `first` on; gives the next number and whether one of them is urgent.
fn number(records: &mut [u8], first: u64) -> (u64, bool) {
    let (mut at, mut next, mut urgent) = (0, first, false);
    while let Some(view) = codec::RecordView::parse(&records[at..]) {
        let length = view.as_bytes().len();
        urgent |= view.is_urgent();
        codec::set_sequence(&mut records[at..], next);
        at += length;
        next += 1;
    }
    (next, urgent)
}

/// Result of [`verify`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Segments read.
    pub segments: usize,
    /// Whole records.
    pub records: u64,
    /// Damaged places.
    pub corrupt: u64,
    /// One message per notice.
    pub notices: Vec<String>,
}

/// Reads a whole log and says what is in it. Changes nothing; the log may be in use.
pub fn verify(directory: &Path) -> std::io::Result<Verified> {
    let segments = segment::list(directory)?;
    let mut reader = Reader::new(directory, segments.first().map_or(0, |segment| segment.first));
    let mut verified = Verified { segments: segments.len(), ..Verified::default() };
    while let Some(batch) = reader.next_batch()? {
        verified.records += batch.records().count() as u64;
    }
    verified.corrupt = reader.corrupt();
    verified.notices = reader.take_notices();
    Ok(verified)
}

/// Whether a process has the log of a directory open.
pub fn is_locked(directory: &Path) -> bool {
    let Ok(lock) = std::fs::File::open(directory.join("lock")) else { return false };
    matches!(lock.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock))
}

/// Records from a sequence on that are missing or cannot be read.
pub fn lost_from(directory: &Path, needed: u64) -> std::io::Result<u64> {
    let mut reader = Reader::new(directory, needed);
    while reader.next_batch()?.is_some() {}
    Ok(reader.lost())
}
