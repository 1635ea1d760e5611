//! The pages: one folder per menu entry; one file per page with its handler and template struct.

pub mod alerts;
pub mod compare;
pub mod errors;
pub mod logs;
pub mod marks;
pub mod metrics;
pub mod now;
mod outages;
pub mod own;
pub mod query_box;
pub mod requests;
pub mod sql;
pub mod system;
pub mod theme;
mod visit;
