//! What keeps a store in order: the thread that moves records into partitions, retention, and what happens
//! to damaged parts.

pub mod clock;
pub mod indexer;
pub mod rebuild;
pub mod recovery;
pub mod retention;
pub mod verify;
