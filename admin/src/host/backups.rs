//! The host's backups.

/// How the host is backed up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackupStatus {
    /// The newest backup: when it was made, in microseconds since the Unix epoch, and its bytes.
    pub newest: Option<(i64, u64)>,
    /// Whether that is older than it should be, or missing for longer.
    pub is_overdue: bool,
}

/// The host's backups. Answers come from memory: pages never wait for them.
pub trait Backups: Send + Sync + 'static {
    /// The newest backup; `None` when backups are disabled, or not known yet.
    fn status(&self) -> Option<BackupStatus>;
}
