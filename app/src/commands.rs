//! The command line: what can be asked for, and which module does it.

mod admin;
mod backup;
mod deploy_mark;
mod flag;
mod health;
mod logs;
mod out;
mod panel;
mod simulate;
mod terminal;

use std::io;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use logsearch::{Redaction, error_chain};
use rustix::fs::Mode;
use rustix::process::umask;
use tokio::runtime::{Builder, Runtime};

use self::out::say;
use crate::config::{Config, DataConfig};
use crate::data_dir::DataDir;
use crate::db::{DatabaseUrl, Db};
use crate::{server, signals, telemetry};

/// Time for the last log records to reach disk and index at shutdown.
const LOGS_GRACE: Duration = Duration::from_secs(1);
/// Time to wait for whoever reads standard error, at the end.
const LAST_WORDS: Duration = Duration::from_millis(500);
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
    /// Serve the panel over the logs of a data directory, also of a crashed service; changes nothing
    Panel(panel::Args),
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
    // Whatever is created is for its owner alone, also by libraries.
    umask(Mode::RWXG | Mode::RWXO);
    let Some(command) = cli.command else { return serve(&cli.serve) };
    match command {
        Command::Serve(config) => serve(&config),
        Command::Migrate(data) => block_on(migrate(&data)),
        Command::Panel(args) => block_on(panel::serve(&args)),
        Command::Healthcheck(args) => block_on(health::check(&args)),
        Command::Messages(args) => block_on(flag::list(&args)),
        Command::Flag(args) => block_on(flag::set(&args, true)),
        Command::Unflag(args) => block_on(flag::set(&args, false)),
        Command::Admin(command) => block_on(admin::run(command)),
        Command::Backup(args) => block_on(backup::backup(&args)),
        Command::Restore(args) => block_on(backup::restore(&args)),
        Command::DeployMark(args) => block_on(deploy_mark::mark(&args)),
        // A signal ends the load and not its report.
        Command::Simulate(args) => ended_by_pipe(
            runtime(&mut Builder::new_current_thread())?.block_on(simulate::run(args)),
        ),
        Command::Logs(command) => block_on(logs::run(command)),
    }
}

/// Prints an error to standard error, without what looks like a secret in it. Waits for a moment at most:
/// nobody may read.
pub fn report(error: &anyhow::Error) {
    let text = error_chain(error.as_ref());
    let text = Redaction::default().scrub(&text).unwrap_or(text);
    let (done, is_done) = sync_channel(1);
    let print = move || {
        let _nobody_reads = out::note(&text);
        let _waits_no_more = done.send(());
    };
    if std::thread::Builder::new().spawn(print).is_ok() {
        let _waited = is_done.recv_timeout(LAST_WORDS);
    }
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
    let caught = signals::watch_command()?;
    let runtime = runtime(&mut Builder::new_current_thread())?;
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = work => Ok(ended),
            // What the command was about to write is removed as it is dropped.
            Ok(ending) = caught => Err(ending),
        }
    });
    runtime.shutdown_timeout(RUNTIME_GRACE);
    let ended = ended.unwrap_or_else(|ending| std::process::exit(ending.exit_code()));
    ended_by_pipe(ended)
}

/// `minitwit messages | head` ends the pipe on purpose.
fn ended_by_pipe(ended: anyhow::Result<()>) -> anyhow::Result<()> {
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
    let db = Db::open_or_create(&url, data.pool_sizes()).await?;
    let version = db.schema_version().await?;
    db.close().await;
    say(&format!("{url:?} has schema version {version}"))
}

/// Opens a database for a command that only uses it, next to a running service.
async fn open(data: &DataConfig) -> anyhow::Result<Db> {
    Ok(Db::open_existing(&data.database(), data.pool_sizes()).await?)
}
