//! The command line: what can be asked for, and which module does it.

mod admin;
mod backup;
mod deploy_mark;
mod flag;
mod health;
mod logs;
mod simulate;
mod terminal;

use std::io::{self, Write};
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use logsearch::error_chain;
use tokio::runtime::{Builder, Runtime};

use crate::config::{Config, DataConfig};
use crate::data_dir::DataDir;
use crate::db::{DatabaseUrl, Db};
use crate::{server, telemetry};

/// Time for the last log records to reach disk and index at shutdown.
const LOGS_GRACE: Duration = Duration::from_secs(1);
/// Time to wait for blocking threads, such as password hashing, at shutdown.
const RUNTIME_GRACE: Duration = Duration::from_millis(500);

/// MiniTwit: a small Twitter clone with built-in observability.
///
/// Without a command, it serves the site, the simulator API and the ops pages.
#[derive(Debug, Parser)]
#[command(name = "minitwit", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Config,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the site, the API and the ops pages (default)
    Serve(Box<Config>),
    /// Create the database or migrate it to this version, then exit
    #[command(visible_alias = "init")]
    Migrate(DataConfig),
    /// Search, tail and export the logs
    #[command(subcommand)]
    Logs(logs::Command),
    /// Check whether a running service is ready; exits with 0 if it is
    Healthcheck(health::Args),
    /// Print all messages as CSV: id, author id, text, flagged
    Messages(flag::MessagesArgs),
    /// Hide messages from all timelines
    Flag(flag::FlagArgs),
    /// Show hidden messages again
    Unflag(flag::FlagArgs),
    /// Manage operator accounts
    #[command(subcommand)]
    Admin(admin::Command),
    /// Back up the database to a file, also while the service is running
    Backup(backup::BackupArgs),
    /// Restore the database from a backup and keep the current one aside; stop the service first
    Restore(backup::RestoreArgs),
    /// Mark a deployment on the panel's charts
    DeployMark(deploy_mark::Args),
    /// Send the load of the course's simulator
    Simulate(simulate::Args),
}

/// Runs the command that was given.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    let Some(command) = cli.command else { return serve(&cli.serve) };
    match command {
        Command::Serve(config) => serve(&config),
        Command::Migrate(data) => block_on(migrate(&data)),
        Command::Healthcheck(args) => block_on(health::check(&args)),
        Command::Messages(args) => block_on(flag::list(&args)),
        Command::Flag(args) => block_on(flag::set(&args, true)),
        Command::Unflag(args) => block_on(flag::set(&args, false)),
        Command::Admin(command) => block_on(admin::run(command)),
        Command::Backup(args) => block_on(backup::backup(&args)),
        Command::Restore(args) => block_on(backup::restore(&args)),
        Command::DeployMark(args) => block_on(deploy_mark::mark(&args)),
        Command::Simulate(args) => block_on(simulate::run(args)),
        Command::Logs(command) => block_on(logs::run(command)),
    }
}

/// Prints an error to standard error.
#[expect(clippy::print_stderr, reason = "this is the program's last word, not a log record")]
pub fn report(error: &anyhow::Error) {
    eprintln!("minitwit: {}", error_chain(error.as_ref()));
}

fn serve(config: &Config) -> anyhow::Result<()> {
    let data_dir = DataDir::open(&config.data.data_dir)?;
    let telemetry = telemetry::install(&config.log, &data_dir)?;
    let runtime = runtime(&mut Builder::new_multi_thread())?;
    let ended = runtime.block_on(server::run(config, &data_dir, &telemetry));
    if let Err(error) = &ended {
        tracing::error!(error.message = error_chain(error.as_ref()), "service failed");
    }
    runtime.shutdown_timeout(RUNTIME_GRACE);
    telemetry.logs.shutdown(LOGS_GRACE);
    ended
}

fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = runtime(&mut Builder::new_current_thread())?;
    let ended = runtime.block_on(work);
    runtime.shutdown_timeout(RUNTIME_GRACE);
    // `minitwit messages | head` ends the pipe on purpose.
    let is_end_of_pipe = |error: &anyhow::Error| {
        let io = error.downcast_ref::<io::Error>();
        io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    ended.or_else(|error| if is_end_of_pipe(&error) { Ok(()) } else { Err(error) })
}

fn runtime(builder: &mut Builder) -> anyhow::Result<Runtime> {
    builder.enable_all().build().context("could not start the runtime")
}

async fn migrate(data: &DataConfig) -> anyhow::Result<()> {
    let url = data.database();
    // PostgreSQL's migrations take a lock of the server's; a SQLite file belongs to one process.
    let _alone = match &url {
        DatabaseUrl::Sqlite(_) => Some(DataDir::open(&data.data_dir)?),
        DatabaseUrl::Postgres(_) => None,
    };
    let db = Db::open(&url, data.pool_sizes()).await?;
    db.migrate().await?;
    let version = db.schema_version().await?;
    db.close().await;
    say(&format!("{url:?} has schema version {version}"))
}

/// Opens a database for a command that only uses it, next to a running service.
async fn open(data: &DataConfig) -> anyhow::Result<Db> {
    Ok(Db::open_existing(&data.database(), data.pool_sizes()).await?)
}

/// Prints a line to standard output.
fn say(line: &str) -> anyhow::Result<()> {
    writeln!(io::stdout().lock(), "{line}")?;
    Ok(())
}
