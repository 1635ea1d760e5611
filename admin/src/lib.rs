#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod access;
mod admin;
mod clock;
mod context;
mod data;
pub mod fields;
mod format;
mod history;
mod host;
pub mod metrics;
mod pages;
mod routes;
mod ui;

pub use access::operator::{Operator, SessionValid};
pub use admin::Admin;
pub use data::profile::REPEATS as N_PLUS_ONE_REPEATS;
pub use history::exposition;
pub use host::{
    Account, AccountChange, Alert, Alerts, Deploy, Deploys, ErrorState, ErrorStates, HostError,
    Job, Jobs, Listed, Message, MessageFilter, Moderation, Operators, Plans, Role, Rule, Run,
    Saved, SavedSearch, SavedSearches, Session, SessionSelector, Texts, User,
};
pub use ui::assets::{stylesheet, stylesheet_name};
pub use ui::escape::is_hidden;
