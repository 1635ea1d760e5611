//! The service, which fails as `POST /chaos/<fault>` on its ops listener says: to see what alerts,
//! dashboards and runbooks are worth. `cargo run -p minitwit --features chaos --example chaos`

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
