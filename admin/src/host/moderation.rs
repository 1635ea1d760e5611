//! What people posted on the host and who they are, for the pages Messages and Users.

use async_trait::async_trait;

use super::HostError;

/// Something that somebody posted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Which one; also the cursor of the list.
    pub id: i64,
    /// Name of its author.
    pub author: String,
    /// As posted.
    pub text: String,
    /// When, in microseconds since the Unix epoch.
    pub at: i64,
    /// Hidden from the readers of the host.
    pub is_flagged: bool,
}

/// Which messages to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Of this author alone; empty for all.
    pub author: String,
    /// With this in the text, whatever its case; empty for all.
    pub text: String,
    /// Flagged ones alone, or the others alone.
    pub flagged: Option<bool>,
    /// Older than this one.
    pub before: Option<i64>,
}

/// Somebody who uses the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Which one; also the cursor of the list.
    pub id: i64,
    /// As records and pages name them.
    pub name: String,
    /// When they registered, in microseconds since the Unix epoch.
    pub joined: Option<i64>,
    /// Messages that readers see.
    pub messages: u64,
    /// Messages that are hidden from them.
    pub flagged: u64,
    /// How many follow them.
    pub followers: u64,
    /// How many they follow.
    pub follows: u64,
    /// When they last did something, as far as the host knows.
    pub last_active: Option<i64>,
}

/// Part of a list, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next part begins; `None` when this is the last. A search may look at a part of all
    /// items only and find nothing there although there is a next part.
    pub next: Option<i64>,
}

/// Messages and users of the host.
#[async_trait]
pub trait Moderation: Send + Sync + 'static {
    /// Messages, at most so many.
    async fn messages(
        &self,
        filter: &MessageFilter,
        limit: usize,
    ) -> Result<Listed<Message>, HostError>;

    /// Hides a message from readers, or shows it again; the message as it is then, or nothing when there
    /// is no such message.
    async fn set_flagged(&self, id: i64, flagged: bool) -> Result<Option<Message>, HostError>;

    /// Users whose name has this in it, whatever its case; all for an empty text. Older than `before`.
    async fn users(
        &self,
        text: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Listed<User>, HostError>;
}
