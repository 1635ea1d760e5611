//! The service from outside: one binary, one module per subject, requests through the real routers on
//! real databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backup;
mod browser;
mod cli;
mod connections;
mod course;
mod db;
mod deployment;
mod faults;
mod hang_up;
mod harness;
mod hostile;
mod jobs;
mod layering;
mod notice;
mod observe;
mod openapi;
mod panel;
mod postgres;
mod process;
mod records;
mod replicas;
mod service;
mod simulator;
mod web;
mod webdriver;
