//! Groups of errors as the lists of several pages show them, with what became of each: open, resolved, or
//! back after that.

use std::collections::HashSet;

use logsearch::fields;
use logsearch::query::{Query, parse};
use logsearch::record::ValueRef;
use logsearch::store::{LogStore, MAX_PAGE, Search, StoreError};

use crate::context::links::{Links, View, cursor};
use crate::context::panel::Panel;
use crate::data::error_states::{self, Releases, note_return};
use crate::data::errors::{Group, errors, groups, known_places};
use crate::data::record::text_of;
use crate::format;
use crate::host::ErrorState;
use crate::ui::charts::Sparkline;
use crate::ui::table::{Column, Table, figure, number, text, unsorted};

/// A row of the error list.
pub struct GroupRow {
    pub fingerprint: String,
    pub url: String,
    pub state: Resolution,
    pub releases: String,
    /// First and last occurrence in the window, in microseconds since the Unix epoch.
    pub seen: (i64, i64),
    pub is_new: bool,
    pub occurrences: u64,
    pub count: String,
    pub level: &'static str,
    pub message: String,
    pub chain: String,
    pub place: String,
    pub spark: Sparkline,
    pub first: String,
    pub last: String,
    pub last_full: String,
    pub users: String,
    pub logs: String,
    pub example: String,
    pub request: String,
}

/// The columns of the table of groups.
const COLUMNS: [Column<GroupRow>; 7] = [
    text("error", |row| row.message.clone()),
    figure("count", |row| number(i64::try_from(row.occurrences).ok())),
    unsorted("trend"),
    figure("first seen", |row| number(Some(row.seen.0))),
    figure("last seen", |row| number(Some(row.seen.1))),
    text("releases", |row| row.releases.clone()),
    text("users", |row| row.users.clone()),
];

/// The table of these groups on the page at `path`.
pub fn table(rows: Vec<GroupRow>, view: &View, links: &Links, path: &str) -> Table<GroupRow> {
    Table::new("groups", &COLUMNS, rows, (view, links, path), |row| row)
}

/// Error groups of a window: new ones first, then by frequency.
pub async fn groups_of(
    store: &dyn LogStore,
    view: &View,
    links: &Links,
    query: &Query,
) -> Result<Vec<GroupRow>, StoreError> {
    let range = view.window.range();
    let search = Search::new(errors(query)).within(range).limit(MAX_PAGE);
    let (page, known) = tokio::try_join!(store.search(&search), known_places(store, range))?;
    let mut rows = rows(&groups(&page.records), &known, view, links);
    rows.sort_by_key(|row| !row.is_new);
    Ok(rows)
}

/// Builds one row per group; groups of unknown locations are new.
pub fn rows(
    groups: &[Group],
    known: &HashSet<String>,
    view: &View,
    links: &Links,
) -> Vec<GroupRow> {
    let row = |group: &Group| GroupRow {
        is_new: !known.contains(&group.place),
        ..row(group, view, links)
    };
    groups.iter().map(row).collect()
}

/// What a page says of a group, apart from what is known of it elsewhere.
pub fn row(group: &Group, view: &View, links: &Links) -> GroupRow {
    let newest = &group.newest;
    let clause = match newest.field(fields::CALLSITE) {
        Some(place) => Query::value_clause(fields::CALLSITE, place.as_ref()),
        None => Query::value_clause(fields::TARGET, ValueRef::Str(&newest.target)),
    };
    let logs = view.query(errors(&parse(&view.q).query.and(clause)).to_string());
    let range = view.window.range();
    let request = text_of(newest, fields::REQUEST_ID);
    GroupRow {
        url: links.page_in(&Links::error_path(&group.fingerprint), &view.window),
        fingerprint: group.fingerprint.clone(),
        state: Resolution::default(),
        releases: String::new(),
        seen: (group.first, newest.timestamp),
        is_new: false,
        occurrences: group.count,
        count: format::count(group.count),
        level: newest.level.as_str(),
        message: newest.message.chars().take(300).collect(),
        chain: text_of(newest, fields::ERROR_MESSAGE).unwrap_or_default(),
        place: group.place.clone(),
        spark: Sparkline::of_times(&group.times, range.from, range.to),
        first: format::ago(group.first, view.window.now),
        last: format::ago(newest.timestamp, view.window.now),
        last_full: format::rfc3339(newest.timestamp),
        users: match group.users.len() {
            0 => String::new(),
            users => format::plural(users as u64, "user"),
        },
        logs: links.logs(&logs),
        example: links.event(cursor(newest)),
        request: request.map(|id| links.request(&id)).unwrap_or_default(),
    }
}

/// Label of an error's state; empty while open.
#[derive(Clone)]
pub struct Resolution {
    /// `open`, `resolved` or `reopened`.
    pub status: &'static str,
    pub text: String,
    pub class: &'static str,
    pub is_resolved: bool,
}

impl Default for Resolution {
    fn default() -> Self {
        Self { status: "open", text: String::new(), class: "", is_resolved: false }
    }
}

/// Adds states and releases to rows: resolved ones come last, and what came back is noted for everybody.
pub async fn annotate(panel: &Panel, view: &View, rows: &mut [GroupRow]) -> Vec<String> {
    let mut notices = Vec::new();
    let states = error_states::all(panel, &mut notices).await;
    let releases = Releases::around(panel, view, &mut notices).await;
    for row in rows.iter_mut() {
        row.releases = releases.over(row.seen.0, row.seen.1);
        if let Some(state) = states.get(&row.fingerprint) {
            let came_back = note_return(panel, state, row.seen.1, &releases, &mut notices).await;
            row.state = resolution(state, came_back.as_deref(), view.window.now);
            row.is_new = false;
        }
    }
    rows.sort_by_key(|row| row.state.is_resolved);
    notices
}

/// The label of a state.
pub fn resolution(state: &ErrorState, came_back: Option<&str>, now: i64) -> Resolution {
    if let Some(version) = came_back {
        let text = format!("reopened in {version}");
        return Resolution { status: "reopened", text, class: "error", is_resolved: false };
    }
    let ErrorState { resolved_version: version, resolved_by: by, .. } = state;
    let ago = format::ago(state.resolved_at, now);
    let text = format!("resolved in {version}, {ago} by {by}");
    Resolution { status: "resolved", text, class: "done", is_resolved: true }
}
