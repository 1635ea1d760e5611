//! What MiniTwit offers its panel.

use std::sync::Arc;

use admin::metrics::Metrics;

use super::alerts::HostAlerts;
use super::backups::HostBackups;
use super::deploys::HostDeploys;
use super::errors::PanelErrors;
use super::host_health::HostHealth;
use super::jobs::PanelJobs;
use super::operators::PanelOperators;
use super::plans::PanelPlans;
use super::replicas::HostReplicas;
use super::searches::PanelSearches;
use crate::jobs::Jobs;
use crate::state::AppState;

/// Every part of it.
pub struct PanelHost {
    jobs: PanelJobs,
    alerts: HostAlerts,
    deploys: HostDeploys,
    errors: PanelErrors,
    searches: PanelSearches,
    plans: PanelPlans,
    operators: PanelOperators,
    health: HostHealth,
    metrics: Arc<Metrics>,
    replicas: HostReplicas,
    backups: HostBackups,
}

impl PanelHost {
    /// Over the database, the jobs of this process, and the metrics with their past.
    pub fn new(state: &AppState, jobs: Jobs, alerts: HostAlerts, metrics: Arc<Metrics>) -> Self {
        let db = &state.db;
        Self {
            jobs: PanelJobs::new(state, jobs),
            alerts,
            deploys: HostDeploys { db: db.clone() },
            errors: PanelErrors(db.clone()),
            searches: PanelSearches { db: db.clone(), clock: state.clock.clone() },
            plans: PanelPlans(db.clone()),
            operators: PanelOperators(state.clone()),
            health: HostHealth {
                database: Arc::clone(db.health()),
                data_dir: state.settings.data_dir.clone(),
            },
            metrics,
            replicas: HostReplicas(state.clone()),
            backups: HostBackups(state.clone()),
        }
    }
}

impl admin::Host for PanelHost {
    fn jobs(&self) -> Option<&dyn admin::Jobs> {
        Some(&self.jobs)
    }

    fn alerts(&self) -> Option<&dyn admin::Alerts> {
        Some(&self.alerts)
    }

    fn deploys(&self) -> Option<&dyn admin::Deploys> {
        Some(&self.deploys)
    }

    fn error_states(&self) -> Option<&dyn admin::ErrorStates> {
        Some(&self.errors)
    }

    fn searches(&self) -> Option<&dyn admin::SavedSearches> {
        Some(&self.searches)
    }

    fn plans(&self) -> Option<&dyn admin::Plans> {
        Some(&self.plans)
    }

    fn operators(&self) -> Option<&dyn admin::Operators> {
        Some(&self.operators)
    }

    fn replicas(&self) -> Option<&dyn admin::Replicas> {
        Some(&self.replicas)
    }

    fn backups(&self) -> Option<&dyn admin::Backups> {
        Some(&self.backups)
    }

    fn health(&self) -> Option<&dyn admin::Health> {
        Some(&self.health)
    }

    fn metrics(&self) -> Option<&Metrics> {
        Some(&self.metrics)
    }
}
