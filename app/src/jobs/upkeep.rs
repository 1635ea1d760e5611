//! Jobs that look after the database as a whole: its file, and its daily copy.

use jiff::Timestamp;

use super::{Context, Outcome};
use crate::backup::{self, ToolMissing};
use crate::db::DatabaseUrl;
use crate::db::sqlite_file::{self, Checkpoint};

/// Renews SQLite's statistics and empties its write-ahead log. PostgreSQL does the like by itself.
pub async fn sqlite_optimize(context: Context) -> anyhow::Result<Outcome> {
    let DatabaseUrl::Sqlite(path) = context.config.data.database() else {
        return Ok(Outcome::Skipped("PostgreSQL looks after itself".to_owned()));
    };
    Ok(Outcome::Done(match sqlite_file::optimize(&path).await? {
        Checkpoint::Emptied => "optimized; the write-ahead log is empty".to_owned(),
        Checkpoint::Busy => "optimized; readers kept the write-ahead log from being emptied".into(),
    }))
}

/// Writes the day's backup and removes the oldest.
pub async fn backup(context: Context) -> anyhow::Result<Outcome> {
    let keep = usize::from(context.config.job.backups);
    if keep == 0 {
        return Ok(Outcome::Skipped("no backups are wanted".to_owned()));
    }
    let url = context.config.data.database();
    let directory = context.config.job.backup_dir(&context.config.data);
    let extension = backup::extension(&url);
    let now = Timestamp::from_microsecond(context.state.clock.now())?;
    let file = directory.join(backup::name(now, extension));
    match backup::write(&url, &file).await {
        Ok(()) => {}
        Err(error) if error.is::<ToolMissing>() => {
            tracing::warn!("no backup was made: {error:#}; or set --backups 0");
            return Ok(Outcome::Skipped("pg_dump is missing".to_owned()));
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
