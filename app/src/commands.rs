//! The command line: what can be asked for, and which module does it.

mod logs;

use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::config::{Config, DataConfig};
use crate::data_dir::DataDir;
use crate::{server, telemetry};

/// How long the last records may take to reach the disk and the index.
const LOGS_GRACE: Duration = Duration::from_secs(1);

/// MiniTwit: a small Twitter that can be looked into.
///
/// Without a command it serves the site, the simulator API and the ops pages.
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
    /// Serve the site, the API and the ops pages; the default
    Serve(Box<Config>),
    /// Bring the database to this version and end
    Migrate(DataConfig),
    /// Search, watch and export the logs
    #[command(subcommand)]
    Logs(logs::Command),
}

/// Runs what was asked for.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        None => serve(&cli.serve),
        Some(Command::Serve(config)) => serve(&config),
        Some(Command::Migrate(_)) => Ok(()),
        Some(Command::Logs(command)) => runtime()?.block_on(logs::run(command)),
    }
}

/// One line for people on standard error.
#[expect(clippy::print_stderr, reason = "this is the program's last word, not a log record")]
pub fn report(error: &anyhow::Error) {
    eprintln!("minitwit: {error:#}");
}

fn serve(config: &Config) -> anyhow::Result<()> {
    let data_dir = DataDir::open(&config.data.data_dir)?;
    let telemetry = telemetry::install(&config.log, &data_dir)?;
    let ended = runtime()?.block_on(server::run(config, &data_dir, &telemetry));
    if let Err(error) = &ended {
        tracing::error!(error.message = format!("{error:#}"), "the service ended");
    }
    telemetry.logs.shutdown(LOGS_GRACE);
    ended
}

/// One line on standard output.
fn say(line: &str) -> anyhow::Result<()> {
    use std::io::Write;

    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("could not start the runtime")
}
