//! The only way to run SQL: names, times, counts and traces every statement on both databases.
//!
//! Texts are constants with `$n` placeholders; values are bound and never logged.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::{Database, Pool, Postgres, Sqlite};
use tracing::Instrument;

use super::error::is_lost_connection;
use super::file_fault::FileState;
use super::health::Health;
use super::row::Row;
use super::wait::within_budget;
use super::{Error, Result};
use crate::metrics::{self, StatementMetrics};
use crate::request_profile::{RunningStatement, SLOW, StatementRuns, micros};

/// The database of the service. Clones share the pools.
#[derive(Clone, Debug)]
pub struct Db {
    pub(super) pools: Pools,
    pub(super) measured: Arc<StatementMetrics>,
    pub(super) file: FileState,
    health: Arc<Health>,
}

/// SQLite has one connection that writes and some that read; PostgreSQL one pool for both.
#[derive(Clone, Debug)]
pub(super) enum Pools {
    Sqlite { read: Pool<Sqlite>, write: Pool<Sqlite> },
    Postgres(Pool<Postgres>),
}

impl Pools {
    fn system_name(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres(_) => "postgresql",
        }
    }
}

/// Which connection a statement needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// A named SQL text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statement {
    name: &'static str,
    source: &'static Location<'static>,
    access: Access,
    /// Whether it runs again and again beside requests; whoever runs it tells of an outage once.
    is_background: bool,
    sqlite: &'static str,
    postgres: &'static str,
}

impl Statement {
    #[track_caller]
    pub(super) const fn read(name: &'static str, sql: &'static str) -> Self {
        let source = Location::caller();
        Self {
            name,
            source,
            access: Access::Read,
            is_background: false,
            sqlite: sql,
            postgres: sql,
        }
    }

    #[track_caller]
    pub(super) const fn write(name: &'static str, sql: &'static str) -> Self {
        let source = Location::caller();
        let access = Access::Write;
        Self { name, source, access, is_background: false, sqlite: sql, postgres: sql }
    }

    /// Runs in the background; its failures are logged at DEBUG.
    pub(super) const fn in_background(self) -> Self {
        Self { is_background: true, ..self }
    }

    /// Another text for PostgreSQL; the reason stands at the statement.
    pub(super) const fn on_postgres(self, sql: &'static str) -> Self {
        Self { postgres: sql, ..self }
    }

    pub(super) fn texts(self) -> (&'static str, &'static str, &'static str) {
        (self.name, self.sqlite, self.postgres)
    }
}

/// A value for a placeholder.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arg<'a> {
    Int(i64),
    Bool(bool),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl Arg<'_> {
    /// PostgreSQL cannot hold U+0000, and the rules of names and messages refuse it on both databases:
    /// what asks for such a text asks for no row, and needs no statement to learn it.
    fn matches_nothing(&self) -> bool {
        matches!(self, Self::Text(text) if text.contains('\0'))
    }
}

macro_rules! bind {
    ($sql:expr, $args:expr) => {{
        let mut query = sqlx::query($sql);
        for arg in $args {
            query = match *arg {
                Arg::Int(value) => query.bind(value),
                Arg::Bool(value) => query.bind(value),
                Arg::Text(value) => query.bind(value),
                Arg::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}

impl Db {
    /// Runs a statement and returns all rows.
    pub(super) async fn fetch_all<T>(
        &self,
        statement: &Statement,
        args: &[Arg<'_>],
        read: impl Fn(&Row) -> sqlx::Result<T>,
    ) -> Result<Vec<T>> {
        if args.iter().any(Arg::matches_nothing) {
            return Ok(Vec::new());
        }
        self.file.check(statement.access == Access::Write)?;
        self.traced(statement, Vec::len, async {
            let rows: Vec<Row> = match &self.pools {
                Pools::Sqlite { read, write } => {
                    let pool = if statement.access == Access::Read { read } else { write };
                    let mut connection = acquire(pool, pool_name(statement.access)).await?;
                    let rows = bind!(statement.sqlite, args).fetch_all(&mut *connection).await?;
                    rows.into_iter().map(Row::Sqlite).collect()
                }
                Pools::Postgres(pool) => {
                    let rows = match fetch_postgres(pool, statement, args).await {
                        // The server was restarted; a read may be done twice.
                        Err(error)
                            if statement.access == Access::Read && is_lost_connection(&error) =>
                        {
                            fetch_postgres(pool, statement, args).await?
                        }
                        rows => rows?,
                    };
                    rows.into_iter().map(Row::Postgres).collect()
                }
            };
            rows.iter().map(&read).collect()
        })
        .await
    }

    /// The first row of the answer, if there is one.
    pub(super) async fn fetch_optional<T>(
        &self,
        statement: &Statement,
        args: &[Arg<'_>],
        read: impl Fn(&Row) -> sqlx::Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.fetch_all(statement, args, read).await?.into_iter().next())
    }

    /// Runs a statement without an answer; the number of rows it changed.
    pub(super) async fn execute(&self, statement: &Statement, args: &[Arg<'_>]) -> Result<u64> {
        if args.iter().any(Arg::matches_nothing) {
            return Ok(0);
        }
        self.file.check(statement.access == Access::Write)?;
        let changed = |rows: &u64| usize::try_from(*rows).unwrap_or(usize::MAX);
        self.traced(statement, changed, async {
            match &self.pools {
                Pools::Sqlite { write, .. } => {
                    let mut connection = acquire(write, pool_name(Access::Write)).await?;
                    let query = bind!(statement.sqlite, args);
                    Ok(query.execute(&mut *connection).await?.rows_affected())
                }
                Pools::Postgres(pool) => {
                    let mut connection = Held::acquire(pool).await?;
                    let query = bind!(statement.postgres, args);
                    let result = query.execute(&mut *connection.inner).await;
                    connection.is_idle = true;
                    Ok(result?.rows_affected())
                }
            }
        })
        .await
    }

    pub(super) fn new(pools: Pools) -> Self {
        let measured = Arc::new(StatementMetrics::new(pools.system_name()));
        Self { pools, measured, file: FileState::default(), health: Arc::default() }
    }

    /// What is known of the database without asking it.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// `sqlite` or `postgresql`, as OpenTelemetry spells them.
    pub fn system_name(&self) -> &'static str {
        self.pools.system_name()
    }

    pub(super) async fn traced<T>(
        &self,
        statement: &Statement,
        rows: impl Fn(&T) -> usize,
        run: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T> {
        let span = tracing::debug_span!("db.statement", db.operation.name = statement.name);
        let started = Instant::now();
        let running = RunningStatement::begin(self.run_of(statement, Duration::ZERO, Ok(0)));
        let result = if let Some(refusal) = self.health.refusal() {
            Err(refusal)
        } else {
            let answers = |since| self.health.has_succeeded(statement.access, since);
            within_budget(run, answers).instrument(span.clone()).await
        };
        let duration = started.elapsed();
        if result.is_ok() {
            self.health.succeeded(statement.access);
        }
        let result = result.map_err(|source| Error::new(statement.name, source));
        running.end(self.run_of(statement, duration, result.as_ref().map(&rows)));
        span.in_scope(|| self.record(statement, duration, result.as_ref().map(rows)));
        result
    }

    fn sql(&self, statement: &Statement) -> &'static str {
        if self.system_name() == "sqlite" { statement.sqlite } else { statement.postgres }
    }

    fn run_of(
        &self,
        statement: &Statement,
        duration: Duration,
        rows: std::result::Result<usize, &Error>,
    ) -> StatementRuns {
        StatementRuns {
            name: statement.name,
            sql: self.sql(statement),
            source: statement.source,
            times: 1,
            micros: micros(duration),
            rows: rows.as_ref().map_or(0, |rows| *rows as u64),
            offset: 0,
            error_type: rows.err().map_or("", Error::kind),
        }
    }

    fn record(
        &self,
        statement: &Statement,
        duration: Duration,
        rows: std::result::Result<usize, &Error>,
    ) {
        let error_type = rows.as_ref().err().map_or("", |error| error.kind());
        self.measured.ended(statement.name, error_type, duration);
        let sql = self.sql(statement);
        let duration_us = micros(duration);
        match rows {
            Ok(rows) if duration < SLOW => {
                tracing::debug!(
                    duration_us,
                    db.rows = rows,
                    db.query.text = sql,
                    "statement executed"
                );
            }
            Ok(rows) => {
                tracing::warn!(
                    duration_us,
                    db.operation.name = statement.name,
                    db.query.source = %statement.source,
                    db.rows = rows,
                    db.query.text = sql,
                    "slow statement"
                );
            }
            // Whoever asked decides what a taken name means; it is no failure of the database.
            Err(Error::Taken(_)) => {
                tracing::debug!(duration_us, "statement violated a unique constraint");
            }
            Err(error) if statement.is_background => {
                let chain = error.chain();
                tracing::debug!(
                    duration_us,
                    db.operation.name = statement.name,
                    error.message = chain,
                    "background statement failed"
                );
            }
            Err(error) => {
                let chain = error.chain();
                tracing::warn!(
                    duration_us,
                    db.operation.name = statement.name,
                    db.query.source = %statement.source,
                    error.message = chain,
                    db.query.text = sql,
                    "statement failed"
                );
            }
        }
    }

    /// Sets the gauges of the pools; called at a scrape.
    pub fn publish_pool_gauges(&self) {
        match &self.pools {
            Pools::Sqlite { read, write } => {
                publish(read, pool_name(Access::Read));
                publish(write, pool_name(Access::Write));
            }
            Pools::Postgres(pool) => publish(pool, "main"),
        }
    }

    /// The names of the pools, for metrics.
    pub fn pool_names(&self) -> &'static [&'static str] {
        match self.pools {
            Pools::Sqlite { .. } => &["read", "write"],
            Pools::Postgres(_) => &["main"],
        }
    }

    /// Closes every connection after its running statement.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

async fn fetch_postgres(
    pool: &Pool<Postgres>,
    statement: &Statement,
    args: &[Arg<'_>],
) -> sqlx::Result<Vec<PgRow>> {
    let mut connection = Held::acquire(pool).await?;
    let rows = bind!(statement.postgres, args).fetch_all(&mut *connection.inner).await;
    connection.is_idle = true;
    rows
}

/// A connection to PostgreSQL. One that is given up while its server does not answer is closed: in the pool it
/// would wait for that answer, and a network that swallows packets never brings it.
struct Held {
    inner: PoolConnection<Postgres>,
    since: Instant,
    is_idle: bool,
}

/// A server that takes longer than this for one statement of a request may be gone.
const HANGING: Duration = Duration::from_millis(500);

impl Held {
    async fn acquire(pool: &Pool<Postgres>) -> sqlx::Result<Self> {
        let inner = acquire(pool, "main").await?;
        Ok(Self { inner, since: Instant::now(), is_idle: false })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.is_idle && self.since.elapsed() > HANGING {
            self.inner.close_on_drop();
        }
    }
}

pub(super) fn pool_name(access: Access) -> &'static str {
    match access {
        Access::Read => "read",
        Access::Write => "write",
    }
}

fn publish<D: Database>(pool: &Pool<D>, name: &'static str) {
    let idle = pool.num_idle();
    let used = usize::try_from(pool.size()).unwrap_or(0).saturating_sub(idle);
    metrics::pool_connections(name, used, idle, pool.options().get_max_connections());
}

/// Waits for a connection and says how long that took.
pub(super) async fn acquire<D: Database>(
    pool: &Pool<D>,
    name: &'static str,
) -> sqlx::Result<PoolConnection<D>> {
    let waiting = metrics::PoolWait::start(name);
    let connection = pool.acquire().await;
    waiting.end(matches!(connection, Err(sqlx::Error::PoolTimedOut)));
    connection
}
