#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod access;
mod admin;
mod clock;
mod context;
mod data;
pub mod fields;
pub mod format;
mod history;
mod host;
pub mod metrics;
mod pages;
mod routes;
mod ui;

pub use access::forms::OperatorForm;
pub use access::operator::{Operator, SessionValid};
pub use admin::Admin;
pub use context::error::PanelError;
pub use context::params::Params;
pub use data::profile::REPEATS as N_PLUS_ONE_REPEATS;
pub use history::exposition;
pub use host::{
    Account, AccountChange, Alert, Alerts, Deploy, Deploys, ErrorState, ErrorStates, Host,
    HostError, Job, Jobs, Operators, Plans, Role, Rule, Run, Saved, SavedSearch, SavedSearches,
    Session, SessionSelector, Texts,
};
pub use pages::own::OwnPage;
pub use ui::assets::{stylesheet, stylesheet_name};
pub use ui::escape::{Html, is_hidden};
