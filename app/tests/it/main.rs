//! The service from outside: one binary, one module per subject, requests through the real routers on
//! real databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accessibility;
mod alert_inbox;
mod backup;
mod browser;
mod cli;
mod click_budget;
mod client;
mod client_disconnect;
mod connections;
mod course;
mod database_faults;
mod database_file;
mod db;
mod deployment;
mod error_pages;
mod exposition;
mod faults;
mod forged_gets;
mod harness;
mod headers;
mod hostile;
#[path = "../../../admin/tests/support/html.rs"]
mod html;
mod incident;
#[path = "../support/installed.rs"]
mod installed;
mod jobs;
#[path = "../support/known_routes.rs"]
mod known_routes;
mod latest;
mod layering;
mod log_commands;
mod log_fields;
mod log_sinks;
mod metrics_page;
mod notice;
mod observe;
mod openapi;
mod operators;
mod operators_offline;
mod ops_browser;
mod panel;
mod panel_browser;
mod panel_pages;
mod parsers;
mod passive_scan;
mod people;
mod personal_timelines;
mod postgres;
mod process;
#[path = "../support/program.rs"]
mod program;
mod proxied;
mod raw_sql;
mod records;
mod refusals;
mod replicas;
mod service;
mod sessions;
mod sign_ins;
mod simulator;
mod usernames;
mod waiting;
mod web;
mod webdriver;

/// The service under test.
fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_minitwit")
}
