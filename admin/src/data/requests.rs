//! Requests in the store: which there are, the costliest of them, and the figures of each route. The
//! costliest are exact: a percentile tells from which figure on to look.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use logsearch::fields;
use logsearch::query::{Comparison, Field, Query, parse};
use logsearch::record::LogRecord;
use logsearch::store::{LogStore, PercentileGroup, Search, StoreError, TimeRange};

use super::record::{number_of, text_of};

/// Requests per page.
const ROWS: usize = 100;
/// Routes in the table.
const ROUTES: usize = 30;
/// Maximum number of requests compared to find the most expensive.
const COMPARED: usize = 5_000;

/// Requests that failed.
pub static FAILED: LazyLock<Query> = LazyLock::new(|| parse("status:5xx").query);

/// Records of ended requests that match.
pub fn ends(query: &Query) -> Query {
    query.clone().and(Query::has_field(fields::STATUS)).and(Query::has_field(fields::DURATION))
}

/// The text of a query that looks at traffic alone; either may be empty.
pub fn of_traffic(query: &str, traffic: &str) -> String {
    [query, traffic].join(" ").trim().to_owned()
}

/// The newest requests of a page, and whether there are more.
pub async fn newest(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
) -> Result<(Vec<LogRecord>, bool), StoreError> {
    let search = search(range, query.clone(), ROWS);
    let page = store.search(&search).await?;
    Ok((page.records, page.next.is_some()))
}

fn search(range: TimeRange, query: Query, limit: usize) -> Search {
    Search::new(query).within(range).limit(limit)
}

/// The requests with the largest values of a field, largest first, and whether there are more.
pub async fn costliest(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
    name: &str,
) -> Result<(Vec<LogRecord>, bool), StoreError> {
    let (mut records, count) = ranked(store, range, query, name).await?;
    records.truncate(ROWS);
    Ok((records, count > ROWS as u64))
}

/// Of each method and route the request with the largest figure, largest first.
pub async fn costliest_of_routes(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
    name: &str,
) -> Result<(Vec<LogRecord>, bool), StoreError> {
    let (mut records, _) = ranked(store, range, query, name).await?;
    let mut seen = HashSet::new();
    records.retain(|record| {
        seen.insert((text_of(record, fields::METHOD), text_of(record, fields::ROUTE)))
    });
    records.truncate(ROWS);
    Ok((records, false))
}

/// Candidates for the largest values of a field, largest first, and the total number of requests.
async fn ranked(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
    name: &str,
) -> Result<(Vec<LogRecord>, u64), StoreError> {
    let count = store.percentiles(range, query, name, &[]).await?.count;
    let query = match share(count) {
        None => query.clone(),
        Some(percent) => {
            let at = store.percentiles(range, query, name, &[percent]).await?;
            let from = at.percentiles.first().copied();
            // Percentiles are good to 2 %; looking a little lower misses nothing.
            let from = from.unwrap_or(0.0) * 0.96;
            let field = Field { typed: name.to_owned(), name: name.to_owned(), scale: 1 };
            query.clone().and(Query::Compare(field, Comparison::GreaterOrEqual, from.floor()))
        }
    };
    let mut records = store.search(&search(range, query, COMPARED * 2)).await?.records;
    let figure = |record: &LogRecord| number_of(record, name).unwrap_or(0);
    records.sort_by_key(|record| std::cmp::Reverse((figure(record), record.timestamp)));
    Ok((records, count))
}

/// Below which percentile nobody of so many is compared; `None` compares all.
#[expect(clippy::cast_precision_loss, reason = "a percentage")]
fn share(count: u64) -> Option<f64> {
    let compared = COMPARED as u64;
    (count > compared).then(|| 100.0 * (1.0 - (compared / 5) as f64 / count as f64))
}

/// Statistics of a route.
pub struct Route {
    pub name: String,
    pub count: u64,
    pub errors: u64,
    pub percentiles: Vec<f64>,
    pub database: Option<f64>,
    pub statements: Option<f64>,
}

/// Statistics of all routes, busiest first.
pub async fn routes(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
) -> Result<Vec<Route>, StoreError> {
    let (by, names) = (fields::ROUTE, [fields::ROUTE]);
    let failed = query.clone().and(FAILED.clone());
    let (times, database, statements, errors) = tokio::try_join!(
        store.percentiles_by(range, query, fields::DURATION, by, ROUTES, &[50.0, 95.0, 99.0]),
        store.percentiles_by(range, query, fields::DB_DURATION, by, ROUTES, &[95.0]),
        store.percentiles_by(range, query, fields::DB_COUNT, by, ROUTES, &[95.0]),
        store.top_values(range, &failed, &names, 1_000),
    )?;
    let first = |groups: Vec<PercentileGroup>| -> HashMap<String, f64> {
        let pair = |group: PercentileGroup| Some((group.value, *group.percentiles.first()?));
        groups.into_iter().filter_map(pair).collect()
    };
    let (database, statements) = (first(database), first(statements));
    let errors: HashMap<String, u64> = errors.into_iter().flat_map(|top| top.values).collect();
    let route = |group: PercentileGroup| Route {
        count: group.count,
        errors: errors.get(&group.value).copied().unwrap_or(0),
        database: database.get(&group.value).copied(),
        statements: statements.get(&group.value).copied(),
        percentiles: group.percentiles,
        name: group.value,
    };
    Ok(times.into_iter().map(route).collect())
}

impl Route {
    /// Sort key: share of failures, then p95.
    #[expect(clippy::cast_precision_loss, reason = "compared, not shown")]
    pub fn badness(&self) -> f64 {
        let slow = self.percentiles.get(1).copied().unwrap_or(0.0);
        self.errors as f64 / self.count.max(1) as f64 * 1e12 + slow
    }
}
