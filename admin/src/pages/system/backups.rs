//! The backups section of System: age and size of the newest.

use crate::context::panel::Panel;
use crate::format;

/// What the page shows of the newest backup.
pub struct BackupView {
    pub age: String,
    pub full: String,
    pub size: String,
    pub is_overdue: bool,
}

/// The newest backup; nothing when the host makes none, or does not know yet.
pub fn view(panel: &Panel, now: i64) -> Option<BackupView> {
    let status = panel.host.backups()?.status()?;
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let size = |(_, bytes): (i64, u64)| format::bytes(bytes as f64);
    Some(BackupView {
        age: status.newest.map_or_else(|| "none yet".to_owned(), |(at, _)| format::ago(at, now)),
        full: status.newest.map(|(at, _)| format::rfc3339_short(at)).unwrap_or_default(),
        size: status.newest.map(size).unwrap_or_default(),
        is_overdue: status.is_overdue,
    })
}
