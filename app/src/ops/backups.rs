//! The newest backup for the panel, as a job saw it last.

use std::time::Duration;

use admin::{BackupStatus, Backups};

use crate::clock::micros;
use crate::state::AppState;

/// As long as the alert waits: a day, and an hour for the backup to be made.
const OVERDUE: Duration = Duration::from_hours(25);

/// The backups of this service.
pub struct HostBackups(pub AppState);

impl Backups for HostBackups {
    fn status(&self) -> Option<BackupStatus> {
        let seen = self.0.backups.get()?;
        let since = seen.newest.map_or(seen.installed, |(at, _)| at);
        let is_overdue = self.0.clock.now() - since > micros(OVERDUE);
        Some(BackupStatus { newest: seen.newest, is_overdue })
    }
}
