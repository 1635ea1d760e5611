//! Searching: what is looked at (`snapshot`, `tail`), a query made ready for a partition (`prepared`), pages
//! of records (`page`) and the threads all of it runs on (`searchers`).

pub mod page;
pub mod prepared;
pub mod searchers;
pub mod snapshot;
pub mod tail;
