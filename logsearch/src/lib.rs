//! Log search for one service.

pub mod query;
pub mod record;
pub mod store;
