//! The command line: what can be asked for, and which module does it.

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::config::{Config, DataConfig};
use crate::{server, telemetry};

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
}

/// Runs what was asked for.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        None => serve(&cli.serve),
        Some(Command::Serve(config)) => serve(&config),
        Some(Command::Migrate(_)) => Ok(()),
    }
}

/// One line for people on standard error.
#[expect(clippy::print_stderr, reason = "this is the program's last word, not a log record")]
pub fn report(error: &anyhow::Error) {
    eprintln!("minitwit: {error:#}");
}

fn serve(config: &Config) -> anyhow::Result<()> {
    let telemetry = telemetry::install(&config.log)?;
    runtime()?.block_on(server::run(config, telemetry))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("could not start the runtime")
}
