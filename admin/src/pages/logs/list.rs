//! A page of records: columns, records, and links to the neighboring pages.

use logsearch::fields;
use logsearch::query::{Chips, Query};
use logsearch::store::{Cursor, LogStore, Search, SearchPage, StoreError, TimeRange};

use super::rows;
use crate::context::links::{Links, Place, View, cursor};
use crate::context::params::canonical_name;
use crate::context::window::Window;

/// Records per page.
const ROWS: usize = 100;

/// A column head.
pub struct Column {
    pub title: String,
    pub is_number: bool,
    pub remove: String,
}

/// The heads of these columns.
pub fn column_views(columns: &[String], view: &View, links: &Links) -> Vec<Column> {
    let column = |name: &String| Column {
        title: rows::column_title(name),
        is_number: fields::kind(&canonical_name(name)).is_number(),
        remove: links.logs(&view.columns(view.toggled_columns(name))),
    };
    columns.iter().map(column).collect()
}

/// A page of records.
pub struct List {
    pub page: SearchPage,
    pub newer: Option<Cursor>,
    pub older: Option<Cursor>,
}

/// The records of a page, newest first unless asked otherwise, and where its neighbors start.
pub async fn list(store: &dyn LogStore, view: &View, query: &Query) -> Result<List, StoreError> {
    let oldest_first = view.is_oldest_first();
    let (ascending, after) = match view.place {
        Place::Start => (oldest_first, None),
        Place::Older(at) => (false, Some(at)),
        Place::Newer(at) => (true, Some(at)),
    };
    let search = Search::new(query.clone())
        .within(view.window.range())
        .ascending(ascending)
        .after(after)
        .limit(ROWS);
    let mut page = store.search(&search).await?;
    let has_more = page.next.is_some();
    if ascending != oldest_first {
        page.records.reverse();
    }
    let (mut newest, mut oldest) = (page.records.first(), page.records.last());
    if oldest_first {
        (newest, oldest) = (oldest, newest);
    }
    // Behind the page there is more if the store says so; before it, if the page did not begin there.
    let moved = after.is_some();
    let newer = newest.map(cursor).filter(|_| if ascending { has_more } else { moved });
    let older = oldest.map(cursor).filter(|_| if ascending { moved } else { has_more });
    Ok(List { page, newer, older })
}

/// Suggestions for an empty result.
pub struct Empty {
    /// Longer windows, with their URLs.
    pub wider: Vec<(String, String)>,
    /// Each clause with the URL of the query without it.
    pub without: Vec<(String, String)>,
}

impl Empty {
    /// Builds the suggestions for the page at `path`.
    pub fn new(view: &View, chips: &Chips, links: &Links, path: &str) -> Self {
        let TimeRange { from, to } = view.window.range();
        let longer = ["24h", "7d", "30d"].iter().filter_map(|preset| {
            let window = Window::parse(Some(preset), None, view.window.now);
            let range = window.range();
            let is_longer = range.from < from && range.to >= to;
            is_longer.then(|| ((*preset).to_owned(), links.page(path, &view.within(window))))
        });
        let enabled = chips.0.iter().enumerate().filter(|(_, chip)| chip.enabled);
        let without = enabled.map(|(at, chip)| {
            let q = chips.clone().toggled(at).to_string();
            (chip.query.to_string(), links.page(path, &view.query(q)))
        });
        Self { wider: longer.collect(), without: without.collect() }
    }
}
