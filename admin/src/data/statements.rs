//! What SQL statements cost. Where the service measures its statements the figures are of all runs; texts,
//! slowest runs and what repeats come from the requests that were kept in full.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use logsearch::fields;
use logsearch::query::Query;
use logsearch::record::LogRecord;

use super::profile::{Statement, dedup_statements, statement};
use super::record::text_of;
use crate::context::error::PanelError;
use crate::context::links::View;
use crate::context::panel::Panel;
use crate::format;
use crate::metrics::{Cost, Costs};

/// Different statements among which one is found by its fingerprint; no service has a tenth of them.
const STATEMENTS: usize = 5_000;

/// A statement, aggregated over requests.
#[derive(Default)]
pub struct Group {
    pub name: String,
    /// SQL text; empty if no run was kept.
    pub sql: String,
    /// The time of its newest record.
    pub newest: i64,
    /// A newer text has its name, and so the figures of all runs.
    pub is_replaced: bool,
    pub callsite: String,
    /// Of kept runs, until that of all is known.
    pub cost: Cost,
    /// What one run took, of each record; ascending once the group is whole.
    pub each: Vec<i64>,
    pub failed: u64,
    pub repeated: u64,
    pub worst: Option<(i64, String)>,
    /// The slowest run in microseconds, and whether it is only known to be at least that.
    pub slowest: Option<(i64, bool)>,
}

/// Puts the figures of all runs in the place of those of kept ones, and adds statements of which none
/// was kept. Metrics know names alone: of two texts of one name, as around a deployment, the newer one
/// gets them.
pub fn measure(groups: &mut Vec<Group>, costs: &Costs) {
    let mut kept = HashSet::new();
    groups.sort_by_key(|group| Reverse(group.newest));
    for group in &mut *groups {
        let Some(cost) = costs.statements.get(&group.name) else { continue };
        if kept.insert(group.name.clone()) {
            group.cost = *cost;
        } else {
            group.is_replaced = true;
        }
    }
    let others = costs.statements.iter().filter(|(name, _)| !kept.contains(*name));
    groups.extend(others.map(|(name, cost)| Group {
        name: name.clone(),
        cost: *cost,
        ..Group::default()
    }));
    for group in groups {
        group.slowest = group.cost.reconcile(group.worst.as_ref().map(|(slowest, _)| *slowest));
    }
}

/// The statements of these records, by their text.
pub fn groups(records: &[LogRecord]) -> HashMap<String, Group> {
    let mut groups: HashMap<String, Group> = HashMap::new();
    for record in dedup_statements(records) {
        let one = statement(record, record.timestamp);
        let group = groups.entry(one.sql.clone()).or_default();
        group.sql.clone_from(&one.sql);
        group.newest = group.newest.max(record.timestamp);
        let each = one.micros / i64::try_from(one.times).unwrap_or(1).max(1);
        group.cost.times += one.times;
        group.cost.micros += one.micros;
        group.each.push(each);
        group.failed += u64::from(one.failed);
        group.repeated += u64::from(one.is_repeated());
        if group.worst.as_ref().is_none_or(|(worst, _)| each > *worst) {
            let request = text_of(record, fields::REQUEST_ID).unwrap_or_default();
            group.worst = Some((each, request));
        }
        group.name = one.name;
        group.callsite = one.callsite;
    }
    for group in groups.values_mut() {
        group.each.sort_unstable();
        group.cost.p95 = Some(group.each[(group.each.len() - 1) * 95 / 100]);
        group.slowest = group.each.last().map(|slowest| (*slowest, false));
    }
    groups
}

/// What all runs cost, unless only some requests are asked for.
pub fn costs(panel: &Panel, view: &View) -> Option<Costs> {
    let range = view.window.range();
    let metrics = panel.host.metrics().filter(|_| view.q.trim().is_empty())?;
    metrics.statements(range.from, range.to)
}

/// A record with what it says of the statement.
pub struct Run<'a> {
    pub record: &'a LogRecord,
    pub statement: Statement,
    pub each: i64,
}

/// The text of the statement with this fingerprint.
///
/// # Errors
/// [`PanelError::NotFound`] if it ran neither in the window nor around it.
pub async fn text_for(panel: &Panel, view: &View, fingerprint: &str) -> Result<String, PanelError> {
    for range in [view.window.range(), view.window.surroundings()] {
        let has = Query::has_field(fields::DB_QUERY);
        let store = panel.store.as_ref();
        let top = store.top_values(range, &has, &[fields::DB_QUERY], STATEMENTS).await?;
        let mut texts = top.into_iter().flat_map(|top| top.values).map(|(text, _)| text);
        if let Some(text) = texts.find(|text| format::fingerprint(&[text]) == fingerprint) {
            return Ok(text);
        }
    }
    Err(PanelError::NotFound)
}

/// A record of a statement as a run of it.
pub fn run(record: &LogRecord) -> Run<'_> {
    let statement = statement(record, record.timestamp);
    let times = i64::try_from(statement.times).unwrap_or(i64::MAX).max(1);
    Run { record, each: statement.micros / times, statement }
}

/// What the kept runs, slowest first, come to.
pub fn kept_cost(runs: &[Run]) -> Cost {
    let slowest_of = |percent: usize| {
        let at = runs.len().saturating_sub(1) * (100 - percent) / 100;
        runs.get(at).map(|run| run.each)
    };
    Cost {
        times: runs.iter().map(|run| run.statement.times).sum(),
        micros: runs.iter().map(|run| run.statement.micros).sum(),
        p50: slowest_of(50),
        p95: slowest_of(95),
        p95_least: None,
    }
}
