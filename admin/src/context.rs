//! What every page may use; it knows no page. Addresses and their parameters, the time window, how a page
//! fails, and [`panel::Panel`], which holds the store and the host.

pub mod error;
pub mod links;
pub mod panel;
pub mod params;
pub mod window;
