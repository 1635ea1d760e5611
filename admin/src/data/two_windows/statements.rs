//! What SQL statements cost in two windows. Where the service measured its statements in both, figures are of
//! all runs; otherwise of the runs that were kept, of either.

use std::collections::HashMap;

use logsearch::fields;
use logsearch::query::Query;
use logsearch::store::{MAX_PAGE, Search, StoreError, TimeRange};

use super::{Pair, Verdict, has_rate_changed, length};
use crate::context::links::View;
use crate::context::panel::Panel;
use crate::data::statements::{Group, costs, groups, measure};
use crate::metrics::{Cost, Costs};

/// Runs in each window from which on a p95 is judged.
const LEAST: u64 = 100;
/// A p95 that changed by less than this factor is not judged: a histogram only tells between which bounds it
/// lies.
const NOTABLE: f64 = 1.5;

/// A statement in both windows.
pub struct StatementChange {
    pub name: String,
    /// Its text; empty if no run was kept.
    pub sql: String,
    pub costs: Pair<Cost>,
    pub verdict: Verdict,
    /// Database time in microseconds per second of the window, after less before.
    pub growth: f64,
}

/// Statements of both windows.
pub struct StatementChanges {
    /// The biggest change of the time they take together first.
    pub changes: Vec<StatementChange>,
    /// Whether figures are of all runs.
    pub is_measured: bool,
    /// Whether a window has more records of statements than were read.
    pub is_cut: bool,
    /// How much of each window the figures cover, in microseconds.
    pub covered: Pair<u64>,
}

impl StatementChanges {
    /// Reads and compares the statements of requests that match.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read(
        panel: &Panel,
        views: Pair<&View>,
        query: &Query,
    ) -> Result<Self, StoreError> {
        let has_statement = query.clone().and(Query::has_field(fields::DB_QUERY));
        let ranges =
            Pair { before: views.before.window.range(), after: views.after.window.range() };
        let search = |range| Search::new(has_statement.clone()).within(range).limit(MAX_PAGE);
        let (before, after) = (search(ranges.before), search(ranges.after));
        let (before, after) =
            tokio::try_join!(panel.store.search(&before), panel.store.search(&after))?;
        let is_cut = before.next.is_some() || after.next.is_some();
        let kept = Pair { before: groups(&before.records), after: groups(&after.records) };
        let mut kept = Pair {
            before: kept.before.into_values().collect::<Vec<_>>(),
            after: kept.after.into_values().collect(),
        };
        let costs = measured(panel, views, ranges);
        if let Some(costs) = &costs {
            measure(&mut kept.before, &costs.before);
            measure(&mut kept.after, &costs.after);
        }
        let covered = costs.as_ref().map_or_else(
            || Pair { before: length(ranges.before), after: length(ranges.after) },
            |costs| Pair {
                before: covered(ranges.before, &costs.before),
                after: covered(ranges.after, &costs.after),
            },
        );
        let changes = pair(kept, covered);
        Ok(Self { changes, is_measured: costs.is_some(), is_cut, covered })
    }
}

/// What all runs cost, if they were measured in most of both windows: what was not measured looks new.
fn measured(panel: &Panel, views: Pair<&View>, ranges: Pair<TimeRange>) -> Option<Pair<Costs>> {
    let costs = Pair { before: costs(panel, views.before)?, after: costs(panel, views.after)? };
    let is_covered = |range, costs: &Costs| 2 * covered(range, costs) > length(range);
    let both = is_covered(ranges.before, &costs.before) && is_covered(ranges.after, &costs.after);
    both.then_some(costs)
}

fn covered(range: TimeRange, costs: &Costs) -> u64 {
    length(TimeRange { from: range.from.max(costs.since), to: range.to })
}

fn pair(found: Pair<Vec<Group>>, covered: Pair<u64>) -> Vec<StatementChange> {
    let mut changes: HashMap<String, StatementChange> = HashMap::new();
    let key = |group: &Group| {
        if group.name.is_empty() { group.sql.clone() } else { group.name.clone() }
    };
    // Of two texts of one name, the newer one has the figures.
    for group in found.before.into_iter().filter(|group| !group.is_replaced) {
        let change = changes.entry(key(&group)).or_insert_with(|| named(&group));
        add(&mut change.costs.before, group.cost);
    }
    for group in found.after.into_iter().filter(|group| !group.is_replaced) {
        let change = changes.entry(key(&group)).or_insert_with(|| named(&group));
        if !group.sql.is_empty() {
            change.sql.clone_from(&group.sql);
        }
        add(&mut change.costs.after, group.cost);
    }
    let mut changes: Vec<StatementChange> = changes.into_values().collect();
    for change in &mut changes {
        change.verdict = verdict(change.costs, covered);
        change.growth =
            load(change.costs.after, covered.after) - load(change.costs.before, covered.before);
    }
    changes.sort_by(|left, right| {
        right.growth.abs().total_cmp(&left.growth.abs()).then_with(|| left.name.cmp(&right.name))
    });
    changes
}

fn named(group: &Group) -> StatementChange {
    StatementChange {
        name: group.name.clone(),
        sql: group.sql.clone(),
        costs: Pair::default(),
        verdict: Verdict::TooFew,
        growth: 0.0,
    }
}

/// Kept runs of two texts of one name count as one statement, as they do in metrics.
fn add(sum: &mut Cost, cost: Cost) {
    sum.times += cost.times;
    sum.micros += cost.micros;
    sum.p95 = sum.p95.max(cost.p95);
}

/// Microseconds of database time per second of the window.
#[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
pub fn load(cost: Cost, covered: u64) -> f64 {
    cost.micros as f64 / (covered as f64 / 1e6)
}

#[expect(clippy::cast_precision_loss, reason = "compared, not shown")]
fn verdict(costs: Pair<Cost>, covered: Pair<u64>) -> Verdict {
    let Pair { before, after } = costs;
    let runs = Pair { before: before.times, after: after.times };
    match (before.times, after.times) {
        // A rare statement runs in one window and not in the other by chance.
        (0, _) | (_, 0) if !has_rate_changed(runs, covered) => return Verdict::TooFew,
        (0, _) => return Verdict::New,
        (_, 0) => return Verdict::Gone,
        (was, is) if was.min(is) < LEAST => return Verdict::TooFew,
        _ => {}
    }
    let [was, is] = [before, after].map(|cost| cost.p95.unwrap_or(0).max(1) as f64);
    if was.max(is) < was.min(is) * NOTABLE {
        return Verdict::Unchanged;
    }
    Verdict::of_rise(is > was)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, times: u64, micros: i64, p95: i64) -> Group {
        let cost = Cost { times, micros, p95: Some(p95), ..Cost::default() };
        Group { name: name.to_owned(), sql: format!("SELECT '{name}'"), cost, ..Group::default() }
    }

    #[test]
    fn the_biggest_change_of_load_comes_first_and_windows_of_any_length_compare() {
        let before = vec![
            group("same", 600, 600_000, 1_000),
            group("slower", 600, 600_000, 1_000),
            group("gone", 600, 60_000, 100),
            group("rare", 3, 3_000, 1_000),
        ];
        let after = vec![
            group("same", 100, 100_000, 1_100),
            group("slower", 100, 900_000, 9_000),
            group("new", 30, 20_000, 2_000),
            group("daily", 1, 1_000, 1_000),
            group("rare", 3, 90_000, 30_000),
        ];
        let covered = Pair { before: 60_000_000, after: 10_000_000 };
        let changes = pair(Pair { before, after }, covered);
        let found: Vec<_> =
            changes.iter().map(|one| (one.name.as_str(), one.verdict.name())).collect();
        let wanted = [
            ("slower", "worse"),
            ("rare", "too-few"),
            ("new", "new"),
            ("gone", "gone"),
            ("daily", "too-few"),
            ("same", "unchanged"),
        ];
        assert_eq!(found, wanted);
        assert!((changes[0].growth - 80_000.0).abs() < 1e-6 && changes[5].growth.abs() < 1e-6);
    }
}
