//! The only place that builds links to users, their timelines and what they do with them.

use std::fmt::Display;

use admin::is_hidden;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a path segment keeps as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// First segments that are no user's: routes of the site and the API, what the proxy in front keeps to
/// itself, and what browsers ask for unasked. A user with such a name is reached under `/-/user`.
pub const RESERVED: [&str; 22] = [
    "-",
    ".well-known",
    "add_message",
    "admin",
    "api",
    "apple-touch-icon.png",
    "avatar",
    "docs",
    "favicon.ico",
    "livez",
    "login",
    "logout",
    "metrics",
    "openapi.json",
    "public",
    "readyz",
    "register",
    "robots.txt",
    "sim",
    "sitemap.xml",
    "static",
    "timeline",
];

/// Where ending all sessions of a user posts to.
pub const LOGOUT_EVERYWHERE: &str = "/-/logout-everywhere";

/// Where people are found by the beginning of a name.
pub const PEOPLE: &str = "/-/people";
/// Where a page asks how many messages came after one.
pub const NEWER: &str = "/-/newer";

/// Who follows a user.
pub fn followers(username: &str) -> String {
    format!("/-/user/{}/followers", utf8_percent_encode(username, SEGMENT))
}

/// Whom a user follows.
pub fn following(username: &str) -> String {
    format!("/-/user/{}/following", utf8_percent_encode(username, SEGMENT))
}

/// The page of one message.
pub fn message(id: impl Display) -> String {
    format!("/-/message/{id}")
}

/// Where deleting a message is asked for, and posts to.
pub fn delete_message(id: impl Display) -> String {
    format!("/-/message/{id}/delete")
}

/// The form for a message that begins with the name of a user.
pub fn reply(username: &str) -> String {
    format!("/?to={}", utf8_percent_encode(username, SEGMENT))
}

/// The page of a user.
pub fn user(username: &str) -> String {
    let name = utf8_percent_encode(username, SEGMENT);
    if RESERVED.contains(&username) { format!("/-/user/{name}") } else { format!("/{name}") }
}

/// How a username reads where it is a link: one without a visible character could not be hit.
pub fn shown(username: &str) -> &str {
    // Besides what the panel does not show as it is: letters, marks and selectors without a shape.
    let blank = |c: char| {
        c.is_whitespace()
            || is_hidden(c)
            || matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}'
                | '\u{e0080}'..='\u{e0fff}')
    };
    if username.chars().all(blank) { "(blank)" } else { username }
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
    fn a_name_that_cannot_be_seen_is_said() {
        for name in [" ", "\u{200b}\u{feff}", "\u{202e}", "\u{3164}"] {
            assert_eq!(shown(name), "(blank)", "{name:?}");
        }
        assert_eq!(shown(" a"), " a");
    }

    #[test]
    fn every_name_has_a_link() {
        assert_eq!(user("Roger Histand"), "/Roger%20Histand");
        assert_eq!(user("public"), "/-/user/public");
        assert_eq!(user("a?b#c%d"), "/a%3Fb%23c%25d");
        assert_eq!(user("日"), "/%E6%97%A5");
        assert_eq!(follow("login"), "/-/user/login/follow");
    }
}
