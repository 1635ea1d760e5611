//! Event types: records grouped by the place in the code that emitted them. No guessing at message
//! texts is needed, because every record carries its callsite.

use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::response::Response;
use futures_util::future::try_join_all;
use logsearch::fields;
use logsearch::query::{Chips, Query};
use logsearch::record::ValueRef;
use logsearch::store::{EventType, LogStore, StoreError};

use super::head::Head;
use super::list::Empty;
use super::overview::Overview;
use crate::context::error::PanelError;
use crate::context::links::{Links, View, path};
use crate::data::summary;
use crate::format;
use crate::pages::query_box;
use crate::pages::visit::Visit;
use crate::ui::charts::Sparkline;
use crate::ui::layout::{Layout, Section};
use crate::ui::table::{Column, Table, figure, number, text, unsorted};

/// Event types per page.
const TYPES: usize = 50;
/// Rows with a trend; each needs a search of its own.
const DRAWN: usize = 20;
/// Maximum number of bars in a trend.
const BARS: usize = 30;

#[derive(Template)]
#[template(path = "patterns.html", block = "top")]
struct PatternsPage<'a> {
    layout: &'a Layout,
    head: Head,
    is_cut: bool,
    rows: Table<PatternRow>,
    empty: Option<Empty>,
}

/// A row: an event type with its links.
struct PatternRow {
    count: String,
    share: String,
    level: &'static str,
    place: String,
    example: String,
    spark: Option<Sparkline>,
    last: String,
    last_full: String,
    only: String,
    without: String,
}

/// `GET /logs/patterns`.
pub async fn show(visit: Visit) -> Result<Response, PanelError> {
    let (view, panel) = (visit.view().tailing(false), &visit.panel);
    let parsed = query_box::read(panel, &view).await;
    let started = Instant::now();
    let (store, range) = (panel.store.as_ref(), view.window.range());
    let types = store.event_types(range, &parsed.query, TYPES).await?;
    let sparks = sparks(store, &view, &parsed.query, &types).await?;
    let layout = visit.layout(Section::Logs, "Patterns", path::PATTERNS, &view);
    let chips = Chips::of(&parsed);
    let page = PatternsPage {
        layout: &layout,
        head: Head::new(panel, path::PATTERNS, &view, &parsed),
        is_cut: types.len() == TYPES,
        empty: types.is_empty().then(|| Empty::new(&view, &chips, &panel.links, path::PATTERNS)),
        rows: rows(types, sparks, &view, &chips, &panel.links),
    };
    let first = page.render()?;
    let first_took = format!("patterns in {}", format::elapsed(started));
    let panel = Arc::clone(panel);
    Ok(Overview { panel, layout, path: path::PATTERNS, view, parsed, first_took }.after(first))
}

/// The columns of the table.
const COLUMNS: [Column<(EventType, Option<Sparkline>)>; 6] = [
    figure("count", |(one, _)| number(Some(one.count.cast_signed()))),
    figure("share", |(one, _)| number(Some(one.count.cast_signed()))),
    unsorted("trend"),
    text("event type and latest message", |(one, _)| format!("{} {}", one.callsite, one.example)),
    figure("last seen", |(one, _)| number(Some(one.seen.1))),
    unsorted("exclude"),
];

fn rows(
    types: Vec<EventType>,
    sparks: Vec<Sparkline>,
    view: &View,
    chips: &Chips,
    links: &Links,
) -> Table<PatternRow> {
    let total = types.iter().map(|one| one.count).sum();
    let sparks = sparks.into_iter().map(Some).chain(std::iter::repeat_with(|| None));
    let types: Vec<_> = types.into_iter().zip(sparks).collect();
    Table::new("types", &COLUMNS, types, (view, links, path::PATTERNS), |(one, spark)| {
        row(&one, spark, total, view, chips, links)
    })
}

async fn sparks(
    store: &dyn LogStore,
    view: &View,
    query: &Query,
    types: &[EventType],
) -> Result<Vec<Sparkline>, StoreError> {
    let range = view.window.range();
    let interval = range.interval(BARS);
    let one = async |one: &EventType| {
        let query = query.clone().and(clause(one));
        let timeline = summary::timeline_of(store, range, &query, interval).await?;
        Ok(Sparkline::of_counts(&timeline.totals()))
    };
    try_join_all(types.iter().take(DRAWN).map(one)).await
}

/// Where the place is not known, its target stands for it.
fn clause(one: &EventType) -> Query {
    let is_place =
        one.callsite.rsplit_once(':').is_some_and(|(_, line)| line.parse::<u32>().is_ok());
    let field = if is_place { fields::CALLSITE } else { fields::TARGET };
    Query::value_clause(field, ValueRef::Str(&one.callsite))
}

fn row(
    one: &EventType,
    spark: Option<Sparkline>,
    total: u64,
    view: &View,
    chips: &Chips,
    links: &Links,
) -> PatternRow {
    let clause = clause(one);
    let with = |clause| chips.clone().with(clause).to_string();
    PatternRow {
        count: format::count(one.count),
        share: format::percent(one.count, total),
        level: one.level.as_str(),
        place: one.callsite.clone(),
        example: one.example.chars().take(300).collect(),
        spark,
        last: format::ago(one.seen.1, view.window.now),
        last_full: format::rfc3339(one.seen.1),
        only: links.logs(&view.query(with(clause.clone()))),
        without: links.page(path::PATTERNS, &view.query(with(!clause))),
    }
}
