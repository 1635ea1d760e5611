//! What is on the disk: partitions of rows and an index, how they are written and how they are read.

pub mod columns;
pub mod directory;
pub mod document;
pub mod fetch;
pub mod keyword;
pub mod merge;
pub mod partition;
pub mod picked;
pub mod rows;
pub mod schema;
pub mod segment;
pub mod tokenizer;
pub mod usage;
pub mod writer;
