//! What the repository provisions beside the service, held to its source and tried against the running
//! service: dashboards, alerts, and the page of all metrics. Nothing here writes into the repository;
//! `cargo run -p provisioning -- write` does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alerts;
mod catalogue;
mod committed;
mod compose_files;
mod dashboard_files;
#[path = "../../../app/tests/support/installed.rs"]
mod installed;
mod lint;
mod live;
#[path = "../../../app/tests/support/operator.rs"]
mod operator;
#[path = "../../../app/tests/support/program.rs"]
mod program;
mod promql;
mod rendering;
mod running;
mod units;
mod watched;

/// The service under test.
fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_service-under-test")
}
