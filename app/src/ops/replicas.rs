//! The replicas of this deployment for the panel. The proxy sends a browser with a cookie to the replica whose
//! address the cookie holds.

use admin::{Replica, Replicas};

use crate::clock::micros;
use crate::db;
use crate::replicas::STALE;
use crate::state::AppState;

/// The name of the cookie, which `compose/nginx.conf` reads.
const COOKIE: &str = "minitwit_replica";
/// How long a choice holds, in seconds: a day.
const MAX_AGE: u32 = 24 * 3_600;

/// The replicas in memory.
pub struct HostReplicas(pub AppState);

impl HostReplicas {
    fn shown(&self, replica: db::Replica, own: &str) -> Replica {
        let is_known = self.0.clock.now() - replica.seen_at <= micros(STALE);
        let is_current = replica.id == own;
        Replica {
            is_current,
            is_ready: (is_known || is_current).then_some(replica.is_ready),
            can_be_chosen: !is_current && is_known && !replica.address.is_empty(),
            id: replica.id,
            name: replica.name,
            version: replica.version,
            revision: replica.revision,
            started: replica.started_at,
            seen: replica.seen_at,
            records: u64::try_from(replica.records).unwrap_or(0),
        }
    }
}

impl Replicas for HostReplicas {
    fn list(&self) -> Vec<Replica> {
        let own = self.0.replicas.own().id;
        self.0.replicas.all().into_iter().map(|replica| self.shown(replica, &own)).collect()
    }

    fn choose(&self, id: &str) -> Option<String> {
        let all = self.0.replicas.all();
        let chosen = all.iter().find(|replica| replica.id == id && !replica.address.is_empty())?;
        let address = &chosen.address;
        Some(format!("{COOKIE}={address}; Path=/; Max-Age={MAX_AGE}; HttpOnly; SameSite=Lax"))
    }
}
