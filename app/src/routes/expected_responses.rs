//! What users and the simulator get when all is well. The series of these answers, and of a failure in
//! place of each, stand at zero from the start: `increase()` would miss the first of them otherwise.
//!
//! Left out is what no alert counts: static files, addresses of older versions, ops, and refusals, of which
//! `minitwit_http_rejected_total` has zeros. One answer more is seventeen series, with its buckets.

use crate::metrics::{Answer, Surface};

/// The route templates with the statuses of their successes.
pub const EXPECTED_RESPONSES: [Answer; 18] = [
    web("GET", "/", 200),
    web("GET", "/public", 200),
    web("GET", "/{username}", 200),
    web("GET", "/login", 200),
    web("POST", "/login", 302),
    web("GET", "/register", 200),
    web("POST", "/register", 302),
    web("POST", "/logout", 302),
    web("POST", "/add_message", 302),
    web("POST", "/{username}/follow", 302),
    web("POST", "/{username}/unfollow", 302),
    api("GET", "/latest", 200),
    api("POST", "/register", 204),
    api("GET", "/msgs", 200),
    api("GET", "/msgs/{username}", 200),
    api("POST", "/msgs/{username}", 204),
    api("GET", "/fllws/{username}", 200),
    api("POST", "/fllws/{username}", 204),
];

const fn web(method: &'static str, route: &'static str, status: u16) -> Answer {
    Answer { surface: Surface::Web, method, route, status }
}

const fn api(method: &'static str, route: &'static str, status: u16) -> Answer {
    Answer { surface: Surface::Api, method, route, status }
}
