//! The service from outside: one binary, one module per subject, requests through the real routers on
//! real databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod browser;
mod course;
mod deployment;
mod hang_up;
mod harness;
mod notice;
mod postgres;
mod records;
mod replicas;
mod simulator;
mod webdriver;
