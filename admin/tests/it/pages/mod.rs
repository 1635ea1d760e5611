//! Each page of the panel over records of the test's own: what it shows, what it says when there is
//! nothing, where its links lead, and what it does with parameters that make no sense.

mod alerts;
mod errors;
mod event;
mod logs;
mod now;
mod patterns;
mod request;
mod requests;
mod searches;
mod sql;
mod system;
mod unavailable;
mod window;
