//! Log search for one service.

pub mod fields;
pub mod metrics;
pub mod query;
pub mod record;
pub mod store;
