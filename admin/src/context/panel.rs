//! The context of all pages: the store, the host, the links and the clock.

use std::sync::Arc;

use logsearch::Counts;
use logsearch::Subscription;
use logsearch::embedded::DiskStatus;
use logsearch::filter::LevelControl;
use logsearch::query::{Query, parse};
use logsearch::store::LogStore;
use tokio::sync::Semaphore;

use super::links::Links;
use super::turns::Turns;
use crate::host::{Host, Replicas};

/// Opens a subscription to new records that match a query.
pub type Subscribe = Box<dyn Fn(&Query) -> Subscription + Send + Sync>;

/// Which requests the charts count.
#[derive(Clone)]
pub struct TrafficFilter {
    /// As it stands in links; may be empty.
    pub text: String,
    pub query: Query,
}

impl TrafficFilter {
    /// The filter of a query text.
    pub fn new(text: String) -> Self {
        Self { query: parse(&text).query, text }
    }
}

/// Shared state of all pages.
pub struct Panel {
    pub links: Links,
    pub store: Arc<dyn LogStore>,
    pub host: Arc<dyn Host>,
    pub service: Service,
    pub pipeline: Pipeline,
    /// Permits for live streams.
    pub streams: Arc<Semaphore>,
    /// What each operator may have under way.
    pub turns: Turns,
    /// Which requests the charts count.
    pub traffic_filter: TrafficFilter,
    /// The service's own pages that have an entry beside System: name, and path below the prefix.
    pub own_pages: Vec<(&'static str, &'static str)>,
    pub clock: Box<dyn Fn() -> i64 + Send + Sync>,
}

/// What pages say about the service.
#[derive(Default)]
pub struct Service {
    pub name: String,
    pub version: String,
    /// Names and values, in the order to show them.
    pub build_info: Vec<(String, String)>,
    /// Names and addresses of other tools that watch it.
    pub external_links: Vec<(String, String)>,
    /// Where a POST signs the operator out.
    pub logout: Option<String>,
}

/// What feeds the store, as far as the service lets the panel see and change it.
#[derive(Default)]
pub struct Pipeline {
    pub live: Option<Subscribe>,
    pub levels: Option<LevelControl>,
    pub counts: Option<Box<dyn Fn() -> Counts + Send + Sync>>,
    pub disk: Option<Box<dyn Fn() -> DiskStatus + Send + Sync>>,
}

impl Panel {
    /// Name of the replica whose logs are shown; empty when it is the only one.
    pub fn replica(&self) -> String {
        let replicas = self.host.replicas().map(Replicas::list).unwrap_or_default();
        let own = replicas.iter().find(|replica| replica.is_current);
        own.filter(|_| replicas.len() > 1).map(|own| own.name.clone()).unwrap_or_default()
    }

    /// The current time in microseconds since the Unix epoch.
    pub fn now(&self) -> i64 {
        (self.clock)()
    }
}
