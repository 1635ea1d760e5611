//! The pages, one file each: parameters, what is asked of the store, and the template's struct.

pub mod errors;
pub mod event;
pub mod logs;
pub mod now;
mod profile;
pub mod record;
pub mod request;
pub mod requests;
pub mod sql;
mod summary;
pub mod system;
