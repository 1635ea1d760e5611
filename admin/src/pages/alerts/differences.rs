//! What differs from the time before, with the records of each value.

use logsearch::query::parse;

use crate::context::links::{Links, View};
use crate::context::params::short_name;
use crate::data::comparison::{Difference, Differences};
use crate::format;

/// The section of a page.
pub struct DifferencesView {
    pub rows: Vec<DifferenceRow>,
    /// `the 1 h before, 4,021 records`.
    pub before: String,
    /// `4,021 records` of the time before.
    pub records: String,
    pub is_comparable: bool,
}

/// A value whose share changed.
pub struct DifferenceRow {
    pub field: String,
    pub value: String,
    pub url: String,
    pub rose: bool,
    pub share: String,
    pub share_before: String,
    pub counts: String,
}

impl DifferencesView {
    /// The differences of the view's window.
    pub fn new(differences: &Differences, view: &View, links: &Links) -> Self {
        let length = format::about(differences.length);
        let records = format::plural(differences.total_before, "record");
        let row = |one: &Difference| row(one, differences, view, links);
        Self {
            rows: differences.found.iter().map(row).collect(),
            before: format!("the {length} before, {records}"),
            records,
            is_comparable: differences.is_comparable(),
        }
    }
}

fn row(one: &Difference, all: &Differences, view: &View, links: &Links) -> DifferenceRow {
    let [during, total] = [one.during, all.total].map(format::count);
    let [before, total_before] = [one.before, all.total_before].map(format::count);
    DifferenceRow {
        field: short_name(&one.field),
        value: one.value.clone(),
        url: links.logs(&view.query(parse(&view.q).query.and(one.clause()).to_string())),
        rose: one.rose(all.total, all.total_before),
        share: format::percent(one.during, all.total),
        share_before: format::percent(one.before, all.total_before),
        counts: format!("{during} of {total}, before {before} of {total_before}"),
    }
}
