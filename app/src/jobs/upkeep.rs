//! Jobs that look after the database as a whole: its file, and its daily copy.

use jiff::Timestamp;

use super::{Context, Outcome};
use crate::backup::{self, ToolMissing};
use crate::db::DatabaseUrl;
use crate::db::sqlite_file::{self, Checkpoint};

/// Renews SQLite's statistics and empties its write-ahead log. PostgreSQL does the like by itself.
pub async fn sqlite_optimize(context: Context) -> anyhow::Result<Outcome> {
    let DatabaseUrl::Sqlite(path) = context.config.data.database() else {
        return Ok(Outcome::Skipped("not needed on PostgreSQL".to_owned()));
    };
    Ok(Outcome::Done(match sqlite_file::optimize(&path).await? {
        Checkpoint::Emptied => "optimized; truncated the write-ahead log".to_owned(),
        Checkpoint::Busy => "optimized; readers prevented truncating the write-ahead log".into(),
    }))
}

/// Writes the day's backup and removes the oldest.
pub async fn backup(context: Context) -> anyhow::Result<Outcome> {
    let keep = usize::from(context.config.job.backups);
    if keep == 0 {
        return Ok(Outcome::Skipped("backups are disabled".to_owned()));
    }
    let url = context.config.data.database();
    let directory = context.config.job.backup_dir(&context.config.data);
    let extension = backup::extension(&url);
    let now = Timestamp::from_microsecond(context.state.clock.now())?;
    let file = directory.join(backup::name(now, extension));
    match backup::write(&url, &file).await {
        Ok(()) => {}
        Err(error) if error.is::<ToolMissing>() => {
            tracing::warn!("backup skipped: {error:#}; set --backups 0 to disable backups");
            return Ok(Outcome::Skipped("pg_dump is not installed".to_owned()));
        }
        Err(error) => return Err(error),
    }
    let removed = backup::rotate(&directory, extension, keep)?;
    let bytes = std::fs::metadata(&file)?.len();
    Ok(Outcome::Done(format!(
        "wrote {bytes} bytes to {} and removed {removed} older backups",
        file.display()
    )))
}
