//! Queries to the store and the host, with typed results. Depends on no page.

pub mod baseline;
pub mod chart_data;
pub mod comparison;
pub mod error_states;
pub mod errors;
pub mod profile;
pub mod record;
pub mod requests;
pub mod statements;
pub mod summary;
pub mod timeline;
pub mod traffic;
pub mod two_windows;
