//! Each page of the panel over records of the test's own: what it shows, what it says when there is
//! nothing, where its links lead, and what it does with parameters that make no sense.

mod alerts;
mod around;
mod compare;
mod empty_values;
mod errors;
mod event;
mod logs;
mod names;
mod now;
mod parameters;
mod patterns;
mod pieces;
mod query_box;
mod request;
mod requests;
mod roles;
mod scriptless;
mod searches;
mod sql;
mod state;
mod system;
mod tables;
mod unavailable;
mod window;
mod zone;
