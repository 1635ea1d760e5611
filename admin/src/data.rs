//! Questions put to the store and the host. No page is known here.

pub mod baseline;
pub mod chart_data;
pub mod comparison;
pub mod profile;
pub mod summary;
pub mod timeline;
pub mod traffic;
