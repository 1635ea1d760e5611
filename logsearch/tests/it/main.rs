//! Tests over the public API that can share a process. Those that cannot, because they set what is global to
//! one, are killed, or count what it allocates or how long it takes, are files beside this folder.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bounds;
mod differential;
mod embedded;
mod faults;
mod incomplete;
mod layer;
mod logs;
mod memory;
mod query_corpus;
mod query_properties;
mod read_only;
mod removed;
mod wal;
mod web_log;
