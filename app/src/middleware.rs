//! What surrounds every handler, outermost first: who asks, security headers, the request's record, strictness
//! about HTTP, bodies for errors, the time limit, the cross-site rule, the session.

pub mod client;
pub mod detach;
mod draft;
pub mod errors;
mod kept_headers;
pub mod observe;
pub mod panics;
mod request_body;
pub mod request_id;
pub mod security;
pub mod session;
pub mod strict;
pub mod wait;
