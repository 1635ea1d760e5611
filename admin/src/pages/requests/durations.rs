//! Heatmap of request durations over time, with exact counts.

use std::sync::LazyLock;

use logsearch::query::{Chips, Query, parse};
use logsearch::store::{LogStore, StoreError};

use crate::context::links::{Links, View, path};
use crate::context::panel::Panel;
use crate::data::requests;
use crate::data::summary::timeline_of;
use crate::ui::charts::{DurationBand, Heatmap, Intervals};

/// Intervals of the drawing at most.
const COLUMNS: usize = 48;
/// Spans of durations, on a scale by logarithms: name and the clauses of those in it.
static SPANS: LazyLock<[(&str, Vec<Query>); 8]> = LazyLock::new(|| {
    let parsed = |clauses: &[&str]| clauses.iter().map(|clause| parse(clause).query).collect();
    CLAUSES.map(|(label, clauses)| (label, parsed(clauses)))
});
const CLAUSES: [(&str, &[&str]); 8] = [
    ("< 1 ms", &["duration:<1ms"]),
    ("1 – 3 ms", &["duration:>=1ms", "duration:<3ms"]),
    ("3 – 10 ms", &["duration:>=3ms", "duration:<10ms"]),
    ("10 – 30 ms", &["duration:>=10ms", "duration:<30ms"]),
    ("30 – 100 ms", &["duration:>=30ms", "duration:<100ms"]),
    ("100 – 300 ms", &["duration:>=100ms", "duration:<300ms"]),
    ("0.3 – 1 s", &["duration:>=300ms", "duration:<1s"]),
    ("≥ 1 s", &["duration:>=1s"]),
];

/// Heatmap of the requests counted by the charts.
pub async fn of_traffic(panel: &Panel, view: &View) -> Result<Heatmap, StoreError> {
    heatmap(panel.store.as_ref(), view, &Chips::parse(&panel.traffic_filter.text), &panel.links)
        .await
}

/// The heatmap of the requests that match; a cell leads to its requests.
pub async fn heatmap(
    store: &dyn LogStore,
    view: &View,
    chips: &Chips,
    links: &Links,
) -> Result<Heatmap, StoreError> {
    let range = view.window.range();
    let interval = range.interval(COLUMNS);
    let spans: Vec<Chips> = SPANS.iter().map(|(_, clauses)| narrowed(chips, clauses)).collect();
    let (mut bands, mut starts) = (Vec::new(), Vec::new());
    for ((label, _), chips) in SPANS.iter().zip(&spans) {
        let timeline = timeline_of(store, range, &requests::ends(&chips.query()), interval).await?;
        starts = timeline.buckets.iter().map(|bucket| bucket.start).collect();
        bands.push(DurationBand { label, counts: timeline.totals() });
    }
    let texts: Vec<String> = spans.iter().map(ToString::to_string).collect();
    let intervals = Intervals { starts, interval, window: view.window };
    Ok(Heatmap::new(&bands, &intervals, |span, window| {
        let q = texts.get(span).cloned().unwrap_or_default();
        links.page(path::REQUESTS, &view.query(q).within(window))
    }))
}

fn narrowed(chips: &Chips, clauses: &[Query]) -> Chips {
    clauses.iter().fold(chips.clone(), |chips, clause| chips.with(clause.clone()))
}
