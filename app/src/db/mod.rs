//! The database: SQLite in the data directory, or PostgreSQL. One file per table, plain methods on
//! [`Db`], one SQL text for both wherever one does. Knows no web.

mod alerts;
mod backups;
#[cfg(feature = "chaos")]
pub mod chaos;
mod deploys;
mod error;
mod error_states;
mod executor;
mod fault;
mod file_fault;
mod file_watch;
mod follows;
mod health;
mod jobs;
mod latest;
mod login_failures;
mod marker;
mod messages;
mod migrate;
mod moderation;
mod name_keys;
mod open;
mod operator_sessions;
mod operators;
mod people;
mod plan;
pub mod postgres_whole;
mod probe;
mod replicas;
mod row;
mod saved_searches;
mod sessions;
mod sign_ins;
pub mod sqlite_file;
mod totals;
mod users;
mod wait;

use executor::Statement;

pub use alerts::StoredAlert;
pub use backups::KnownBackup;
pub use deploys::Deploy;
pub use error::{Error, Result, away};
pub use error_states::ErrorState;
pub use executor::Db;
pub use fault::Fault;
pub use file_fault::FileFault;
pub use follows::Followed;
pub use health::{Health, PATIENCE};
pub use jobs::{JobRun, Lease};
pub use login_failures::LoginFailures;
pub use marker::{LostDatabase, StartError};
pub use messages::{AuthorTimeline, StoredMessage};
pub use migrate::{MigrationError, known_version};
pub use moderation::{MessageFilter, ModeratedMessage, ModeratedUser};
pub use open::{DatabaseUrl, ExistingError, OpenError, PoolSizes};
pub use operator_sessions::{ListedSession, Origin};
pub use operators::{OperatorAccount, OperatorCredentials};
pub use people::{Asking, MAX_COUNTED, Person, Profile};
pub use probe::{Finding, Probe};
pub use replicas::Replica;
pub use saved_searches::SavedSearch;
pub use sessions::SessionUser;
pub use totals::Totals;
pub use users::Credentials;
pub use wait::WaitBudget;

/// The tables that requests of users read and write: their statements are measured from the start.
const OF_USERS: [&[Statement]; 5] = [
    users::STATEMENTS,
    people::STATEMENTS,
    messages::STATEMENTS,
    follows::STATEMENTS,
    latest::STATEMENTS,
];

impl Db {
    /// Zeros for the statements of users' requests. The others are measured from their first run: no alert
    /// counts single ones, and all of them would be two thirds of what a fresh service may expose.
    pub fn expect_statements(&self) {
        let statements = OF_USERS.concat().into_iter();
        self.measured.expect(statements.map(|statement| statement.texts().0));
    }
}

/// Every statement the service runs, as `(name, SQLite's text, PostgreSQL's text)`, so that a test can
/// look at each plan.
pub fn statements() -> Vec<(&'static str, &'static str, &'static str)> {
    [
        users::STATEMENTS,
        people::STATEMENTS,
        messages::STATEMENTS,
        moderation::STATEMENTS,
        error_states::STATEMENTS,
        saved_searches::STATEMENTS,
        follows::STATEMENTS,
        sessions::STATEMENTS,
        login_failures::STATEMENTS,
        sign_ins::STATEMENTS,
        latest::STATEMENTS,
        totals::STATEMENTS,
        jobs::STATEMENTS,
        operators::STATEMENTS,
        operator_sessions::STATEMENTS,
        alerts::STATEMENTS,
        deploys::STATEMENTS,
        replicas::STATEMENTS,
        backups::STATEMENTS,
        name_keys::STATEMENTS,
    ]
    .concat()
    .into_iter()
    .map(Statement::texts)
    .collect()
}
