//! The site: one file per page, each with its template, parameters and handlers.

pub mod account;
pub mod confirm;
pub mod follow;
mod form;
pub mod message;
pub mod people;
mod render;
pub mod timeline;
