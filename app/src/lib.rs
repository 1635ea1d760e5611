//! MiniTwit: the site, the simulator API and the ops pages in one service.
//!
//! `routes` is the map of every path; `server` wires the parts in order; `db` is the only place with
//! SQL, `middleware::observe`, `db::executor` and `jobs::run` the three places that instrument.

pub mod accounts;
pub mod alerts;
pub mod api;
pub mod assets;
pub mod auth;
pub mod avatar;
pub mod backup;
mod body;
pub mod build;
mod certificate;
#[cfg(feature = "chaos")]
pub mod chaos;
pub mod client;
pub mod clock;
pub mod commands;
pub mod config;
mod control;
pub mod data_dir;
pub mod database_watch;
pub mod db;
pub mod domain;
pub mod durable;
pub mod error;
pub mod escape;
pub mod exposition;
pub mod fields;
mod flash_cookie;
pub mod jobs;
pub mod links;
pub mod listen;
mod logs;
pub mod metrics;
pub mod middleware;
pub mod operator_cache;
pub mod operators;
pub mod ops;
pub mod pages;
pub mod process;
pub mod replicas;
pub mod request_profile;
pub mod routes;
mod runtime;
pub mod server;
mod signals;
pub mod simulate;
pub mod state;
mod supervise;
pub mod telemetry;
pub mod waiting;
