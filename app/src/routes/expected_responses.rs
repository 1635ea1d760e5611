//! What users and the simulator get when all is well. The series of these answers, and the outcomes of
//! every route, stand at zero from the start: `increase()` would miss the first of them otherwise, and a
//! first failure most of all.
//!
//! One answer more is seventeen series, with its buckets; one route more is three.

use crate::metrics::{ANY_ROUTE, Answer, Surface, UNMATCHED};

/// The route templates of site and API, and what stands for all of ops.
pub const COUNTED_ROUTES: [(Surface, &str); 37] = [
    (Surface::Web, "/"),
    (Surface::Web, "/public"),
    (Surface::Web, "/add_message"),
    (Surface::Web, "/api/add_message"),
    (Surface::Web, "/login"),
    (Surface::Web, "/register"),
    (Surface::Web, "/logout"),
    (Surface::Web, "/-/logout-everywhere"),
    (Surface::Web, "/-/people"),
    (Surface::Web, "/-/newer"),
    (Surface::Web, "/-/message/{id}"),
    (Surface::Web, "/-/message/{id}/delete"),
    (Surface::Web, "/public/{number}"),
    (Surface::Web, "/timeline/{number}"),
    (Surface::Web, "/{username}"),
    (Surface::Web, "/{username}/follow"),
    (Surface::Web, "/{username}/unfollow"),
    (Surface::Web, "/{username}/{number}"),
    (Surface::Web, "/-/user/{username}"),
    (Surface::Web, "/-/user/{username}/followers"),
    (Surface::Web, "/-/user/{username}/following"),
    (Surface::Web, "/-/user/{username}/follow"),
    (Surface::Web, "/-/user/{username}/unfollow"),
    (Surface::Web, "/static/{name}"),
    (Surface::Web, "/favicon.ico"),
    (Surface::Web, "/robots.txt"),
    (Surface::Web, UNMATCHED),
    (Surface::Api, "/msgs"),
    (Surface::Api, "/msgs/{username}"),
    (Surface::Api, "/fllws/{username}"),
    (Surface::Api, "/register"),
    (Surface::Api, "/latest"),
    (Surface::Api, "/openapi.json"),
    (Surface::Api, "/docs"),
    (Surface::Api, "/docs.css"),
    (Surface::Api, UNMATCHED),
    (Surface::Ops, ANY_ROUTE),
];

/// Posts whose client did not wait; their messages are stored all the same, and an alert compares.
pub const LEFT_POSTS: [Answer; 2] =
    [web("POST", "/add_message", 499), api("POST", "/msgs/{username}", 499)];

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
