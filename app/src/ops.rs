//! The ops listener: health for supervisors, metrics for Prometheus, the panel for people.

pub mod health;
mod jobs;
mod moderation;
pub mod operator;
pub mod panel;
pub mod runbooks;
pub mod scrape;
