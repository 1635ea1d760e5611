//! Messages and users of the host, for the pages of the same names.

use async_trait::async_trait;

use super::HostError;

/// A message posted on the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Id; also the cursor of the list.
    pub id: i64,
    /// Name of the author.
    pub author: String,
    /// Text as posted.
    pub text: String,
    /// Time of posting, in microseconds since the Unix epoch.
    pub at: i64,
    /// Whether it is hidden from readers.
    pub is_flagged: bool,
}

/// Filter for messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Only messages of this author; empty for all.
    pub author: String,
    /// Only messages that contain this text, case-insensitively; empty for all.
    pub text: String,
    /// Only flagged messages, or only unflagged ones.
    pub flagged: Option<bool>,
    /// Only messages older than this id.
    pub before: Option<i64>,
}

/// A user of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Id; also the cursor of the list.
    pub id: i64,
    /// User name.
    pub name: String,
    /// Registration, in microseconds since the Unix epoch.
    pub joined: Option<i64>,
    /// Number of visible messages.
    pub messages: u64,
    /// Number of hidden messages.
    pub flagged: u64,
    /// Number of followers.
    pub followers: u64,
    /// Number of followed users.
    pub follows: u64,
    /// Last known activity, in microseconds since the Unix epoch.
    pub last_active: Option<i64>,
}

/// A page of a list, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// Items of the page.
    pub items: Vec<T>,
    /// Cursor of the next page; `None` for the last one. A search may scan a limited number of
    /// items and return an empty page although there is a next one.
    pub next: Option<i64>,
}

/// Messages and users of the host.
#[async_trait]
pub trait Moderation: Send + Sync + 'static {
    /// Lists messages, at most `limit`.
    async fn messages(
        &self,
        filter: &MessageFilter,
        limit: usize,
    ) -> Result<Listed<Message>, HostError>;

    /// Hides a message or shows it again; returns the updated message, or `None` if it does not
    /// exist.
    async fn set_flagged(&self, id: i64, flagged: bool) -> Result<Option<Message>, HostError>;

    /// Lists users whose name contains this text, case-insensitively, with ids below `before`; all
    /// for an empty text.
    async fn users(
        &self,
        text: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Listed<User>, HostError>;
}
