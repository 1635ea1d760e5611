//! Requests in the store: which there are, the costliest of them, and the figures of each route. The
//! costliest are exact: a percentile tells from which figure on to look.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use futures_util::future::try_join_all;
use logsearch::fields;
use logsearch::query::{Comparison, Field, Query, parse};
use logsearch::record::{LogRecord, ValueRef};
use logsearch::store::{LogStore, PercentileGroup, Search, StoreError, TimeRange, TopValues};

use super::record::{number_of, text_of};

/// Requests per page.
const ROWS: usize = 100;
/// Methods that are told apart; the others are not listed.
const METHODS: usize = 12;
/// Routes in the table.
const ROUTES: usize = 30;
/// Maximum number of requests compared to find the most expensive.
const COMPARED: usize = 5_000;

/// Requests that failed: answered with 5xx, or given up by a client that the service kept waiting.
pub const FAILURES: &str = "(status:5xx OR error_type:abandoned)";
/// [`FAILURES`] as a query.
pub static FAILED: LazyLock<Query> = LazyLock::new(|| parse(FAILURES).query);

/// Whether the client of this ended request gave it up because the service was late or failing.
pub fn gave_up(record: &LogRecord) -> bool {
    text_of(record, fields::ERROR_TYPE).is_some_and(|kind| kind == "abandoned")
}

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
            query.clone().and(Query::Compare(
                field,
                Comparison::GreaterOrEqual,
                from.floor().into(),
            ))
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

/// Statistics of a method of a route.
#[derive(Clone)]
pub struct Route {
    /// Empty where records name none.
    pub method: String,
    pub name: String,
    pub count: u64,
    /// Requests that were answered with 5xx.
    pub failed: u64,
    /// Requests that clients gave up because the service was late or failing.
    pub gave_up: u64,
    pub percentiles: Vec<f64>,
    pub database: Option<f64>,
    pub statements: Option<f64>,
}

/// Statistics of each method of all routes, busiest first.
pub async fn routes(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
) -> Result<Vec<Route>, StoreError> {
    let methods = store.top_values(range, query, &[fields::METHOD], METHODS).await?;
    let named = methods.iter().flat_map(|top| &top.values).map(|(method, _)| method.as_str());
    let has_nameless = methods.iter().any(|top| top.missing > 0);
    let methods = named.chain(has_nameless.then_some(""));
    let found = methods.map(|method| routes_of_method(store, range, query, method));
    let mut routes = try_join_all(found).await?.concat();
    routes.sort_by_key(|route| std::cmp::Reverse(route.count));
    routes.truncate(ROUTES);
    Ok(routes)
}

/// The records of a method; of none when it is empty.
pub fn of_method(method: &str) -> Query {
    if method.is_empty() {
        return !Query::has_field(fields::METHOD);
    }
    Query::value_clause(fields::METHOD, ValueRef::Str(method))
}

async fn routes_of_method(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
    method: &str,
) -> Result<Vec<Route>, StoreError> {
    let query = &query.clone().and(of_method(method));
    let (by, names) = (fields::ROUTE, [fields::ROUTE]);
    let of_status = query.clone().and(parse("status:5xx").query);
    let abandoned = query.clone().and(parse("error_type:abandoned").query);
    let (times, database, statements, failed, gave_up) = tokio::try_join!(
        store.percentiles_by(range, query, fields::DURATION, by, ROUTES, &[50.0, 95.0, 99.0]),
        store.percentiles_by(range, query, fields::DB_DURATION, by, ROUTES, &[95.0]),
        store.percentiles_by(range, query, fields::DB_COUNT, by, ROUTES, &[95.0]),
        store.top_values(range, &of_status, &names, 1_000),
        store.top_values(range, &abandoned, &names, 1_000),
    )?;
    let first = |groups: Vec<PercentileGroup>| -> HashMap<String, f64> {
        let pair = |group: PercentileGroup| Some((group.value, *group.percentiles.first()?));
        groups.into_iter().filter_map(pair).collect()
    };
    let (database, statements) = (first(database), first(statements));
    let counts = |top: Vec<TopValues>| -> HashMap<String, u64> {
        top.into_iter().flat_map(|top| top.values).collect()
    };
    let (failed, gave_up) = (counts(failed), counts(gave_up));
    let route = |group: PercentileGroup| Route {
        method: method.to_owned(),
        count: group.count,
        failed: failed.get(&group.value).copied().unwrap_or(0),
        gave_up: gave_up.get(&group.value).copied().unwrap_or(0),
        database: database.get(&group.value).copied(),
        statements: statements.get(&group.value).copied(),
        percentiles: group.percentiles,
        name: group.value,
    };
    Ok(times.into_iter().map(route).collect())
}

impl Route {
    /// Share of failures, of 1: answered with 5xx or given up.
    #[expect(clippy::cast_precision_loss, reason = "compared, not shown")]
    pub fn failures(&self) -> f64 {
        (self.failed + self.gave_up) as f64 / self.count.max(1) as f64
    }

    /// Sort key: share of failures, then p95.
    pub fn badness(&self) -> f64 {
        self.failures() * 1e12 + self.percentiles.get(1).copied().unwrap_or(0.0)
    }
}
