//! The pages, one file each: parameters, what is asked of the store, and the template's struct.

pub mod alert;
pub mod alerts;
mod changes;
mod compare;
mod differs;
mod edit;
pub mod errors;
pub mod event;
mod head;
pub mod list;
pub mod logs;
pub mod metrics;
pub mod moderation;
pub mod now;
mod overview;
pub mod patterns;
mod profile;
pub mod record;
pub mod request;
pub mod requests;
pub mod sql;
mod status;
pub mod summary;
pub mod system;
mod tabs;
pub mod users;
