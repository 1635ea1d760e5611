//! What every handler may need. Cheap to clone.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ipnet::IpNet;
use parking_lot::Mutex;

use crate::auth::{Passwords, SimulatorCredentials, Throttle};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::durable::DurableRecords;
use crate::metrics::RequestMetrics;
use crate::operator_cache::OperatorCache;
use crate::replicas::Replicas;
use crate::supervise::Tasks;

/// The parts the service is made of.
#[derive(Clone)]
pub struct AppState {
    /// The database.
    pub db: Db,
    /// Slows the guessing of passwords.
    pub throttle: Throttle,
    /// Accounts and sessions of operators, known without the database.
    pub operators: OperatorCache,
    /// The time of day.
    pub clock: Clock,
    /// Password hashing, limited by permits.
    pub passwords: Passwords,
    /// Credentials that the simulator must send.
    pub simulator: SimulatorCredentials,
    /// What the operator set.
    pub settings: Arc<Settings>,
    /// Whether the service waits for its database at the start.
    pub starting: Flag,
    /// Whether the service is going down.
    pub draining: Flag,
    /// What is measured of every request.
    pub requests: Arc<RequestMetrics>,
    /// The records that an answer waits for.
    pub durable: DurableRecords,
    /// Requests that go on without their clients.
    pub tasks: Tasks,
    /// The replicas of this deployment.
    pub replicas: Replicas,
    /// The newest backup.
    pub backups: NewestBackup,
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
    /// The data directory.
    pub data_dir: PathBuf,
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
            data_dir: config.data.data_dir.clone(),
        };
        let name = config.listen.replica.as_deref();
        Self {
            replicas: Replicas::new(name, &config.listen.trusted_proxies, &clock),
            backups: NewestBackup::default(),
            throttle: Throttle::new(db.clone(), clock.clone()),
            operators: OperatorCache::new(db.clone(), clock.clone()),
            db,
            clock,
            passwords: Passwords::default(),
            simulator: SimulatorCredentials::new(&config.account.simulator_auth().0),
            settings: Arc::new(settings),
            starting: Flag::default(),
            draining: Flag::default(),
            requests: Arc::new(RequestMetrics::new(config.listen.metrics_label_sets.into())),
            durable,
            tasks: Tasks::default(),
        }
    }
}

/// The newest backup as a job saw it last. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct NewestBackup(Arc<Mutex<Option<BackupSeen>>>);

/// What is known of the newest backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupSeen {
    /// When it was made, in microseconds, and its bytes; `None` without one.
    pub newest: Option<(i64, u64)>,
    /// Since when there is something to back up, in microseconds.
    pub installed: i64,
}

impl NewestBackup {
    /// Replaces what is known; `None` when backups are disabled.
    pub fn set(&self, seen: Option<BackupSeen>) {
        *self.0.lock() = seen;
    }

    /// What is known; `None` before the first look, and when backups are disabled.
    pub fn get(&self) -> Option<BackupSeen> {
        *self.0.lock()
    }
}

/// Something that is so or not; `/readyz` says it. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Flag(Arc<AtomicBool>);

impl Flag {
    /// Says whether it is so.
    pub fn set(&self, is_on: bool) {
        self.0.store(is_on, Ordering::Relaxed);
    }

    /// Whether it is so.
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
