//! Interfaces to the service that hosts the panel. [`Host`] names the parts a service may offer, each of
//! which is a small trait. Pages, sections and menu entries without their part are not shown.

mod alerts;
mod backups;
mod deploys;
mod errors;
mod health;
mod jobs;
mod operators;
mod plans;
mod replicas;
mod searches;

pub use alerts::{Acknowledgement, Alert, AlertingNotice, Alerts, Rule, Texts};
pub use backups::{BackupStatus, Backups};
pub use deploys::{Deploy, Deploys};
pub use errors::{ErrorState, ErrorStates};
pub use health::{Health, Outage};
pub use jobs::{Job, Jobs, Run};
pub use operators::{Account, AccountChange, Operators, Role, Session, SessionSelector};
pub use plans::Plans;
pub use replicas::{Replica, Replicas};
pub use searches::{Saved, SavedSearch, SavedSearches};

use crate::metrics::Metrics;

/// The parts that a service offers its panel. Each is optional: override the methods of those it has.
///
/// ```
/// use admin::{Deploy, Deploys, Host, HostError};
/// use async_trait::async_trait;
/// use logsearch::store::TimeRange;
///
/// struct Shop;
///
/// impl Host for Shop {
///     fn deploys(&self) -> Option<&dyn Deploys> {
///         Some(self)
///     }
/// }
///
/// #[async_trait]
/// impl Deploys for Shop {
///     async fn between(&self, _: TimeRange, _: usize) -> Result<Vec<Deploy>, HostError> {
///         Ok(Vec::new())
///     }
///
///     async fn latest(&self) -> Result<Option<Deploy>, HostError> {
///         Ok(None)
///     }
/// }
/// ```
pub trait Host: Send + Sync + 'static {
    /// The scheduled jobs: listed on System, with a button that starts one.
    fn jobs(&self) -> Option<&dyn Jobs> {
        None
    }

    /// The alerts: the inbox, a page for each rule, marks on charts, and the status on Now.
    fn alerts(&self) -> Option<&dyn Alerts> {
        None
    }

    /// The deployments: marks on charts, releases of errors, and the changes on Now.
    fn deploys(&self) -> Option<&dyn Deploys> {
        None
    }

    /// Which errors are resolved: a button on the page of an error, and a state in every list of errors.
    fn error_states(&self) -> Option<&dyn ErrorStates> {
        None
    }

    /// Saved searches: a menu on Logs, and a page that lists them.
    fn searches(&self) -> Option<&dyn SavedSearches> {
        None
    }

    /// Plans of statements: a page behind each statement.
    fn plans(&self) -> Option<&dyn Plans> {
        None
    }

    /// The accounts of those who use the panel and their sessions: the page Operators, beside System.
    fn operators(&self) -> Option<&dyn Operators> {
        None
    }

    /// The replicas of the service: a list on System, from which a browser chooses one, and the name of this
    /// one on every page when there are several.
    fn replicas(&self) -> Option<&dyn Replicas> {
        None
    }

    /// The backups: age and size of the newest on System.
    fn backups(&self) -> Option<&dyn Backups> {
        None
    }

    /// What fails now: a red line on Now and System.
    fn health(&self) -> Option<&dyn Health> {
        None
    }

    /// The metrics history, which a [`Sampler`](crate::metrics::Sampler) fills: charts on Metrics
    /// and Now, and figures of all runs on the pages of SQL.
    fn metrics(&self) -> Option<&Metrics> {
        None
    }
}

/// A service that offers nothing besides its logs.
pub struct NoHost;

impl Host for NoHost {}

/// An error of the host. The panel logs it, shows a notice about what is missing, and renders the
/// rest.
pub type HostError = Box<dyn std::error::Error + Send + Sync>;
