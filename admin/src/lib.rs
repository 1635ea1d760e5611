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
    Account, AccountChange, Acknowledgement, Alert, AlertingNotice, Alerts, BackupStatus, Backups,
    Deploy, Deploys, ErrorState, ErrorStates, Health, Host, HostError, Job, Jobs, Operators,
    Outage, Plans, Replica, Replicas, Role, Rule, Run, Saved, SavedSearch, SavedSearches, Session,
    SessionSelector, Texts,
};
pub use pages::own::OwnPage;
pub use ui::assets::{stylesheet, stylesheet_name};
pub use ui::escape::{Html, is_hidden};
pub use ui::markdown::page as markdown_page;
