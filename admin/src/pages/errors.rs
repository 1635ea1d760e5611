//! Errors, grouped by the place in the code and the chain of errors with digits and ids masked. New is
//! what that place did not report in the week before the window.

pub mod group;
pub mod states;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use logsearch::fields;
use logsearch::query::{Chips, Query, parse};
use logsearch::record::{LogRecord, ValueRef};
use logsearch::store::{Aggregate, Aggregation, LogStore, MAX_PAGE, Search, StoreError, TimeRange};

use super::errors::states::Resolution;
use super::logs::rows::text_of;
use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::{Links, View, cursor};
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::data::summary;
use crate::format::{self, SECOND};
use crate::ui::charts::{Histogram, Sparkline};
use crate::ui::layout::{Layout, Section, render};

/// What counts as an error, in the query language.
const ERRORS: &str = "level:error OR error.message:*";
/// How far back a place is looked up to call it new, in microseconds.
const BEFORE: i64 = 7 * 86_400 * SECOND;
/// Places in the code that are looked up.
const PLACES: usize = 1_000;
/// Groups of a page.
const GROUPS: usize = 200;

#[derive(Template)]
#[template(path = "errors.html")]
struct ErrorsPage {
    layout: Layout,
    notices: Vec<String>,
    total: String,
    is_cut: bool,
    looked_at: String,
    histogram: Histogram,
    groups: Vec<GroupRow>,
}

/// A group on the page.
pub struct GroupRow {
    pub fingerprint: String,
    pub url: String,
    pub state: Resolution,
    pub releases: String,
    /// The first and the last of the window, in microseconds.
    pub seen: (i64, i64),
    pub is_new: bool,
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

/// Errors of one kind.
pub struct Group {
    pub place: String,
    pub newest: LogRecord,
    fingerprint: String,
    count: u64,
    pub first: i64,
    users: HashSet<String>,
    times: Vec<i64>,
}

/// `GET /errors`.
pub async fn show(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    params: Params,
) -> Result<Response, PanelError> {
    let view = params.view(panel.now());
    let parsed = parse(&view.q);
    let query = errors(&parsed.chips);
    let range = view.window.range();
    let (store, links) = (panel.store.as_ref(), &panel.links);
    let search = Search {
        range,
        query: Arc::new(query.clone()),
        ascending: false,
        after: None,
        limit: MAX_PAGE,
    };
    let (timeline, page, known, marks) = tokio::try_join!(
        summary::timeline(store, range, &query),
        store.search(&search),
        known_places(store, range),
        async { Ok(panel.marks(&view).await) },
    )?;
    let mut rows = rows(&groups(&page.records), &known, &view, links);
    let missing = states::annotate(&panel, &view, &mut rows).await;
    let notices = parsed.notices.iter().map(ToString::to_string);
    render(&ErrorsPage {
        layout: Layout::new(&panel, &operator, Section::Errors, "Errors", "/errors", &view),
        notices: notices.chain(missing).collect(),
        total: format::plural(timeline.total(), "error"),
        is_cut: page.next.is_some(),
        looked_at: format::count(page.records.len() as u64),
        histogram: Histogram::new(&timeline.buckets, timeline.interval, &view, links, "/errors")
            .marked(marks),
        groups: rows,
    })
}

/// The groups of a window, most frequent first but new ones before all others.
pub async fn groups_of(
    store: &dyn LogStore,
    view: &View,
    links: &Links,
    chips: &Chips,
) -> Result<Vec<GroupRow>, StoreError> {
    let range = view.window.range();
    let search = Search {
        range,
        query: Arc::new(errors(chips)),
        ascending: false,
        after: None,
        limit: MAX_PAGE,
    };
    let (page, known) = tokio::try_join!(store.search(&search), known_places(store, range))?;
    let mut rows = rows(&groups(&page.records), &known, view, links);
    rows.sort_by_key(|row| !row.is_new);
    Ok(rows)
}

/// Errors among what the clauses find.
pub fn errors(chips: &Chips) -> Query {
    chips.clone().with(parse(ERRORS).query).query()
}

/// The places that reported an error in the week before.
async fn known_places(
    store: &dyn LogStore,
    range: TimeRange,
) -> Result<HashSet<String>, StoreError> {
    let before = TimeRange { from: range.from.saturating_sub(BEFORE), to: range.from };
    let aggregation = Aggregation::EventTypes { size: PLACES };
    match store.aggregate(before, &parse(ERRORS).query, &aggregation).await? {
        Aggregate::EventTypes(types) => Ok(types.into_iter().map(|one| one.callsite).collect()),
        _ => Ok(HashSet::new()),
    }
}

/// A row per group; new is whose place is not known.
fn rows(groups: &[Group], known: &HashSet<String>, view: &View, links: &Links) -> Vec<GroupRow> {
    let row = |group: &Group| GroupRow {
        is_new: !known.contains(&group.place),
        ..group.row(view, links)
    };
    groups.iter().map(row).collect()
}

/// What a record shares with the others of its group: 16 hexadecimal digits (FNV-1a) of its place and
/// its masked chain, the same in every process and release.
pub fn fingerprint(record: &LogRecord) -> String {
    let chain = text_of(record, fields::ERROR_MESSAGE).unwrap_or_else(|| record.message.clone());
    format::fingerprint(&[&place(record), &mask(&chain)])
}

fn place(record: &LogRecord) -> String {
    text_of(record, fields::CALLSITE).unwrap_or_else(|| record.target.clone())
}

/// Groups of records that are given newest first, the newest group first.
pub fn groups(records: &[LogRecord]) -> Vec<Group> {
    let mut index: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for record in records {
        let fingerprint = fingerprint(record);
        let at = *index.entry(fingerprint.clone()).or_insert_with(|| {
            groups.push(Group {
                place: place(record),
                fingerprint,
                newest: record.clone(),
                count: 0,
                first: record.timestamp,
                users: HashSet::new(),
                times: Vec::new(),
            });
            groups.len() - 1
        });
        let group = &mut groups[at];
        group.count += 1;
        group.first = group.first.min(record.timestamp);
        group.users.extend(text_of(record, fields::USER_NAME));
        group.times.push(record.timestamp);
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups.truncate(GROUPS);
    groups
}

/// The text with everything that differs from case to case as one mark: numbers, ids, quoted parts.
pub fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(512));
    for word in text.split_inclusive(|c: char| c.is_whitespace() || ",;:()[]{}=/".contains(c)) {
        let end = word.trim_end_matches(|c: char| c.is_whitespace() || ",;:()[]{}=/".contains(c));
        let varies = end.chars().any(|c| c.is_ascii_digit()) || end.starts_with(['"', '\'', '`']);
        out.push_str(if varies { "#" } else { end });
        out.push_str(&word[end.len()..]);
        if out.len() > 512 {
            break;
        }
    }
    out
}

impl Group {
    /// What a page says of it, apart from what is known of it elsewhere.
    pub fn row(&self, view: &View, links: &Links) -> GroupRow {
        let newest = &self.newest;
        let clause = match newest.field(fields::CALLSITE) {
            Some(place) => Query::value_clause(fields::CALLSITE, place.as_ref()),
            None => Query::value_clause(fields::TARGET, ValueRef::Str(&newest.target)),
        };
        let chips = Chips::parse(&view.q).with(clause);
        let logs = view.query(errors(&chips).to_string());
        let range = view.window.range();
        let request = text_of(newest, fields::REQUEST_ID);
        GroupRow {
            url: links.page_in(&format!("/errors/{}", self.fingerprint), &view.window),
            fingerprint: self.fingerprint.clone(),
            state: Resolution::default(),
            releases: String::new(),
            seen: (self.first, newest.timestamp),
            is_new: false,
            count: format::count(self.count),
            level: newest.level.as_str(),
            message: newest.message.chars().take(300).collect(),
            chain: text_of(newest, fields::ERROR_MESSAGE).unwrap_or_default(),
            place: self.place.clone(),
            spark: Sparkline::of_times(&self.times, range.from, range.to),
            first: format::ago(self.first, view.window.now),
            last: format::ago(newest.timestamp, view.window.now),
            last_full: format::rfc3339(newest.timestamp),
            users: match self.users.len() {
                0 => String::new(),
                users => format::plural(users as u64, "user"),
            },
            logs: links.logs(&logs),
            example: links.event(cursor(newest)),
            request: request.map(|id| links.request(&id)).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_from_case_to_case_is_masked() {
        assert_eq!(mask("user 12 not found"), mask("user 7 not found"));
        assert_eq!(mask("key \"a\": 0x1f"), mask("key \"bc\": 0x2e"));
        assert_eq!(mask("database is locked"), "database is locked");
        assert_ne!(mask("database is locked"), mask("disk is full"));
        assert!(mask(&"æ ".repeat(10_000)).len() < 600);
    }
}
