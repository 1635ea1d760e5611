//! The schema: embedded migrations with the same numbers on both databases, applied under a lock.

use std::borrow::Cow;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Pool, Postgres, SqlStr};

use super::Db;
use super::executor::{Pools, Statement};

/// `(number, name, SQLite's text, PostgreSQL's text)`.
const MIGRATIONS: &[(i64, &str, &str, &str)] = &[
    (
        1,
        "init",
        include_str!("../../migrations/sqlite/0001_init.sql"),
        include_str!("../../migrations/postgres/0001_init.sql"),
    ),
    (
        2,
        "operator_sessions",
        include_str!("../../migrations/sqlite/0002_operator_sessions.sql"),
        include_str!("../../migrations/postgres/0002_operator_sessions.sql"),
    ),
    (
        3,
        "incidents",
        include_str!("../../migrations/sqlite/0003_incidents.sql"),
        include_str!("../../migrations/postgres/0003_incidents.sql"),
    ),
    (
        4,
        "panel_state",
        include_str!("../../migrations/sqlite/0004_panel_state.sql"),
        include_str!("../../migrations/postgres/0004_panel_state.sql"),
    ),
    (
        5,
        "operator_accounts",
        include_str!("../../migrations/sqlite/0005_operator_accounts.sql"),
        include_str!("../../migrations/postgres/0005_operator_accounts.sql"),
    ),
    (
        6,
        "watch",
        include_str!("../../migrations/sqlite/0006_watch.sql"),
        include_str!("../../migrations/postgres/0006_watch.sql"),
    ),
    (
        7,
        "alert_inbox",
        include_str!("../../migrations/sqlite/0007_alert_inbox.sql"),
        include_str!("../../migrations/postgres/0007_alert_inbox.sql"),
    ),
    (
        8,
        "name_keys",
        include_str!("../../migrations/sqlite/0008_name_keys.sql"),
        include_str!("../../migrations/postgres/0008_name_keys.sql"),
    ),
    (
        9,
        "replicas_and_backups",
        include_str!("../../migrations/sqlite/0009_replicas_and_backups.sql"),
        include_str!("../../migrations/postgres/0009_replicas_and_backups.sql"),
    ),
    (
        10,
        "people_and_deleted_messages",
        include_str!("../../migrations/sqlite/0010_people_and_deleted_messages.sql"),
        include_str!("../../migrations/postgres/0010_people_and_deleted_messages.sql"),
    ),
];

const VERSION: Statement = Statement::read(
    "migrations.version",
    "SELECT MAX(version) FROM _sqlx_migrations WHERE success",
);
/// SQLite and PostgreSQL keep their catalogues in different tables.
const HAS_MIGRATIONS: Statement = Statement::read(
    "migrations.exist",
    "SELECT 1 FROM sqlite_schema WHERE name = '_sqlx_migrations'",
)
.on_postgres("SELECT 1::BIGINT FROM pg_class WHERE oid = to_regclass('_sqlx_migrations')");

/// The schema could not be brought to this version of the program.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// A later version of the program has migrated this database.
    #[error(
        "the database has schema version {found}, this version supports only {known}; \
         run the newer version, or restore a backup made before the upgrade"
    )]
    Newer {
        /// Schema version of the database.
        found: i64,
        /// The newest in this program.
        known: i64,
    },
    /// Anything else.
    #[error("could not migrate the database")]
    Failed(#[source] MigrateError),
    /// The names of accounts from before could not be given their keys.
    #[error("could not migrate the names of accounts")]
    Names(#[source] super::Error),
}

impl Db {
    /// Applies what is missing. PostgreSQL serializes replicas by an advisory lock of the migrator;
    /// SQLite has one process.
    pub async fn migrate(&self) -> Result<(), MigrationError> {
        let result = match &self.pools {
            Pools::Sqlite { write, .. } => migrator(|(_, _, sqlite, _)| sqlite).run(write).await,
            Pools::Postgres(pool) => migrate_postgres(pool).await,
        };
        result.map_err(|error| match error {
            MigrateError::VersionMissing(found) => {
                MigrationError::Newer { found, known: known_version() }
            }
            error => MigrationError::Failed(error),
        })?;
        self.fill_name_keys().await.map_err(MigrationError::Names)
    }
}

impl Db {
    /// The schema version of the database; 0 before the first migration.
    pub async fn schema_version(&self) -> super::Result<i64> {
        let version = self.fetch_optional(&VERSION, &[], |row| row.get::<Option<i64>>(0)).await?;
        Ok(version.flatten().unwrap_or(0))
    }

    /// Whether a migration has ever run here.
    pub async fn is_migrated(&self) -> super::Result<bool> {
        let found = self.fetch_optional(&HAS_MIGRATIONS, &[], |row| row.get::<i64>(0)).await?;
        Ok(found.is_some())
    }
}

/// Another replica may be migrating, which takes longer than a request would wait for its lock.
async fn migrate_postgres(pool: &Pool<Postgres>) -> Result<(), MigrateError> {
    let mut connection = pool.acquire().await?;
    connection.close_on_drop();
    sqlx::query("SET lock_timeout = '30s'").execute(&mut *connection).await?;
    migrator(|(_, _, _, postgres)| postgres).run(&mut *connection).await
}

/// The newest schema version this version supports only.
pub fn known_version() -> i64 {
    MIGRATIONS.last().map_or(0, |(number, ..)| *number)
}

type Row = (i64, &'static str, &'static str, &'static str);

fn migrator(text: fn(Row) -> &'static str) -> Migrator {
    let migration = |row: &Row| {
        let sql = SqlStr::from_static(text(*row));
        Migration::new(row.0, Cow::Borrowed(row.1), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(MIGRATIONS.iter().map(migration).collect())
}
