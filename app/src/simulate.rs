//! A load generator that behaves like the course's simulator: registers, posts, follows and unfollows
//! through the API, JSON with the simulator's credentials, the id of each command as `latest`, a fresh
//! connection each, 0.3 seconds to connect and for each read, one at a time unless told otherwise.
//!
//! Plays a scenario file of the course's format, or invents one of the same mixture.

mod drive;
mod invent;
mod latency;
mod progress;
mod report;
mod scenario;
mod target;

pub use drive::{Drive, Pace, run};
pub use invent::Invention;
pub use report::Report;
pub use scenario::{Action, Command, read};
pub use target::{Target, Url};
