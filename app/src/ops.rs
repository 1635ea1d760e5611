//! The ops listener: health for supervisors, metrics for Prometheus, the panel for people.

pub mod alert_hook;
mod alerts;
mod backups;
pub mod charts;
mod deploys;
mod errors;
pub mod health;
mod host;
mod host_health;
mod jobs;
mod messages;
pub mod operator;
mod operators;
pub mod panel;
mod plans;
pub mod problem;
mod replicas;
pub mod runbooks;
pub mod scrape;
mod searches;
mod users;
