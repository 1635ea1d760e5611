//! What is known of the database without asking it: set by the probe, read by whoever must not wait.

use std::io;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use super::executor::Access;
use super::fault::Fault;

/// The state of the database as the last look at it found it. Healthy until the first.
#[derive(Debug)]
pub struct Health {
    began: Instant,
    /// Index in [`Fault::ALL`] plus one; 0 while it works.
    reads: AtomicU8,
    writes: AtomicU8,
    /// Since when reads or writes fail, in microseconds since `began`.
    failing_since: AtomicI64,
    /// The last successes of the service's own statements, in microseconds since `began`; negative before
    /// the first.
    last_read: AtomicI64,
    last_write: AtomicI64,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            reads: AtomicU8::new(0),
            writes: AtomicU8::new(0),
            failing_since: AtomicI64::new(0),
            last_read: AtomicI64::new(-1),
            last_write: AtomicI64::new(-1),
        }
    }
}

impl Health {
    /// Why it cannot be read; `None` while it can.
    pub fn reads(&self) -> Option<Fault> {
        load(&self.reads)
    }

    /// Why it takes no writes; `None` while it does. What cannot be read cannot be written.
    pub fn writes(&self) -> Option<Fault> {
        load(&self.reads).or_else(|| load(&self.writes))
    }

    /// For how long it has not done what it should; zero while it does.
    pub fn lasts(&self) -> Duration {
        let since = self.failing_since.load(Ordering::Relaxed);
        let lasts = self.micros(Instant::now()).saturating_sub(since);
        let lasts = Duration::from_micros(u64::try_from(lasts).unwrap_or(0));
        self.writes().map_or(Duration::ZERO, |_| lasts)
    }

    /// Sets what a look at the database found.
    pub fn set(&self, reads: Option<Fault>, writes: Option<Fault>) {
        if self.writes().is_none() {
            self.failing_since.store(self.micros(Instant::now()), Ordering::Relaxed);
        }
        store(&self.reads, reads);
        store(&self.writes, writes);
    }

    /// A statement of the service succeeded.
    pub(super) fn succeeded(&self, access: Access) {
        let now = self.micros(Instant::now());
        if access == Access::Write {
            self.last_write.store(now, Ordering::Relaxed);
        }
        self.last_read.store(now, Ordering::Relaxed);
    }

    /// Whether a statement of that kind succeeded at or after this moment: what the probe cannot do then is
    /// no outage.
    pub(super) fn has_succeeded(&self, access: Access, since: Instant) -> bool {
        let last = if access == Access::Write { &self.last_write } else { &self.last_read };
        last.load(Ordering::Relaxed) >= self.micros(since)
    }

    /// The error of a statement that is not tried, because the database is known not to answer. One that only
    /// takes no writes is tried: it says so itself, and at once.
    pub(super) fn refusal(&self) -> Option<sqlx::Error> {
        let fault = self.reads()?;
        let kind = match fault {
            Fault::Refused => io::ErrorKind::ConnectionRefused,
            Fault::Timeout | Fault::Slow => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::NotConnected,
        };
        Some(sqlx::Error::Io(io::Error::new(kind, format!("not tried: {}", fault.text()))))
    }

    fn micros(&self, at: Instant) -> i64 {
        let since = at.saturating_duration_since(self.began);
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }
}

/// Longest wait for one answer of the database to a probe, and from which on it is slow.
pub const PATIENCE: Duration = Duration::from_secs(1);

fn load(fault: &AtomicU8) -> Option<Fault> {
    let index = usize::from(fault.load(Ordering::Relaxed));
    Fault::ALL.get(index.checked_sub(1)?).copied()
}

fn store(slot: &AtomicU8, fault: Option<Fault>) {
    let index = fault.and_then(|fault| Fault::ALL.iter().position(|one| *one == fault));
    let index = index.map_or(0, |index| index + 1);
    slot.store(u8::try_from(index).unwrap_or(0), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_what_is_known() {
        let health = Health::default();
        assert_eq!((health.reads(), health.writes()), (None, None));
        for fault in Fault::ALL {
            health.set(None, Some(fault));
            assert_eq!((health.reads(), health.writes()), (None, Some(fault)));
            assert!(health.refusal().is_none(), "reads go on");
            health.set(Some(fault), None);
            assert_eq!((health.reads(), health.writes()), (Some(fault), Some(fault)));
            assert!(health.refusal().is_some());
        }
        health.set(None, None);
        assert!(health.refusal().is_none());
    }

    #[test]
    fn a_success_counts_from_its_moment_on() {
        let health = Health::default();
        let before = Instant::now();
        assert!(!health.has_succeeded(Access::Read, before));
        health.succeeded(Access::Write);
        assert!(health.has_succeeded(Access::Write, before));
        assert!(health.has_succeeded(Access::Read, before));
        assert!(!health.has_succeeded(Access::Write, Instant::now() + PATIENCE));
    }
}
