//! The program: reads the command line, installs telemetry, runs, and says how it ended.

use std::process::ExitCode;

use clap::Parser;
use minitwit::commands::{self, Cli};

fn main() -> ExitCode {
    match commands::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            commands::report(&error);
            ExitCode::FAILURE
        }
    }
}
