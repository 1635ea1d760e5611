#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod clock;
pub mod codec;
pub mod embedded;
mod error_chain;
pub mod export;
pub mod fields;
pub mod file_sink;
pub mod filter;
mod instrumented;
pub mod json;
pub mod layer;
pub mod live;
pub mod logs;
pub mod memory;
pub mod metrics;
mod percentile;
pub mod pipeline;
pub mod query;
mod quiet;
pub mod record;
pub mod redact;
pub mod store;
pub mod suggest;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
pub mod wal;
pub mod writer;

pub use self::error_chain::error_chain;
pub use self::layer::LogLayer;
pub use self::logs::{Logs, Options};
pub use self::record::{Level, LogRecord, Value};
pub use self::store::{LogStore, Search};
pub use self::time::{Cursor, TimeRange};
