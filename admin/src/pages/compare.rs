//! Two windows side by side: whether something, a deployment above all, made the service worse. Rate,
//! failures, latency, errors, statements and the values whose share changed, before and after. Without a
//! window of its own, before is as long as after and ends where it begins.

mod rows;
mod windows;

use askama::Template;
use axum::response::Response;
use logsearch::query::{Parsed, Query};
use logsearch::store::StoreError;

use super::marks;
use super::query_box::{self, QueryBox};
use crate::context::error::PanelError;
use crate::context::links::Links;
use crate::context::panel::Panel;
use crate::data::comparison::{self, Differences};
use crate::data::requests::ends;
use crate::data::summary::{self, Timeline};
use crate::data::two_windows::errors::ErrorChanges;
use crate::data::two_windows::statements::StatementChanges;
use crate::data::two_windows::{Pair, RequestChange};
use crate::format::SECOND;
use crate::pages::alerts::differences::DifferencesView;
use crate::pages::visit::Visit;
use crate::ui::charts::{Histogram, Marks, highest};
use crate::ui::layout::{Layout, Section, render};
use crate::ui::table::Table;
use rows::{ErrorRow, FigureRow, StatementRow};
use windows::{Windows, WindowsForm};

#[derive(Template)]
#[template(path = "compare.html")]
struct ComparePage {
    layout: Layout,
    query: QueryBox,
    form: WindowsForm,
    sides: [Side; 2],
    figures: [FigureRow; 4],
    errors: Table<ErrorRow>,
    are_errors_cut: bool,
    statements: Table<StatementRow>,
    /// Whether figures of statements are of all runs.
    are_all_runs: bool,
    statements_note: String,
    differences: DifferencesView,
}

/// A window on the page.
struct Side {
    name: &'static str,
    label: String,
    logs: String,
    histogram: Histogram,
}

/// What both windows have.
struct Found {
    requests: RequestChange,
    errors: ErrorChanges,
    statements: StatementChanges,
    differences: Differences,
    /// Length of the intervals of both timelines, in microseconds.
    interval: i64,
    timelines: Pair<Timeline>,
    marks: Pair<Marks>,
}

/// `GET /compare`.
pub async fn show(visit: Visit) -> Result<Response, PanelError> {
    let panel = &visit.panel;
    let windows = Windows::read(&visit.params, &visit.frame());
    let parsed = query_box::read(panel, &windows.after).await;
    if let Some(found) = query_box::jump(panel, &parsed).await {
        return Ok(found);
    }
    let found = Found::load(panel, &windows, &parsed.query).await?;
    let (title, path) = (found.title(&windows), windows.path());
    let layout = visit.layout(Section::Requests, &title, &path, &windows.after);
    render(&ComparePage::new(layout, found, &parsed, &windows, panel))
}

impl Found {
    async fn load(panel: &Panel, windows: &Windows, query: &Query) -> Result<Self, StoreError> {
        let (store, base) = (panel.store.as_ref(), panel.links.base());
        let ranges = windows.ranges();
        let traffic = query.clone().and(panel.traffic_filter.query.clone());
        let all = ends(&traffic);
        let intervals = [ranges.before, ranges.after].map(summary::interval);
        let interval = intervals[0].max(intervals[1]);
        let views = Pair { before: &windows.before, after: &windows.after };
        let (requests, errors, statements, differences, before, after, marks) = tokio::try_join!(
            RequestChange::read(store, ranges, &traffic),
            ErrorChanges::read(store, ranges, query),
            StatementChanges::read(panel, views, &traffic),
            comparison::differences_from(store, ranges.after, ranges.before, query, base),
            summary::timeline_of(store, ranges.before, &all, interval),
            summary::timeline_of(store, ranges.after, &all, interval),
            async {
                Ok(Pair {
                    before: marks::of_window(panel, views.before).await,
                    after: marks::of_window(panel, views.after).await,
                })
            },
        )?;
        let timelines = Pair { before, after };
        Ok(Self { requests, errors, statements, differences, interval, timelines, marks })
    }

    /// Names the deployment with which the window begins, or else both windows.
    fn title(&self, windows: &Windows) -> String {
        let from = windows.ranges().after.from;
        let begins = |at: i64| (from..from.saturating_add(SECOND)).contains(&at);
        if let Some(line) = self.marks.after.lines.iter().find(|line| begins(line.at)) {
            return format!("Before and after {}", line.label);
        }
        let [after, before] = [&windows.after, &windows.before].map(|view| view.window.label());
        format!("Compare {after} with {before}")
    }
}

impl ComparePage {
    fn new(
        layout: Layout,
        found: Found,
        parsed: &Parsed,
        windows: &Windows,
        panel: &Panel,
    ) -> Self {
        let (links, path) = (&panel.links, windows.path());
        let at = (&windows.after, links, path.as_str());
        let mut query = QueryBox::new(links, &path, &windows.after, parsed);
        query.keep.extend(windows.chosen());
        let before = windows.before.window.label();
        let mut differences = DifferencesView::new(&found.differences, &windows.after, links);
        differences.before = format!("{before}, {}", differences.records);
        let statements_note = rows::statements_note(&found.statements, windows.ranges());
        let covered = found.statements.covered;
        Self {
            query,
            form: windows.form(),
            figures: rows::figures(&found.requests, windows, &panel.traffic_filter, links),
            sides: sides(&found.timelines, found.marks, found.interval, windows, links),
            are_errors_cut: found.errors.is_cut,
            errors: rows::error_table(found.errors.changes, windows, at),
            are_all_runs: found.statements.is_measured,
            statements: rows::statement_table(found.statements.changes, covered, windows, at),
            statements_note,
            differences,
            layout,
        }
    }
}

/// Requests over time in both windows, to the same scale. Bars and drags choose their own window.
fn sides(
    timelines: &Pair<Timeline>,
    marks: Pair<Marks>,
    interval: i64,
    windows: &Windows,
    links: &Links,
) -> [Side; 2] {
    let max = highest(&timelines.before.buckets).max(highest(&timelines.after.buckets));
    let scale = (interval, max);
    let choose_before = |window| links.page(&windows.with_before(window).path(), &windows.after);
    let choose_after = |window| links.page(&windows.path(), &windows.after.within(window));
    let (before, after) = (windows.before.window, windows.after.window);
    let before_chart = Histogram::linking(&timelines.before.buckets, scale, before, &choose_before);
    let after_chart = Histogram::linking(&timelines.after.buckets, scale, after, &choose_after);
    let side = |name, view, histogram| Side {
        name,
        label: rows::window_label(view),
        logs: links.logs(view),
        histogram,
    };
    [
        side("Before", &windows.before, before_chart.marked(marks.before).setting(windows::NAMES)),
        side("After", &windows.after, after_chart.marked(marks.after)),
    ]
}
