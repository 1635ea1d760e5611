//! Jobs that look after the database as a whole: its file, and its daily copy.

use jiff::Timestamp;

use super::{Context, Outcome};
use crate::backup::{self, ToolMissing};
use crate::db::DatabaseUrl;
use crate::db::sqlite_file::{self, Checkpoint};
use crate::metrics;
use crate::state::BackupSeen;

/// Renews SQLite's statistics and empties its write-ahead log. PostgreSQL does the like by itself.
pub async fn sqlite_optimize(context: Context) -> anyhow::Result<Outcome> {
    let DatabaseUrl::Sqlite(path) = context.config.data.database() else {
        return Ok(Outcome::Skipped("not needed on PostgreSQL".to_owned()));
    };
    check_file(&context)?;
    Ok(Outcome::Done(match sqlite_file::optimize(&path).await? {
        Checkpoint::Emptied => "optimized; truncated the write-ahead log".to_owned(),
        Checkpoint::Busy => "optimized; readers prevented truncating the write-ahead log".into(),
    }))
}

/// Fails where another file is at the path of the database, which would be taken for it.
fn check_file(context: &Context) -> anyhow::Result<()> {
    context.state.db.file_fault().map_or(Ok(()), |fault| Err(fault.into()))
}

/// Writes the day's backup and removes the oldest.
pub async fn backup(context: Context) -> anyhow::Result<Outcome> {
    let keep = usize::from(context.config.job.backups);
    if keep == 0 {
        return Ok(Outcome::Skipped("backups are disabled".to_owned()));
    }
    check_file(&context)?;
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

/// Looks for the newest backup: a file of this service, or a row of the backups that are made beside PostgreSQL.
pub async fn backup_status(context: Context) -> anyhow::Result<Outcome> {
    let (state, config) = (&context.state, &context.config);
    let url = config.data.database();
    let is_beside = matches!(url, DatabaseUrl::Postgres(_));
    if config.job.backups == 0 && !is_beside {
        state.backups.set(None);
        return Ok(Outcome::Skipped("backups are disabled".to_owned()));
    }
    let file = backup::newest(&config.job.backup_dir(&config.data), backup::extension(&url))?;
    let known = state.db.newest_backup().await?;
    let row = known.newest.map(|(at, bytes)| (at, u64::try_from(bytes).unwrap_or(0)));
    let newest = file.max(row);
    let installed = known.installed_at.unwrap_or_else(|| state.clock.now());
    state.backups.set(Some(BackupSeen { newest, installed }));
    let (at, bytes) = newest.unwrap_or((installed, 0));
    metrics::newest_backup(at, bytes);
    Ok(Outcome::Done(match newest {
        Some((_, bytes)) => format!("the newest backup has {bytes} bytes"),
        None => "no backup yet".to_owned(),
    }))
}
