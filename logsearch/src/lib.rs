#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod clock;
mod disk_status;
pub mod embedded;
mod error_chain;
pub mod export;
pub mod fields;
mod file_sink;
pub mod filter;
mod instrumented;
mod json;
mod last_words;
mod live;
mod logs;
mod lookup;
mod memory;
pub mod metrics;
mod percentile;
pub mod query;
mod quiet;
pub mod record;
mod redact;
mod report;
mod shortage;
mod stderr;
pub mod store;
mod suggest;
#[cfg(feature = "testing")]
pub mod testing;
mod time;

// The parts between the layer and the store are tested and measured alone, and are nobody else's to use.
#[cfg(not(feature = "testing"))]
mod codec;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod codec;
#[cfg(not(feature = "testing"))]
mod layer;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod layer;
#[cfg(not(feature = "testing"))]
mod pipeline;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod pipeline;
#[cfg(not(feature = "testing"))]
mod wal;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod wal;
#[cfg(not(feature = "testing"))]
mod writer;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod writer;

pub use self::error_chain::error_chain;
pub use self::file_sink::FileOptions;
pub use self::layer::{LogLayer, SinkFilter, chain_panic_hook};
pub use self::live::{Subscription, Update};
pub use self::logs::{Logs, Options, StartError};
pub use self::lookup::{Found, Id, ParseIdError};
pub use self::memory::MemoryStore;
pub use self::quiet::is_quiet as is_log_thread;
pub use self::record::{Level, LogRecord, Value, ValueRef};
pub use self::redact::{REDACTED, Redaction};
pub use self::report::Report;
pub use self::stderr::{LineFormat, StderrOptions, text as text_line};
pub use self::store::{LogStore, Search};
pub use self::suggest::{Suggestion, Suggestions, suggest};
pub use self::time::{Cursor, TimeRange};
pub use self::writer::{Counts, Reason};
