//! How an embedded store lies on its disk. A leaf, because the metrics of the pipeline report it and the
//! engine uses the metrics.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How an embedded store lies on its disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskStatus {
    /// Pieces the index is in.
    pub segments: u64,
    /// The parts that are removed as a whole, the oldest first.
    pub partitions: Vec<PartitionStatus>,
    /// What bounds the store.
    pub limits: Limits,
    /// Records that can be found and that a power failure would take.
    pub unsynced: u64,
}

/// A part of a store that is removed as a whole when it is too old or there is no room for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionStatus {
    /// The name of its directory.
    pub name: String,
    /// Timestamps of its oldest and its newest record in microseconds; `None` while it has none.
    pub span: Option<(i64, i64)>,
    /// Its records, also those that cannot be found at the moment.
    pub records: u64,
    /// Bytes on disk when last measured.
    pub bytes: u64,
    /// Number of index segments.
    pub segments: u64,
    /// State of the partition.
    pub state: PartitionState,
}

/// State of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartitionState {
    /// Accepts new records.
    Active,
    /// Complete and read-only.
    Closed,
    /// Its index is built anew from its records, which cannot be found until then.
    Rebuilding,
    /// Corrupt and not searched.
    Damaged,
}

/// Limits of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Age at which partitions are deleted.
    pub max_age: Duration,
    /// Size limit of the store in bytes.
    pub max_bytes: u64,
    /// While the disk has fewer bytes free, the oldest partition goes.
    pub min_free_bytes: u64,
    /// Bytes free on the disk; `None` when the system does not say.
    pub free_bytes: Option<u64>,
}
