//! Rows of the page: a figure, an error or a statement, before and after, with what became of it in words.

use logsearch::query::parse;
use logsearch::store::TimeRange;

use super::windows::Windows;
use crate::context::links::{Links, View, path};
use crate::context::panel::TrafficFilter;
use crate::data::requests::{FAILED, of_traffic};
use crate::data::two_windows::errors::ErrorChange;
use crate::data::two_windows::statements::{StatementChange, StatementChanges, load};
use crate::data::two_windows::{Pair, RequestChange, Verdict, length, per_second};
use crate::format;
use crate::metrics::Cost;
use crate::pages::errors::rows::{GroupRow, row as group_row};
use crate::ui::table::{Column, Table, figure, number, text};

/// A figure of requests.
pub struct FigureRow {
    /// Its name in the markup.
    pub name: &'static str,
    pub title: &'static str,
    pub cells: [Cell; 2],
    pub ratio: String,
    pub verdict: Verdict,
}

/// A figure in a window.
pub struct Cell {
    pub text: String,
    /// What it is of.
    pub of: String,
    /// URL of the requests; empty when there are none.
    pub url: String,
}

/// A group of errors.
pub struct ErrorRow {
    pub group: GroupRow,
    pub counts: [String; 2],
    pub verdict: Verdict,
    pub is_known: bool,
}

/// A statement.
pub struct StatementRow {
    pub name: String,
    pub sql: String,
    /// URL of its page; empty if no run was kept.
    pub url: String,
    pub time: [String; 2],
    pub runs: [String; 2],
    pub p95: [String; 2],
    pub verdict: Verdict,
}

/// The columns of the errors.
const ERROR_COLUMNS: [Column<ErrorChange>; 4] = [
    text("error", |change| change.group.newest.message.clone()),
    figure("before", |change| number(i64::try_from(change.counts.before).ok())),
    figure("after", |change| number(i64::try_from(change.counts.after).ok())),
    text("change", |change| change.verdict.text().to_owned()),
];

/// The columns of the statements.
const STATEMENT_COLUMNS: [Column<StatementChange>; 5] = [
    text("statement", |change| format!("{} {}", change.name, change.sql)),
    figure("DB time", |change| change.growth),
    figure("runs", |change| number(i64::try_from(change.costs.after.times).ok())),
    figure("p95", |change| number(change.costs.after.p95)),
    text("change", |change| change.verdict.text().to_owned()),
];

/// Both ends of a window and its length.
pub fn window_label(view: &View) -> String {
    let window = view.window;
    format!("{} ({})", window.pinned().label(), format::about(window.length()))
}

/// How much larger a figure became: `1.35×`; empty where there is nothing to divide.
fn ratio(figures: Pair<f64>) -> String {
    if figures.before <= 0.0 || figures.after <= 0.0 {
        return String::new();
    }
    format!("{}×", format::number(figures.after / figures.before))
}

/// Rate, failures, median and p95 of the requests.
pub fn figures(
    change: &RequestChange,
    windows: &Windows,
    traffic: &TrafficFilter,
    links: &Links,
) -> [FigureRow; 4] {
    let views = [&windows.before, &windows.after];
    let requests = [&change.requests.before, &change.requests.after];
    let ranges = windows.ranges();
    let lengths = [ranges.before, ranges.after].map(length);
    let all = of_traffic(&windows.after.q, &traffic.text);
    let failed = parse(&all).query.and(FAILED.clone()).to_string();
    let cells = |text: &dyn Fn(usize) -> String, of: &dyn Fn(usize) -> String, q: &str| {
        [0, 1].map(|at| Cell {
            text: text(at),
            of: of(at),
            url: match requests[at].count {
                0 => String::new(),
                _ => links.page(path::REQUESTS, &views[at].query(q)),
            },
        })
    };
    let count = |at: usize| format::plural(requests[at].count, "request");
    let rate = |at: usize| per_second(requests[at].count, lengths[at]);
    let share = |at: usize| per_second(requests[at].failed, requests[at].count.max(1) * 1_000_000);
    let pair = |figure: &dyn Fn(usize) -> f64| Pair { before: figure(0), after: figure(1) };
    let latency = |name, title, which: usize| FigureRow {
        name,
        title,
        cells: cells(&|at| latency_text(requests[at].latency[which]), &count, &all),
        ratio: ratio(pair(&|at| requests[at].latency[which].unwrap_or(0.0))),
        verdict: change.latency[which],
    };
    let failed_of = |at: usize| format!("{} of {}", format::count(requests[at].failed), count(at));
    [
        FigureRow {
            name: "rate",
            title: "Requests per second",
            cells: cells(&|at| format!("{}/s", format::number(rate(at))), &count, &all),
            ratio: ratio(pair(&rate)),
            verdict: change.rate,
        },
        FigureRow {
            name: "failures",
            title: "Failed (5xx or gave up)",
            cells: cells(
                &|at| format::percent(requests[at].failed, requests[at].count),
                &failed_of,
                &failed,
            ),
            ratio: ratio(pair(&share)),
            verdict: change.failures,
        },
        latency("p50", "Latency, median", 0),
        latency("p95", "Latency, p95", 1),
    ]
}

#[expect(clippy::cast_possible_truncation, reason = "a duration to read")]
fn latency_text(micros: Option<f64>) -> String {
    micros.map_or_else(|| "–".to_owned(), |micros| format::duration(micros.round() as i64))
}

/// The table of errors.
pub fn error_table(
    changes: Vec<ErrorChange>,
    windows: &Windows,
    at: (&View, &Links, &str),
) -> Table<ErrorRow> {
    let links = at.1;
    Table::new("compared-errors", &ERROR_COLUMNS, changes, at, |change| {
        let is_gone = change.verdict == Verdict::Gone;
        let view = if is_gone { &windows.before } else { &windows.after };
        ErrorRow {
            group: group_row(&change.group, view, links),
            counts: [change.counts.before, change.counts.after].map(format::count),
            verdict: change.verdict,
            is_known: change.is_known,
        }
    })
}

/// The table of statements.
pub fn statement_table(
    changes: Vec<StatementChange>,
    covered: Pair<u64>,
    windows: &Windows,
    at: (&View, &Links, &str),
) -> Table<StatementRow> {
    let links = at.1;
    Table::new("compared-statements", &STATEMENT_COLUMNS, changes, at, |change| {
        let is_gone = change.verdict == Verdict::Gone;
        let view = if is_gone { &windows.before } else { &windows.after };
        let url = links.page_in(&Links::statement_path(&change.sql), &view.window);
        let of = |text: &dyn Fn(Cost, u64) -> String| {
            let Pair { before, after } = change.costs;
            [text(before, covered.before), text(after, covered.after)]
        };
        StatementRow {
            time: of(&|cost, covered| latency_text(Some(load(cost, covered)))),
            runs: of(&|cost, covered| format::number(per_second(cost.times, covered))),
            p95: of(&|cost, _| cost.p95.map_or_else(|| "–".to_owned(), format::duration)),
            url: if change.sql.is_empty() { String::new() } else { url },
            name: change.name,
            sql: change.sql,
            verdict: change.verdict,
        }
    })
}

/// What the figures of statements are of.
pub fn statements_note(found: &StatementChanges, ranges: Pair<TimeRange>) -> String {
    let about = |micros: u64| format::about(i64::try_from(micros).unwrap_or(i64::MAX));
    let cut = if found.is_cut { ", the newest in each window" } else { "" };
    if !found.is_measured {
        return format!(
            "Kept runs only{cut}: failed, slow and N+1 requests, and a sample of the rest."
        );
    }
    let Pair { before, after } = found.covered;
    if before < length(ranges.before) || after < length(ranges.after) {
        let (before, after) = (about(before), about(after));
        return format!("All runs; measured for {before} before and {after} after.");
    }
    "All runs.".to_owned()
}
