//! Pages of records: what to look for and what comes back.

use std::sync::Arc;

use super::{LogStore, StoreError, StoreErrorKind};
use crate::query::Query;
use crate::record::LogRecord;
use crate::time::{Cursor, TimeRange};

/// Records of a page unless [`Search::limit`] says otherwise.
const PAGE: usize = 100;

/// What to look for, in which order, how much and from where on.
///
/// ```
/// use logsearch::query::parse;
/// use logsearch::{Search, TimeRange};
///
/// let errors = Search::new(parse("level:error").query).within(TimeRange::ALL).limit(20);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Search {
    /// Only records inside.
    pub range: TimeRange,
    /// Only records that match.
    pub query: Arc<Query>,
    /// Oldest first; otherwise newest first.
    pub ascending: bool,
    /// Continue strictly behind this record, in the asked order.
    pub after: Option<Cursor>,
    /// Maximum number of records, at most [`MAX_PAGE`].
    pub limit: usize,
}

impl Search {
    /// The newest 100 matches of all time.
    pub fn new(query: impl Into<Arc<Query>>) -> Self {
        let query = query.into();
        Self { range: TimeRange::ALL, query, ascending: false, after: None, limit: PAGE }
    }

    /// Only records inside this range.
    #[must_use]
    pub fn within(mut self, range: TimeRange) -> Self {
        self.range = range;
        self
    }

    /// Oldest first instead of newest first.
    #[must_use]
    pub fn oldest_first(self) -> Self {
        self.ascending(true)
    }

    /// Oldest first when `ascending`, otherwise newest first.
    #[must_use]
    pub fn ascending(mut self, ascending: bool) -> Self {
        self.ascending = ascending;
        self
    }

    /// Only records strictly behind this one, in the asked order; with `None`, from the start.
    #[must_use]
    pub fn after(mut self, cursor: impl Into<Option<Cursor>>) -> Self {
        self.after = cursor.into();
        self
    }

    /// At most so many records a page. A store takes at least 1 and at most [`MAX_PAGE`].
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// Maximum size of a page.
pub const MAX_PAGE: usize = 10_000;

/// Records in the asked order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchPage {
    /// The records.
    pub records: Vec<LogRecord>,
    /// Where the next page starts; `None` when this one is the last.
    pub next: Option<Cursor>,
    /// The search timed out or some records are not indexed yet: results are incomplete, and there may be
    /// more matches inside the span of this page.
    pub partial: bool,
    /// The reason is that some records are not indexed yet: ask again later.
    pub still_indexing: bool,
}

/// What is said where records are missing because they are not indexed yet.
pub const STILL_INDEXING: &str = "still indexing; results are incomplete";

impl SearchPage {
    /// Why the page is incomplete; `None` when it is whole.
    pub fn incomplete(&self) -> Option<&'static str> {
        incomplete(self.partial, self.still_indexing)
    }
}

fn incomplete(partial: bool, still_indexing: bool) -> Option<&'static str> {
    match (partial, still_indexing) {
        (_, true) => Some(STILL_INDEXING),
        (true, false) => Some("search timed out; results are incomplete"),
        (false, false) => None,
    }
}

/// Records around a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// Records before it, oldest first.
    pub before: Vec<LogRecord>,
    /// Records after it, oldest first.
    pub after: Vec<LogRecord>,
    /// Whether one side is incomplete because the search timed out or records are not indexed yet.
    pub partial: bool,
    /// The reason is that some records are not indexed yet.
    pub still_indexing: bool,
}

impl Context {
    /// Why a side is incomplete; `None` when both are whole.
    pub fn incomplete(&self) -> Option<&'static str> {
        incomplete(self.partial, self.still_indexing)
    }
}

/// Iterates over all pages of a search.
#[derive(Clone)]
pub struct Pages {
    store: Arc<dyn LogStore>,
    search: Search,
    is_done: bool,
}

impl Pages {
    /// All pages of a search, each of at most [`Search::limit`] records.
    pub fn new(store: Arc<dyn LogStore>, search: Search) -> Self {
        Self { store, search, is_done: false }
    }

    /// The next page; `None` behind the last. A partial page is a [`StoreErrorKind::Timeout`] or a
    /// [`StoreErrorKind::Indexing`], because a result with holes must not pass for a whole one.
    pub async fn next(&mut self) -> Result<Option<Vec<LogRecord>>, StoreError> {
        if self.is_done {
            return Ok(None);
        }
        let page = self.store.search(&self.search).await?;
        if let Some(reason) = page.incomplete() {
            let kind = if page.still_indexing {
                StoreErrorKind::Indexing
            } else {
                StoreErrorKind::Timeout
            };
            return Err(StoreError::bare(kind, reason));
        }
        self.search.after = page.next;
        self.is_done = page.next.is_none();
        Ok(Some(page.records))
    }
}
