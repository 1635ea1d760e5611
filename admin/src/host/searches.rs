//! Searches that operators keep under a name, shared by everybody who looks.

use async_trait::async_trait;

use super::HostError;

/// A view of the logs with a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedSearch {
    /// Which one.
    pub id: i64,
    /// Its name; no two have the same.
    pub name: String,
    /// Who saved it.
    pub owner: String,
    /// Query text, window, columns and order, as a query string.
    pub view: String,
    /// When it was saved, in microseconds since the Unix epoch.
    pub created: i64,
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is done.
    Done,
    /// Another search has the name.
    NameTaken,
    /// There are as many as the host keeps.
    Full,
    /// There is no such search.
    Unknown,
}

/// Saved searches. Names and views are of bounded length when they come here.
#[async_trait]
pub trait SavedSearches: Send + Sync + 'static {
    /// All of them, by name; the host bounds how many there are.
    async fn list(&self) -> Result<Vec<SavedSearch>, HostError>;

    /// Keeps a view under a name. Id and time are the host's to give.
    async fn save(&self, name: &str, owner: &str, view: &str) -> Result<Saved, HostError>;

    /// Gives one another name.
    async fn rename(&self, id: i64, name: &str) -> Result<Saved, HostError>;

    /// Removes one.
    async fn delete(&self, id: i64) -> Result<Saved, HostError>;
}
