//! The pages: a folder for each entry of the menu, a file for each page with its handler, the struct of
//! its template and what fills it.

pub mod alerts;
pub mod errors;
pub mod logs;
pub mod marks;
pub mod metrics;
pub mod now;
pub mod requests;
pub mod sql;
pub mod system;
pub mod theme;
