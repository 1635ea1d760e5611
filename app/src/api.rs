//! The simulator API, to the letter of the course's contract. Its names (`msgs`, `fllws`, `pwd`,
//! `no`, `latest`) are used here and nowhere else.

mod command;
pub mod docs;
pub mod follows;
mod json;
pub mod latest;
pub mod messages;
pub mod register;

pub use command::{authorize, record_latest};
