//! Who may do what: the guard that every page stands behind, the headers that bind the browser, the rule
//! against requests from other sites, the forms that change something, and the audit record of a change.

pub(crate) mod audit;
pub(crate) mod forms;
pub(crate) mod guard;
pub mod headers;
pub(crate) mod operator;
pub mod same_site;
pub(crate) mod theme;
