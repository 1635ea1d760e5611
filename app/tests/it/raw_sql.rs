//! SQL of the tests' own, beside the service: to look at what it stored, and to set up what takes it
//! long.

use std::path::Path;

use minitwit::db::DatabaseUrl;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};

use crate::harness::TestApp;

/// A connection of the test's own, beside those of the service.
pub enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

macro_rules! column {
    ($raw:expr, $sql:expr, $column:expr, $type:ty) => {{
        let sql = AssertSqlSafe($sql.to_owned());
        match $raw {
            Raw::Sqlite(connection) => {
                let rows = sqlx::raw_sql(sql).fetch_all(connection).await.unwrap();
                rows.iter().map(|row| row.get::<$type, _>($column)).collect::<Vec<$type>>()
            }
            Raw::Postgres(connection) => {
                let rows = sqlx::raw_sql(sql).fetch_all(connection).await.unwrap();
                rows.iter().map(|row| row.get::<$type, _>($column)).collect::<Vec<$type>>()
            }
        }
    }};
}

impl Raw {
    /// To the database of a test.
    pub async fn connect(app: &TestApp) -> Self {
        match app.database_url() {
            DatabaseUrl::Sqlite(path) => Self::open_sqlite(path).await,
            DatabaseUrl::Postgres(url) => Self::Postgres(PgConnection::connect(url).await.unwrap()),
        }
    }

    /// To a SQLite file.
    pub async fn open_sqlite(path: &Path) -> Self {
        let url = format!("sqlite:{}", path.display());
        Self::Sqlite(SqliteConnection::connect(&url).await.unwrap())
    }

    /// The first column of the answer.
    pub async fn texts(&mut self, sql: &str) -> Vec<String> {
        column!(self, sql, 0, String)
    }

    /// Runs a text without an answer.
    pub async fn execute(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(connection) => sqlx::raw_sql(sql).execute(connection).await.map(drop),
            Self::Postgres(connection) => sqlx::raw_sql(sql).execute(connection).await.map(drop),
        }
    }

    /// The lines of a statement's plan: on SQLite, whose planner looks at values, for a usual one; on
    /// PostgreSQL for whatever values.
    pub async fn plan(&mut self, (name, sqlite, postgres): (&str, &str, &str)) -> Vec<String> {
        let count = (1..100).take_while(|n| postgres.contains(&format!("${n}"))).count();
        match self {
            Self::Sqlite(connection) => {
                let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sqlite}"));
                // Of what grows old, the oldest is deleted; of what is shown, the newest.
                let value = if name.contains(".delete_") { 100_i64 } else { 19_900 };
                let query = (0..count).fold(sqlx::query(sql), |query, _| query.bind(value));
                let rows = query.fetch_all(connection).await.unwrap();
                rows.iter().map(|row| row.get(3)).collect()
            }
            Self::Postgres(_) => {
                // A statement planned for its values; the others are planned once for all.
                let custom = name == "totals.active_users";
                let mode = if custom { "force_custom_plan" } else { "force_generic_plan" };
                self.execute(&format!("SET plan_cache_mode = {mode}")).await.unwrap();
                let values = vec![if custom { "19900" } else { "NULL" }; count].join(", ");
                let values = if count == 0 { values } else { format!("({values})") };
                self.execute(&format!("PREPARE statement AS {postgres}")).await.unwrap();
                let plan = self.texts(&format!("EXPLAIN EXECUTE statement{values}")).await;
                self.execute("DEALLOCATE statement").await.unwrap();
                plan
            }
        }
    }
}

/// A column of texts, read beside the service.
pub async fn texts(app: &TestApp, sql: &str) -> Vec<String> {
    Raw::connect(app).await.texts(sql).await
}

/// A column of bytes, read beside the service.
pub async fn bytes(app: &TestApp, sql: &str) -> Vec<Vec<u8>> {
    let mut raw = Raw::connect(app).await;
    column!(&mut raw, sql, 0, Vec<u8>)
}
