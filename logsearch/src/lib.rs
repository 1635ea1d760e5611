//! Log search for one service.

pub mod codec;
pub mod fields;
pub mod filter;
pub mod metrics;
pub mod query;
pub mod record;
pub mod store;
pub mod wal;
