//! What the service costs and what it survives, as a table: memory after a simulation, CPU per request,
//! what the log index costs, log-ins beside a timeline, timelines at a hundred times the messages, 16
//! writers at once, and processes that are killed. On SQLite, and on PostgreSQL where its server is installed, in a temporary
//! cluster.
//!
//! `cargo bench -p minitwit --bench load` builds and starts the release binary; nothing else has to
//! run, and the machine should be idle. `MINITWIT_SCENARIO=<file>` replays a file of the course for the
//! simulation instead of an invented one. Behind `--`, parts can be chosen by the names below.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is for people")]

mod logging;
mod logins;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/postgres.rs"]
mod postgres;
mod requests;
mod service;
mod timelines;
mod writers;

use postgres::Cluster;
use service::Place;

#[tokio::main]
async fn main() {
    println!("| figure | database | measured | bar | |\n|---|---|---|---|---|");
    measure(None).await;
    if let Some(cluster) = postgres::shared() {
        measure(Some(cluster)).await;
    }
}

async fn measure(cluster: Option<&'static Cluster>) {
    let place = Place::new(cluster);
    if wanted("simulation") {
        requests::memory_after_simulation(&place);
    }
    if wanted("requests") {
        requests::cpu_per_request(&place).await;
    }
    if wanted("logging") {
        logging::on_against_off(&place).await;
    }
    if wanted("logins") {
        logins::beside_a_timeline(&place).await;
    }
    if wanted("timelines") {
        timelines::at_a_hundred_times_the_messages(cluster).await;
    }
    if wanted("writers") {
        writers::many_writers(&place).await;
    }
    if wanted("kills") {
        writers::killed(&place).await;
    }
}

/// Whether the arguments name this part, or none. Cargo adds options of its own.
fn wanted(part: &str) -> bool {
    let mut parts = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).peekable();
    parts.peek().is_none() || parts.any(|wanted| wanted == part)
}
