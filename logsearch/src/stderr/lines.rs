//! The bounded queue between the threads that emit and the one that writes lines.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::clock;
use crate::codec::{self, Encoder};
use crate::record::Level;
use crate::report::Report;

/// Time the writing thread collects records before it writes them.
const LINGER: Duration = Duration::from_millis(5);
/// After so many rounds without a record the thread sleeps until one comes.
const IDLE_ROUNDS: u32 = 40;
/// Memory that is kept between two rounds.
const USUAL_MEMORY: usize = 256 * 1024;

/// Encoded records that wait to be written.
#[derive(Debug)]
pub struct Lines {
    state: Mutex<State>,
    wake: Condvar,
    done: Condvar,
    capacity: usize,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    /// Records put in, dropped ones left out.
    accepted: u64,
    /// Records written or given up by the writing thread.
    settled: u64,
    dropped: u64,
    /// The writing thread sleeps until it is woken.
    is_parked: bool,
    /// The last write failed.
    is_failing: bool,
    /// Records were counted as dropped while the writing thread had them.
    discarded: bool,
}

impl Lines {
    /// A queue of at most so many bytes. Memory is used as far as it was filled.
    pub fn new(capacity: usize) -> Self {
        let (wake, done) = (Condvar::new(), Condvar::new());
        Self { state: Mutex::default(), wake, done, capacity }
    }

    /// Adds a record or counts it as dropped. Never waits for more than a copy of some hundred bytes.
    pub fn push(&self, encoder: &Encoder, level: Level, timestamp: i64, target: &str) {
        let mut state = self.state.lock();
        if state.bytes.len() + encoder.length(target) > self.room(level) {
            state.dropped += 1;
            return;
        }
        encoder.write(&mut state.bytes, level, timestamp, target);
        state.accepted += 1;
        if std::mem::take(&mut state.is_parked) {
            drop(state);
            self.wake.notify_one();
        }
    }

    /// Adds a record of the pipeline's own.
    pub fn report(&self, report: &Report) {
        self.push(&report.encode(), report.level, clock::now(), Report::TARGET);
    }

    /// How many bytes may be used by records up to that level. The last eighth is for WARN and ERROR.
    fn room(&self, level: Level) -> usize {
        match level {
            Level::Trace | Level::Debug => self.capacity / 2,
            Level::Info => self.capacity / 8 * 7,
            Level::Warn | Level::Error => self.capacity,
        }
    }

    /// Waits for records and swaps them with what was taken before, which is forgotten.
    pub fn take(&self, taken: &mut Vec<u8>) {
        if taken.capacity() > USUAL_MEMORY {
            *taken = Vec::new();
        }
        taken.clear();
        let mut state = self.state.lock();
        let mut rounds = 0;
        while state.bytes.is_empty() {
            state.is_parked = rounds >= IDLE_ROUNDS;
            if state.is_parked {
                self.wake.wait(&mut state);
            } else {
                self.wake.wait_for(&mut state, LINGER);
            }
            rounds += 1;
        }
        state.is_parked = false;
        std::mem::swap(&mut state.bytes, taken);
    }

    /// The records that were taken are settled.
    pub fn finish_round(&self) {
        let mut state = self.state.lock();
        state.discarded = false;
        self.done.notify_all();
    }

    /// So many records were written.
    pub fn wrote(&self, count: u64) {
        let mut state = self.state.lock();
        state.settled += count;
        state.is_failing = false;
        self.done.notify_all();
    }

    /// So many records could not be written.
    pub fn failed(&self, count: u64) {
        let mut state = self.state.lock();
        state.settled += count;
        state.is_failing = true;
        if !state.discarded {
            state.dropped += count;
        }
        self.done.notify_all();
    }

    /// Whether the last write failed.
    pub fn is_failing(&self) -> bool {
        self.state.lock().is_failing
    }

    /// Records dropped so far.
    pub fn dropped(&self) -> u64 {
        self.state.lock().dropped
    }

    /// Waits until everything put in so far is written or given up; `false` when it took longer.
    pub fn flush(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.state.lock();
        let wanted = state.accepted;
        state.is_parked = false;
        self.wake.notify_one();
        while state.settled < wanted {
            if self.done.wait_until(&mut state, deadline).timed_out() {
                return state.settled >= wanted;
            }
        }
        true
    }

    /// Counts everything that waits as dropped, also what the writing thread is at, and returns how many
    /// records these are.
    pub fn discard(&self) -> u64 {
        let mut state = self.state.lock();
        let waiting = codec::records(&state.bytes).count() as u64;
        let discarded = state.accepted.saturating_sub(state.settled);
        state.bytes.clear();
        state.dropped += discarded;
        state.settled += waiting;
        state.discarded = true;
        discarded
    }
}
