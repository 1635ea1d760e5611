//! Saved searches for the panel.

use admin::{HostError, Saved, SavedSearch};
use async_trait::async_trait;

use crate::clock::Clock;
use crate::db::{self, Db};

/// Searches of one operator, below those of all: nobody keeps others from saving.
const KEPT_OF_ONE: usize = 50;

/// Stores saved searches in the database for the panel.
pub struct PanelSearches {
    /// Where they are kept.
    pub db: Db,
    /// When they are saved.
    pub clock: Clock,
}

#[async_trait]
impl admin::SavedSearches for PanelSearches {
    async fn list(&self) -> Result<Vec<SavedSearch>, HostError> {
        let searches = self.db.saved_searches().await?;
        let search = |search: db::SavedSearch| SavedSearch {
            id: search.id,
            name: search.name,
            owner: search.owner,
            view: search.view,
            created: search.created_at,
        };
        Ok(searches.into_iter().map(search).collect())
    }

    async fn save(&self, name: &str, owner: &str, view: &str) -> Result<Saved, HostError> {
        let searches = self.db.saved_searches().await?;
        if searches.iter().filter(|search| search.owner == owner).count() >= KEPT_OF_ONE {
            return Ok(Saved::Full);
        }
        let now = self.clock.now();
        saved(self.db.save_search(name, owner, view, now).await, Saved::Full)
    }

    async fn rename(&self, id: i64, name: &str) -> Result<Saved, HostError> {
        saved(self.db.rename_search(id, name).await, Saved::Unknown)
    }

    async fn delete(&self, id: i64) -> Result<Saved, HostError> {
        saved(self.db.delete_search(id).await, Saved::Unknown)
    }
}

fn saved(changed: db::Result<bool>, otherwise: Saved) -> Result<Saved, HostError> {
    match changed {
        Ok(true) => Ok(Saved::Done),
        Ok(false) => Ok(otherwise),
        Err(db::Error::Taken(_)) => Ok(Saved::NameTaken),
        Err(error) => Err(error.into()),
    }
}
