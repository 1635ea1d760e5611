//! The only place that builds links to users and timelines.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a path segment keeps as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// First segments that are routes of the site: a user with such a name is reached under `/-/user`.
pub const RESERVED: [&str; 13] = [
    "-",
    "add_message",
    "api",
    "avatar",
    "favicon.ico",
    "login",
    "logout",
    "public",
    "register",
    "robots.txt",
    "sim",
    "static",
    "timeline",
];

/// The page of a user.
pub fn user(username: &str) -> String {
    let name = utf8_percent_encode(username, SEGMENT);
    if RESERVED.contains(&username) { format!("/-/user/{name}") } else { format!("/{name}") }
}

/// Where following posts to.
pub fn follow(username: &str) -> String {
    format!("{}/follow", user(username))
}

/// Where unfollowing posts to.
pub fn unfollow(username: &str) -> String {
    format!("{}/unfollow", user(username))
}

/// The part of a timeline behind a message.
pub fn before(timeline: &str, message: i64) -> String {
    format!("{timeline}?before={message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_link() {
        assert_eq!(user("Roger Histand"), "/Roger%20Histand");
        assert_eq!(user("public"), "/-/user/public");
        assert_eq!(user("a?b#c%d"), "/a%3Fb%23c%25d");
        assert_eq!(user("日"), "/%E6%97%A5");
        assert_eq!(follow("login"), "/-/user/login/follow");
    }
}
