//! The panel from outside, mounted in a service it knows nothing of.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod crawl;
mod figures;
mod harness;
mod host;
mod hostile;
#[path = "../support/html.rs"]
mod html;
mod incident;
mod keeper;
mod lines;
mod marks;
mod metrics;
mod mount;
mod own_page;
mod pages;
mod tails;
mod weight;
