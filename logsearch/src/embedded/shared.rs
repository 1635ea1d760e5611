//! What the searching side, the write-ahead log's listener and the index thread share.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, RwLock};

use super::disk::fetch::RowCache;
use super::disk::partition::{View, name_of};
use super::disk::rows::Group;
use super::options::{Options, Places};
use super::search::tail::Tail;
use crate::codec::Batch;
use crate::embedded::search::snapshot::Snapshot;
use crate::fields;
use crate::record::Level;
use crate::report::Report;
use crate::store::TimeRange;
use crate::wal::Wal;

/// Notices kept for [`crate::store::StoreStatus`]; the oldest go.
const MAX_NOTICES: usize = 32;

/// Time until a failed rebuild is tried again; doubled with each further failure.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// Up to 17 minutes.
const MAX_DOUBLINGS: u32 = 10;

/// State shared by the threads of a store.
pub struct Shared {
    pub options: Options,
    pub places: Places,
    pub wal: Wal,
    pub state: RwLock<State>,
    pub cache: Arc<RowCache>,
    control: Mutex<Control>,
    wake: Condvar,
    done: Condvar,
}

/// Searchable state of the store.
#[derive(Default)]
pub struct State {
    /// Partitions in the order of arrival.
    pub views: Vec<Arc<View>>,
    /// Partitions that are missing from searches until they have a new index.
    pub rebuild: Vec<Unindexed>,
    /// What is in none of them.
    pub tail: Tail,
    /// The first sequence that is in no partition.
    pub next: u64,
    /// Bytes of index and quarantine when last measured.
    pub index_bytes: u64,
    /// Bytes of each partition when last measured, by directory.
    pub sizes: HashMap<PathBuf, u64>,
    /// The active partition.
    pub writing: Option<PathBuf>,
    /// Notices for operators, oldest first.
    pub notices: VecDeque<String>,
    /// Why nothing can be indexed at the moment, and since when; `None` while all is well.
    pub trouble: Option<(String, Instant)>,
    /// Records of partitions that somebody removed and no log had any more.
    pub removed: u64,
    /// What happened and is to be recorded.
    pub reports: VecDeque<Report>,
}

impl State {
    /// What happened and is to be recorded; the oldest go when nobody asks.
    pub fn report(&mut self, report: Report) {
        if self.reports.len() == MAX_NOTICES {
            self.reports.pop_front();
        }
        self.reports.push_back(report);
    }

    /// Notes why nothing can be indexed, or that it can again. The beginning and the end become records.
    pub fn set_trouble(&mut self, trouble: Option<String>) {
        match (self.trouble.take(), trouble) {
            (None, None) => {}
            (None, Some(reason)) => {
                let report =
                    Report::new(Level::Warn, "log indexing paused; records wait in the log");
                self.report(report.text(fields::ERROR_MESSAGE, reason.clone()));
                self.trouble = Some((reason, Instant::now()));
            }
            (Some((_, since)), Some(reason)) => self.trouble = Some((reason, since)),
            (Some((reason, since)), None) => {
                let paused = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
                let report = Report::new(Level::Info, "log indexing resumed");
                let report = report.text(fields::ERROR_MESSAGE, reason);
                self.report(report.count(fields::DURATION, paused));
            }
        }
    }

    /// Adds a notice, unless it is there already.
    pub fn note(&mut self, notice: String) {
        if self.notices.contains(&notice) {
            return;
        }
        if self.notices.len() == MAX_NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back(notice);
    }
}

impl State {
    /// Oldest and newest timestamp of records that are kept and cannot be found at the moment: those of
    /// partitions without an index, and those that memory had to let go before they were indexed.
    pub fn holes(&self) -> Vec<(i64, i64)> {
        let failed = self.views.iter().filter(|view| view.failure().is_some());
        let failed = failed.map(|view| view.span);
        let rebuild = self.rebuild.iter().map(|one| one.span);
        failed.chain(rebuild).chain(self.tail.gap_from(self.next)).collect()
    }
}

/// A partition that has its records and no index at the moment.
#[derive(Clone, Debug)]
pub struct Unindexed {
    /// Directory of the partition.
    pub dir: PathBuf,
    /// Oldest and newest timestamp.
    pub span: (i64, i64),
    /// Records in its rows.
    pub records: u64,
    /// Its first sequence, and the one behind its last; the second is 0 while its rows are not read.
    pub sequences: (u64, u64),
    /// Attempts to build an index that failed.
    failures: u32,
    /// When the next one is due; at once while there is none.
    due: Option<Instant>,
}

impl Unindexed {
    /// A partition whose index is to be built.
    pub fn new(dir: PathBuf, groups: &[Group]) -> Self {
        let oldest = groups.iter().map(|group| group.oldest).min();
        let newest = groups.iter().map(|group| group.newest).max();
        let span = (oldest.unwrap_or(i64::MIN), newest.unwrap_or(i64::MAX));
        let records = groups.iter().map(|group| u64::from(group.count)).sum();
        let named = name_of(&dir).trim_start_matches("p-").parse().unwrap_or(0);
        let sequences = (named, groups.last().map_or(0, |group| group.last + 1));
        Self { dir, span, records, sequences, failures: 0, due: None }
    }

    /// Whether its rows could not even be looked at, so that nothing is known to be wrong with it.
    pub fn was_unreadable(&self) -> bool {
        self.sequences.1 == 0
    }

    /// Whether the next attempt is due.
    pub fn is_due(&self) -> bool {
        self.due.is_none_or(|due| due <= Instant::now())
    }

    /// An attempt failed; the next one waits longer than the one before.
    pub fn failed(&mut self) {
        let delay = FIRST_RETRY * 2_u32.pow(self.failures.min(MAX_DOUBLINGS));
        self.failures += 1;
        self.due = Some(Instant::now() + delay);
    }
}

#[derive(Default)]
struct Control {
    stop: bool,
    urgent: bool,
    flushes_wanted: u64,
    flushes_done: u64,
}

/// Commands for the index thread.
#[derive(Clone, Copy, Debug)]
pub struct IndexerCommands {
    pub stop: bool,
    pub flush: Option<u64>,
}

impl Shared {
    pub fn new(options: Options, places: Places, wal: Wal, state: State) -> Arc<Self> {
        Arc::new(Self {
            options,
            places,
            wal,
            state: RwLock::new(state),
            cache: Arc::default(),
            control: Mutex::default(),
            wake: Condvar::new(),
            done: Condvar::new(),
        })
    }

    /// Shows every batch of the write-ahead log to this store from now on.
    pub fn listen(self: &Arc<Self>) {
        // The log is a part of the store: a strong reference would keep both forever.
        let weak: Weak<Self> = Arc::downgrade(self);
        self.wal.listen(Box::new(move |batch| {
            if let Some(shared) = weak.upgrade() {
                shared.ingest(batch);
            }
        }));
    }

    fn ingest(&self, batch: &Arc<Batch>) {
        let half_full = {
            let mut state = self.state.write();
            state.tail.push(Arc::clone(batch));
            state.tail.shrink_to(self.options.tail_bytes);
            state.tail.bytes() * 2 > self.options.tail_bytes
        };
        if half_full {
            self.wake();
        }
    }

    /// A snapshot of all searchable records.
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state.read();
        let searched = state.views.iter().filter(|view| view.failure().is_none());
        let views = searched.cloned().collect();
        Snapshot {
            views,
            holes: state.holes(),
            tail: state.tail.snapshot(),
            next: state.next,
            cache: Arc::clone(&self.cache),
        }
    }

    /// Spans of time of which records cannot be found at the moment.
    pub fn unindexed(&self) -> Vec<TimeRange> {
        let range = |(from, to): (i64, i64)| TimeRange { from, to: to.saturating_add(1) };
        self.state.read().holes().into_iter().map(range).collect()
    }

    fn wake(&self) {
        let mut control = self.control.lock();
        if !control.urgent {
            control.urgent = true;
            self.wake.notify_one();
        }
    }

    /// Asks for a commit of everything appended so far and waits for it.
    pub fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut control = self.control.lock();
        control.flushes_wanted += 1;
        let wanted = control.flushes_wanted;
        self.wake.notify_one();
        while control.flushes_done < wanted && !control.stop {
            if self.done.wait_until(&mut control, deadline).timed_out() {
                break;
            }
        }
        control.flushes_done >= wanted
    }

    /// Asks the index thread to commit and end.
    pub fn stop(&self) {
        self.control.lock().stop = true;
        self.wake.notify_one();
        self.done.notify_all();
    }

    /// Whether the index thread was asked to end.
    pub fn is_stopping(&self) -> bool {
        self.control.lock().stop
    }

    /// Waits for a while, or until the thread is asked to end.
    pub fn wait_stopped(&self, time: Duration) {
        let deadline = Instant::now() + time;
        let mut control = self.control.lock();
        while !control.stop && !self.wake.wait_until(&mut control, deadline).timed_out() {}
    }

    /// Waits for commands, for a while.
    pub fn wait(&self, time: Duration) -> IndexerCommands {
        let mut control = self.control.lock();
        let idle =
            !control.stop && !control.urgent && control.flushes_wanted == control.flushes_done;
        if idle {
            self.wake.wait_for(&mut control, time);
        }
        control.urgent = false;
        let flush =
            (control.flushes_wanted > control.flushes_done).then_some(control.flushes_wanted);
        IndexerCommands { stop: control.stop, flush }
    }

    /// Reports a flush as done.
    pub fn flushed(&self, flush: u64) {
        let mut control = self.control.lock();
        control.flushes_done = control.flushes_done.max(flush);
        self.done.notify_all();
    }
}
