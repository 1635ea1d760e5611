//! The schema: embedded migrations with the same numbers on both databases, applied under a lock.

use std::borrow::Cow;

use sqlx::SqlStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::Db;
use super::executor::Pools;

/// `(number, name, SQLite's text, PostgreSQL's text)`.
const MIGRATIONS: &[(i64, &str, &str, &str)] = &[(
    1,
    "init",
    include_str!("../../migrations/sqlite/0001_init.sql"),
    include_str!("../../migrations/postgres/0001_init.sql"),
)];

/// The schema could not be brought to this version of the program.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// A later version of the program has migrated this database.
    #[error(
        "the database has schema version {found}, this program knows {known}; \
         run the newer program, or restore a backup made before the upgrade"
    )]
    Newer {
        /// In the database.
        found: i64,
        /// The newest in this program.
        known: i64,
    },
    /// Anything else.
    #[error("could not migrate the database")]
    Failed(#[source] MigrateError),
}

impl Db {
    /// Applies what is missing. PostgreSQL serializes replicas by an advisory lock of the migrator;
    /// SQLite has one process.
    pub async fn migrate(&self) -> Result<(), MigrationError> {
        let result = match &self.pools {
            Pools::Sqlite { write, .. } => migrator(|(_, _, sqlite, _)| sqlite).run(write).await,
            Pools::Postgres(pool) => migrator(|(_, _, _, postgres)| postgres).run(pool).await,
        };
        result.map_err(|error| match error {
            MigrateError::VersionMissing(found) => {
                MigrationError::Newer { found, known: known_version() }
            }
            error => MigrationError::Failed(error),
        })
    }
}

fn known_version() -> i64 {
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
