//! The terms that a search picked from the dictionaries of a segment, kept for the next one: a page asks the
//! same for its rows, its counts and its bars, and a segment never changes.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tantivy::postings::TermInfo;
use tantivy::schema::Field;

/// Terms with the index fields they are of.
pub type PickedTerms = Arc<Vec<(Field, TermInfo)>>;

/// What a search picked.
#[derive(Clone, Debug, Default)]
pub struct Picked {
    /// Terms of texts.
    pub texts: PickedTerms,
    /// Terms that may be of a text or of a whole number.
    pub numerals: PickedTerms,
}

/// Searches of a segment whose terms are kept.
const MAX_SEARCHES: usize = 16;
/// More terms than this are not kept. They are 40 bytes each.
const MAX_TERMS: usize = 1_024;

/// The terms of the last searches of a segment.
#[derive(Debug, Default)]
pub struct PickedCache {
    searches: Mutex<VecDeque<(String, Arc<Picked>)>>,
}

impl PickedCache {
    /// What a search picked, if it is known.
    pub fn get(&self, search: &str) -> Option<Arc<Picked>> {
        let mut searches = self.searches.lock();
        let at = searches.iter().position(|(known, _)| known == search)?;
        let found = searches.remove(at)?;
        let picked = Arc::clone(&found.1);
        searches.push_front(found);
        Some(picked)
    }

    /// Keeps what a search picked, unless it is much. The search that was not asked for the longest goes.
    pub fn keep(&self, search: &str, picked: &Arc<Picked>) {
        if picked.texts.len() + picked.numerals.len() > MAX_TERMS {
            return;
        }
        let mut searches = self.searches.lock();
        searches.truncate(MAX_SEARCHES - 1);
        searches.push_front((search.to_owned(), Arc::clone(picked)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_searches_are_kept() {
        let cache = PickedCache::default();
        for number in 0..MAX_SEARCHES + 4 {
            cache.keep(&number.to_string(), &Arc::default());
            assert!(cache.get("0").is_some(), "what is asked for stays");
        }
        assert!(cache.get("1").is_none() && cache.get("19").is_some());
    }
}
