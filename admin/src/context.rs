//! Shared context of all pages: URLs and their parameters, the time window, errors, and
//! [`panel::Panel`] with store and host. Depends on no page.

pub mod error;
pub mod firing;
pub mod links;
pub mod panel;
pub mod params;
pub mod time;
pub mod turns;
pub mod view;
pub mod window;
