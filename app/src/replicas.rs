//! The replicas of this deployment, as this process last read them. A task keeps the own row fresh and reads the
//! others; whoever asks gets what is in memory, also while the database is away.
//!
//! On SQLite there is one process, and nothing is written.

use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use logsearch::Logs;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, micros};
use crate::db::{Db, Replica};
use crate::{build, process};

/// How often a replica keeps its row fresh.
pub const REFRESH: Duration = Duration::from_secs(5);
/// Without news for this long a replica counts as gone.
pub const STALE: Duration = Duration::from_secs(30);
/// After this long its row is removed.
const EXPIRED: Duration = Duration::from_mins(10);
/// A statement that takes longer is given up; the next round tries again.
const PATIENCE: Duration = Duration::from_secs(3);
/// The same when the process ends.
const LAST_PATIENCE: Duration = Duration::from_millis(300);

/// The replicas in memory. Clones share them.
#[derive(Clone, Debug)]
pub struct Replicas(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    own: Mutex<Replica>,
    others: Mutex<Vec<Replica>>,
}

impl Replicas {
    /// This process alone. `name` is what people call it, the host's name by default; `proxies` are the networks
    /// in which proxies reach it.
    pub fn new(name: Option<&str>, proxies: &[IpNet], clock: &Clock) -> Self {
        let now = clock.now();
        let name = name.filter(|name| !name.is_empty()).map(str::to_owned);
        let own = Replica {
            id: random_id(),
            name: name.or_else(process::host_name).unwrap_or_else(|| "this host".to_owned()),
            address: address_in(proxies).map(|address| address.to_string()).unwrap_or_default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: build::REVISION.to_owned(),
            started_at: now,
            seen_at: now,
            is_ready: true,
            records: 0,
        };
        Self(Arc::new(Shared { own: Mutex::new(own), others: Mutex::default() }))
    }

    /// This process.
    pub fn own(&self) -> Replica {
        self.0.own.lock().clone()
    }

    /// This process and the others that were heard of in the last minutes, by name and start.
    pub fn all(&self) -> Vec<Replica> {
        let mut all = self.0.others.lock().clone();
        all.push(self.own());
        all.sort_by(|one, other| (&one.name, one.started_at).cmp(&(&other.name, other.started_at)));
        all
    }

    /// Keeps the own row fresh and reads the others until it is stopped; then the row is removed.
    pub async fn keep_up(self, source: Source, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(REFRESH);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.look_at_own(&source).await;
            if !source.is_shared {
                continue;
            }
            let round = tokio::time::timeout(PATIENCE, Box::pin(self.exchange(&source)));
            match stop.run_until_cancelled(round).await {
                None | Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => {
                    tracing::debug!(error.message = error.chain(), "could not exchange replicas");
                }
                Some(Err(_)) => tracing::debug!("exchanging replicas took too long"),
            }
        }
        if source.is_shared {
            let id = self.own().id;
            let removal = source.db.remove_replicas(&id, source.clock.now() - micros(EXPIRED));
            // Otherwise it expires.
            let _removed = tokio::time::timeout(LAST_PATIENCE, removal).await;
        }
    }

    async fn look_at_own(&self, source: &Source) {
        let records = source.logs.store().status().await.map(|status| status.records);
        let mut own = self.0.own.lock();
        own.seen_at = source.clock.now();
        own.is_ready = !(source.is_draining)();
        if let Ok(records) = records {
            own.records = i64::try_from(records).unwrap_or(i64::MAX);
        }
    }

    async fn exchange(&self, source: &Source) -> crate::db::Result<()> {
        let own = self.own();
        source.db.keep_replica(&own).await?;
        let expired = source.clock.now() - micros(EXPIRED);
        let mut others = source.db.replicas(expired).await?;
        others.retain(|replica| replica.id != own.id);
        *self.0.others.lock() = others;
        source.db.remove_replicas("", expired).await.map(drop)
    }
}

/// Not a secret: it tells apart processes of one name.
fn random_id() -> String {
    let mut bytes = [0; 16];
    // Without randomness two replicas show one row; nothing else of them is wrong.
    let _filled = getrandom::fill(&mut bytes);
    format!("{:032x}", u128::from_be_bytes(bytes))
}

/// What a replica says of itself, and where.
pub struct Source {
    /// Where the rows are.
    pub db: Db,
    /// Whether other processes use that database.
    pub is_shared: bool,
    /// The time of day.
    pub clock: Clock,
    /// Whether this process goes down.
    pub is_draining: Box<dyn Fn() -> bool + Send + Sync>,
    /// The log store, whose records are counted.
    pub logs: Arc<Logs>,
}

/// The address of this machine in the first of the networks that it is in. Connecting a datagram socket chooses the
/// way and sends nothing.
fn address_in(networks: &[IpNet]) -> Option<IpAddr> {
    networks.iter().find_map(|network| {
        let unspecified = match network {
            IpNet::V4(_) => "0.0.0.0:0",
            IpNet::V6(_) => "[::]:0",
        };
        let socket = UdpSocket::bind(unspecified).ok()?;
        socket.connect((network.hosts().next()?, 9)).ok()?;
        let address = socket.local_addr().ok()?.ip();
        network.contains(&address).then_some(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_one_that_proxies_reach() {
        let networks =
            |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        let loopback = networks(&["203.0.113.0/24", "127.0.0.0/8"]);
        assert_eq!(address_in(&loopback), Some("127.0.0.1".parse().unwrap()));
        assert_eq!(address_in(&networks(&["203.0.113.0/24"])), None);
        assert_eq!(address_in(&[]), None);
    }

    #[test]
    fn a_replica_without_others_is_listed_alone() {
        let replicas = Replicas::new(Some("one.1"), &[], &Clock::default());
        assert_eq!(replicas.all(), [replicas.own()]);
        assert_eq!(replicas.own().name, "one.1");
        assert_ne!(replicas.own().id, Replicas::new(None, &[], &Clock::default()).own().id);
    }
}
