//! What became of the records: counters by level and reason.

use serde::{Deserialize, Serialize};

use crate::record::Level;

/// Why a record was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The queue was full for its level.
    QueueFull,
    /// The record is larger than the queue.
    TooLarge,
    /// It was emitted while formatting a record that was emitted while formatting one, and so on.
    Nested,
    /// Writing to disk failed or was too slow.
    Disk,
    /// The log reached its size before the index was done with it.
    Evicted,
    /// Emitted after shutdown.
    Shutdown,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 6] =
        [Self::QueueFull, Self::TooLarge, Self::Nested, Self::Disk, Self::Evicted, Self::Shutdown];

    /// The name in metrics and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::TooLarge => "too_large",
            Self::Nested => "nested",
            Self::Disk => "disk",
            Self::Evicted => "evicted",
            Self::Shutdown => "shutdown",
        }
    }
}

/// What became of the records so far: emitted = stored + dropped + still under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Records emitted, by level like [`Level::ALL`].
    pub emitted: [u64; 5],
    /// Records lost, by level and by reason like [`Reason::ALL`].
    pub dropped: [[u64; 6]; 5],
    /// Bytes waiting in the buffer.
    pub queued_bytes: usize,
    /// Bytes the buffer holds.
    pub capacity_bytes: usize,
    /// Records that were not written to standard error, because nobody read it; in the store all the same.
    pub stderr_dropped: u64,
    /// Records that the text file did not take; in the store all the same.
    pub file_dropped: u64,
    /// Records that the last process could not write when it was shut down.
    pub lost_at_last_shutdown: u64,
}

impl Counts {
    /// Records emitted at all levels.
    pub fn emitted_total(&self) -> u64 {
        self.emitted.iter().sum()
    }

    /// Number of dropped records of all levels for a reason.
    pub fn dropped_for(&self, reason: Reason) -> u64 {
        self.dropped.iter().map(|reasons| reasons[reason as usize]).sum()
    }

    /// Number of dropped records of a level.
    pub fn dropped_at(&self, level: Level) -> u64 {
        self.dropped[level as usize].iter().sum()
    }

    /// Total number of dropped records.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().flatten().sum()
    }
}
