//! Saved searches, shared by all operators.

use async_trait::async_trait;

use super::HostError;

/// A saved view of the logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavedSearch {
    /// Id of the search.
    pub id: i64,
    /// Unique name.
    pub name: String,
    /// Operator who saved it.
    pub owner: String,
    /// Query text, window, columns and order, as a query string.
    pub view: String,
    /// When it was saved, in microseconds since the Unix epoch.
    pub created: i64,
}

/// Result of changing a saved search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The change was made.
    Done,
    /// The name is taken.
    NameTaken,
    /// The limit of saved searches is reached.
    Full,
    /// The search does not exist.
    Unknown,
}

/// Store of saved searches. The panel limits the length of names and views.
#[async_trait]
pub trait SavedSearches: Send + Sync + 'static {
    /// Lists all searches by name; the host limits their number.
    async fn list(&self) -> Result<Vec<SavedSearch>, HostError>;

    /// Saves a view under a name; the host assigns id and time.
    async fn save(&self, name: &str, owner: &str, view: &str) -> Result<Saved, HostError>;

    /// Renames a search.
    async fn rename(&self, id: i64, name: &str) -> Result<Saved, HostError>;

    /// Deletes a search.
    async fn delete(&self, id: i64) -> Result<Saved, HostError>;
}
