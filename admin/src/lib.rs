#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod admin;
mod assets;
mod audit;
mod change;
mod charts;
mod clock;
mod complete;
mod error;
mod escape;
mod export;
mod exposition;
mod format;
mod happened;
mod history;
mod host;
mod layout;
mod links;
mod live;
pub mod metrics;
mod operator;
mod pages;
mod panel;
mod params;
mod protect;
mod routes;
mod theme;
mod window;

pub use admin::Admin;
pub use assets::{stylesheet, stylesheet_name};
pub use host::{
    Account, AccountChange, Alert, Alerts, Deploy, Deploys, ErrorState, ErrorStates, HostError,
    Job, Jobs, Listed, Message, MessageFilter, Moderation, Operators, Plans, Rule, Run, Saved,
    SavedSearch, SavedSearches, Session, User, Which,
};
pub use operator::{Operator, Role, StillOpen};
