//! The panel from outside, mounted in a service it knows nothing of.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod crawl;
mod figures;
mod harness;
mod host;
mod hostile;
mod incident;
mod keeper;
mod marks;
mod metrics;
mod mount;
mod tails;
mod vendored;
mod weight;
