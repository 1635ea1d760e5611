//! What a message is and what text one may have.

use jiff::Timestamp;

use super::part::{Part, parts};

/// Longest message, in characters. The course's longest has 140.
pub const MAX_TEXT: usize = 280;

/// A message as every list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Primary key, and the cursor of "View more".
    pub id: i64,
    /// The author's username.
    pub author: String,
    /// The author's email address, which picks the avatar and is never shown.
    pub email: String,
    /// Text as posted.
    pub text: String,
    /// Microseconds since the Unix epoch, UTC.
    pub pub_date: i64,
}

impl Message {
    /// `YYYY-MM-DD @ HH:MM` in UTC, as the course's pages show it.
    pub fn time(&self) -> String {
        self.timestamp().strftime("%Y-%m-%d @ %H:%M").to_string()
    }

    /// RFC 3339 in UTC to the second, for machines.
    pub fn datetime(&self) -> String {
        self.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The text in parts: plain, links and names.
    pub fn parts(&self) -> Vec<Part<'_>> {
        parts(&self.text)
    }

    fn timestamp(&self) -> Timestamp {
        Timestamp::from_microsecond(self.pub_date).unwrap_or_default()
    }
}

/// A text that can be posted. Empty is allowed: the simulator may send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageText(String);

impl MessageText {
    /// The text, unchanged. A NUL is refused because PostgreSQL cannot store one.
    pub fn parse(text: &str) -> Result<Self, MessageTextError> {
        if text.chars().count() > MAX_TEXT {
            return Err(MessageTextError::Long);
        }
        if text.contains('\0') {
            return Err(MessageTextError::Nul);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text cannot be posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageTextError {
    /// The text exceeds the length limit.
    #[error("Messages can have up to 280 characters")]
    Long,
    /// Contains U+0000.
    #[error("Messages cannot contain the NUL character")]
    Nul,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_counts_characters_not_bytes() {
        assert!(MessageText::parse(&"æ".repeat(280)).is_ok());
        assert_eq!(MessageText::parse(&"æ".repeat(281)), Err(MessageTextError::Long));
        assert_eq!(MessageText::parse("a\0b"), Err(MessageTextError::Nul));
        assert_eq!(MessageText::parse("").unwrap().as_str(), "");
    }

    #[test]
    fn times_are_utc() {
        let message = Message {
            id: 1,
            author: String::new(),
            email: String::new(),
            text: String::new(),
            pub_date: 1_582_246_860_738_000,
        };
        assert_eq!(message.time(), "2020-02-21 @ 01:01");
        assert_eq!(message.datetime(), "2020-02-21T01:01:00Z");
    }
}
