#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod assets;
mod charts;
mod clock;
mod error;
mod escape;
mod export;
mod format;
mod host;
mod layout;
mod links;
mod live;
mod operator;
mod pages;
mod panel;
mod params;
mod protect;
mod routes;
mod window;

pub use assets::{stylesheet, stylesheet_name};
pub use host::{Job, Jobs};
pub use operator::{Operator, Role};
pub use panel::Admin;
