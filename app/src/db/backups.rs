//! Backups that were made beside PostgreSQL by `postgres-backup.sh`, which adds a row for each.

use super::executor::Statement;
use super::row::Row;
use super::{Db, Result};

/// The newest backup, and the first row of the chain of deployments, as far back as it is kept.
const NEWEST: Statement = Statement::read(
    "backups.newest",
    "SELECT (SELECT made_at FROM backups ORDER BY made_at DESC LIMIT 1),
            (SELECT bytes FROM backups ORDER BY made_at DESC LIMIT 1),
            (SELECT MIN(deployed_at) FROM deploys)",
);

pub(super) const STATEMENTS: &[Statement] = &[NEWEST];

/// What the database knows of its backups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownBackup {
    /// Time in microseconds and bytes of the newest that was made beside the server.
    pub newest: Option<(i64, i64)>,
    /// Since when there is something to back up, in microseconds: the first deployment.
    pub installed_at: Option<i64>,
}

impl Db {
    /// The newest backup that was made beside the server.
    pub async fn newest_backup(&self) -> Result<KnownBackup> {
        let read = |row: &Row| {
            let [at, bytes]: [Option<i64>; 2] = [row.get(0)?, row.get(1)?];
            Ok(KnownBackup { newest: at.zip(bytes), installed_at: row.get(2)? })
        };
        Ok(self.fetch_optional(&NEWEST, &[], read).await?.unwrap_or_default())
    }
}
