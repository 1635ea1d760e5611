//! `minitwit backup` and `minitwit restore`.

use std::path::PathBuf;

use jiff::Timestamp;

use super::out::{note, say};
use crate::backup::{self, Verify};
use crate::clock::Clock;
use crate::config::{DataConfig, JobConfig};
use crate::data_dir::DataDir;

/// `minitwit backup`.
#[derive(clap::Args, Debug)]
pub struct BackupArgs {
    /// File to write; must not exist [default: a timestamped file in the backup directory]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    #[command(flatten)]
    data: DataConfig,
    #[command(flatten)]
    job: JobConfig,
}

/// `minitwit restore`.
#[derive(clap::Args, Debug)]
pub struct RestoreArgs {
    /// Backup to restore: a SQLite file or a `pg_dump` archive
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Restore what can be read of a damaged backup, without comparing its checksum
    #[arg(long, env = "MINITWIT_RESTORE_UNVERIFIED",
        value_parser = clap::builder::BoolishValueParser::new())]
    unverified: bool,
    #[command(flatten)]
    data: DataConfig,
}

/// Writes a backup and prints its path. Does not delete older ones.
pub async fn backup(args: &BackupArgs) -> anyhow::Result<()> {
    let url = args.data.database();
    let directory = args.job.backup_dir(&args.data);
    let name = backup::name(now()?, backup::extension(&url));
    let file = args.to.clone().unwrap_or_else(|| directory.join(name));
    backup::write(&url, &file).await?;
    say(&format!("{}", file.display()))
}

/// Restores a backup. Holds the lock of the data directory meanwhile, so that no service starts on
/// it.
pub async fn restore(args: &RestoreArgs) -> anyhow::Result<()> {
    let url = args.data.database();
    let _alone = DataDir::open(&args.data.data_dir)?;
    let verify = if args.unverified { Verify::Nothing } else { Verify::All };
    let restored = backup::restore(&url, &args.file, verify, now()?).await?;
    if !restored.has_checksum {
        note("the backup was not compared with a checksum; it may be damaged")?;
    }
    say(&format!(
        "restored {} with schema version {}",
        args.file.display(),
        restored.schema_version
    ))?;
    match restored.aside {
        Some(aside) => say(&format!("the previous database is kept as {aside}")),
        None => Ok(()),
    }
}

fn now() -> anyhow::Result<Timestamp> {
    Ok(Timestamp::from_microsecond(Clock::default().now())?)
}
