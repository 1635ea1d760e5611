//! How the database would run a statement of the service. Nothing is run, and no text from outside
//! reaches the database: what is asked for is looked up.

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, PgConnection, Row, SqliteConnection};

use super::executor::{Access, Pools, Statement, acquire, pool_name};
use super::{Db, Result};

/// What metrics and records call it.
const PLAN: Statement = Statement::read("statements.plan", "EXPLAIN");

impl Db {
    /// The lines of the plan of the service's statement with exactly this text, indented as they lie in
    /// each other; `None` when there is none. On PostgreSQL the plan is the one for whatever values.
    pub async fn plan(&self, sql: &str) -> Result<Option<Vec<String>>> {
        let is_sqlite = matches!(self.pools, Pools::Sqlite { .. });
        let known = super::statements().into_iter();
        let mut known =
            known.map(|(_, sqlite, postgres)| if is_sqlite { sqlite } else { postgres });
        let Some(known) = known.find(|known| *known == sql) else { return Ok(None) };
        let plan = self.traced(&PLAN, Vec::len, async {
            match &self.pools {
                Pools::Sqlite { read, .. } => {
                    of_sqlite(&mut *acquire(read, pool_name(Access::Read)).await?, known).await
                }
                Pools::Postgres(pool) => {
                    let mut connection = acquire(pool, "main").await?;
                    // What is set and prepared stays in the session, whatever fails: it goes with it.
                    connection.close_on_drop();
                    of_postgres(&mut connection, known).await
                }
            }
        });
        plan.await.map(Some)
    }
}

/// Values that are not bound are NULL.
async fn of_sqlite(connection: &mut SqliteConnection, sql: &str) -> sqlx::Result<Vec<String>> {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
    let rows = sqlx::query(explain).fetch_all(connection).await?;
    let mut depths = HashMap::new();
    let mut lines = Vec::new();
    for row in rows {
        let (id, parent): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let depth = depths.get(&parent).map_or(0, |depth| depth + 1);
        depths.insert(id, depth);
        lines.push(format!("{}{}", "  ".repeat(depth), row.try_get::<&str, _>(3)?));
    }
    Ok(lines)
}

async fn of_postgres(connection: &mut PgConnection, sql: &str) -> sqlx::Result<Vec<String>> {
    let count = (1..100).take_while(|number| sql.contains(&format!("${number}"))).count();
    let nulls = vec!["NULL"; count].join(", ");
    let values = if count == 0 { String::new() } else { format!("({nulls})") };
    sqlx::raw_sql("SET plan_cache_mode = force_generic_plan").execute(&mut *connection).await?;
    let prepare = AssertSqlSafe(format!("PREPARE explained AS {sql}"));
    sqlx::raw_sql(prepare).execute(&mut *connection).await?;
    let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE explained{values}"));
    let rows = sqlx::raw_sql(explain).fetch_all(connection).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}
