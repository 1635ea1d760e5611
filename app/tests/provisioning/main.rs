//! What the repository provisions beside the service, generated from one source, held to it and tried
//! against the running service: dashboards, alerts, and the page of all metrics.
//! `UPDATE=1 cargo test -p minitwit --test provisioning` writes the files anew; without it, a file that
//! differs from what is generated is a failure.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alerts;
mod catalogue;
mod committed;
mod dashboards;
mod handed;
#[path = "../support/installed.rs"]
mod installed;
mod lint;
mod live;
#[path = "../support/operator.rs"]
mod operator;
#[path = "../support/program.rs"]
mod program;
mod promql;
mod running;
mod units;
mod watched;
