//! PostgreSQL: a backup is an archive of `pg_dump`, and what a restore leaves aside is a database on
//! the same server.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;

use super::files::{numbered, stamp};
use super::{Restored, ToolMissing, Verify, check_version};
use crate::db::postgres_whole::WholeDatabase;

/// Interval for polling a running program.
const POLL: Duration = Duration::from_millis(50);
/// Most of what a program says that is passed on, in bytes.
const MAX_WORDS: u64 = 2_000;

/// Dumps the database and reads the archive back.
pub async fn dump(url: &str, to: &Path) -> anyhow::Result<()> {
    let database = WholeDatabase::new(url)?;
    let mut command = tool("pg_dump", &database, database.name());
    command.args(["--no-password", "--format=custom", "--no-owner", "--file"]).arg(to);
    run("pg_dump", command).await?;
    verify(&database, to).await
}

/// Reads a whole archive, which unpacks every block.
async fn verify(database: &WholeDatabase, file: &Path) -> anyhow::Result<()> {
    let mut command = tool("pg_restore", database, "");
    command.args(["--file=/dev/null"]).arg(file);
    run("pg_restore", command).await.with_context(|| format!("{} is damaged", file.display()))
}

/// Restores into a new database, which then takes the name of the present one. Both renames are one
/// transaction, and the server refuses them while anybody is connected.
pub async fn restore(
    url: &str,
    file: &Path,
    verify: Verify,
    now: Timestamp,
) -> anyhow::Result<Restored> {
    let database = WholeDatabase::new(url)?;
    if verify == Verify::All {
        self::verify(&database, file).await?;
    }
    refuse_while_used(&database).await?;
    let alone = database.lock_restore().await.context("could not lock the database server")?;
    let _alone = alone.context("another restore of this database is in progress")?;
    let stamp = stamp(now);
    // A name has at most 63 bytes.
    let base: String = database.name().chars().take(20).collect();
    let fresh = format!("{base}_restore_{stamp}");
    let aside = free_name(&database, &format!("{base}_before_"), &stamp).await?;
    // Nobody else restores, so they are of restores that were killed.
    for left in database.beside(&format!("{base}_restore_")).await? {
        database.drop_beside(&left).await.with_context(|| format!("could not drop {left}"))?;
    }
    database
        .create_beside(&fresh)
        .await
        .context("could not create a database next to the current one; the role needs CREATEDB")?;
    let exchanged = fill_and_exchange(&database, file, &fresh, &aside).await;
    if exchanged.is_err() {
        // The failure that led here says more than one of cleaning up.
        let _left_behind = database.drop_beside(&fresh).await;
    }
    let aside = Some(format!("the database {aside}"));
    Ok(Restored { schema_version: exchanged?, has_checksum: false, aside })
}

/// A name that no database has.
async fn free_name(database: &WholeDatabase, start: &str, stamp: &str) -> anyhow::Result<String> {
    let taken = database.beside(start).await.context("could not list the databases")?;
    let is_free = |name: &str| taken.iter().all(|taken| taken != name);
    Ok(numbered(&format!("{start}{stamp}"), '_', is_free))
}

async fn fill_and_exchange(
    database: &WholeDatabase,
    file: &Path,
    fresh: &str,
    aside: &str,
) -> anyhow::Result<i64> {
    let mut command = tool("pg_restore", database, fresh);
    command.args(["--no-password", "--no-owner", "--exit-on-error", "--single-transaction"]);
    command.args(["--dbname", fresh]).arg(file);
    run("pg_restore", command).await?;
    let version = database.schema_version(fresh).await?;
    let version = version.with_context(|| {
        format!("{} is not a MiniTwit backup: it has no migrations table", file.display())
    })?;
    check_version(version, file)?;
    refuse_while_used(database).await?;
    database.exchange(fresh, aside).await.context("could not swap the databases")?;
    Ok(version)
}

async fn refuse_while_used(database: &WholeDatabase) -> anyhow::Result<()> {
    let users = database.users().await.context("could not list the connections to the database")?;
    anyhow::ensure!(
        users == 0,
        "database {} is in use ({users} open connections); stop all services that use it first",
        database.name()
    );
    Ok(())
}

fn tool(program: &str, database: &WholeDatabase, name: &str) -> Command {
    let mut command = Command::new(program);
    command.envs(database.environment(name));
    command
}

/// Kills the child process when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            // It may have ended between the two lines.
            let _ended = self.0.kill();
            let _reaped = self.0.wait();
        }
    }
}

/// Runs a program to its end; fails with what it says.
async fn run(program: &'static str, mut command: Command) -> anyhow::Result<()> {
    // A file, because a pipe that nobody reads stops its writer.
    let words = tempfile()?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words.try_clone()?);
    let spawned = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => anyhow::Error::from(ToolMissing(program)),
        _ => anyhow::Error::from(error).context(format!("could not start {program}")),
    });
    let mut running = Running(spawned?);
    let status = loop {
        match running.0.try_wait()? {
            Some(status) => break status,
            None => tokio::time::sleep(POLL).await,
        }
    };
    anyhow::ensure!(status.success(), "{program}: {}", first_words(words)?);
    Ok(())
}

/// An unnamed file of the kernel's.
fn tempfile() -> anyhow::Result<File> {
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    let file = rustix::fs::memfd_create("minitwit-tool", flags)
        .context("could not create a temporary file")?;
    Ok(file.into())
}

fn first_words(mut words: File) -> anyhow::Result<String> {
    use std::io::Seek;

    words.rewind()?;
    let mut text = Vec::new();
    words.take(MAX_WORDS).read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Ok(lines.join("; "))
}
