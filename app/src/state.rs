//! What every handler may need. Cheap to clone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipnet::IpNet;

use crate::auth::{Passwords, SimulatorCredentials};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::durable::DurableRecords;
use crate::metrics::RequestMetrics;
use crate::supervise::Tasks;

/// The parts the service is made of.
#[derive(Clone)]
pub struct AppState {
    /// The database.
    pub db: Db,
    /// The time of day.
    pub clock: Clock,
    /// Password hashing, limited by permits.
    pub passwords: Passwords,
    /// Credentials that the simulator must send.
    pub simulator: SimulatorCredentials,
    /// What the operator set.
    pub settings: Arc<Settings>,
    /// Whether the service is going down.
    pub draining: Draining,
    /// What is measured of every request.
    pub requests: Arc<RequestMetrics>,
    /// The records that an answer waits for.
    pub durable: DurableRecords,
    /// Requests that go on without their clients.
    pub tasks: Tasks,
}

/// The settings that requests look at.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Shortest password of a new user, in characters.
    pub min_password: usize,
    /// Idle timeout of a session.
    pub session_idle: Duration,
    /// Maximum lifetime of a session.
    pub session_max: Duration,
    /// Whether to load avatars from gravatar.com.
    pub gravatar: bool,
    /// Networks of trusted proxies.
    pub trusted_proxies: Vec<IpNet>,
    /// The longest a request may take.
    pub request_timeout: Duration,
}

impl AppState {
    /// From the settings and an open, migrated database.
    pub fn new(config: &Config, db: Db, clock: Clock, durable: DurableRecords) -> Self {
        let settings = Settings {
            min_password: usize::from(config.account.min_password),
            session_idle: config.account.session_idle.0,
            session_max: config.account.session_max.0,
            gravatar: config.account.gravatar,
            trusted_proxies: config.listen.trusted_proxies.clone(),
            request_timeout: config.listen.request_timeout.0,
        };
        Self {
            db,
            clock,
            passwords: Passwords::default(),
            simulator: SimulatorCredentials::new(&config.account.simulator_auth().0),
            settings: Arc::new(settings),
            draining: Draining::default(),
            requests: Arc::new(RequestMetrics::new(config.listen.metrics_label_sets.into())),
            durable,
            tasks: Tasks::default(),
        }
    }
}

/// Set once, when the service starts to go down; `/readyz` then says so.
#[derive(Clone, Debug, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// Marks the process as shutting down.
    pub fn start(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is.
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
