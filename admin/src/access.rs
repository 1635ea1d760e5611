//! Access control: the guard in front of every page, security headers, the same-site check, forms
//! that change something, and their audit records.

pub(crate) mod audit;
pub(crate) mod forms;
pub(crate) mod guard;
pub mod headers;
pub(crate) mod limits;
pub(crate) mod operator;
pub mod same_site;
pub(crate) mod theme;
pub(crate) mod zone;
