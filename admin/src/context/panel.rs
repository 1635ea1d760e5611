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
use crate::host::{
    Alerts, Deploys, ErrorStates, Jobs, Moderation, Operators, Plans, SavedSearches,
};
use crate::metrics::Metrics;

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
    pub service: String,
    pub version: String,
    pub logout: Option<String>,
    pub live: Option<Subscribe>,
    pub streams: Arc<Semaphore>,
    pub jobs: Option<Arc<dyn Jobs>>,
    pub alerts: Option<Arc<dyn Alerts>>,
    pub deploys: Option<Arc<dyn Deploys>>,
    pub moderation: Option<Arc<dyn Moderation>>,
    pub operators: Option<Arc<dyn Operators>>,
    pub plans: Option<Arc<dyn Plans>>,
    pub metrics: Option<Arc<Metrics>>,
    pub external_links: Vec<(String, String)>,
    pub traffic_filter: TrafficFilter,
    pub errors: Option<Arc<dyn ErrorStates>>,
    pub searches: Option<Arc<dyn SavedSearches>>,
    pub levels: Option<LevelControl>,
    pub pipeline_counts: Option<Box<dyn Fn() -> Counts + Send + Sync>>,
    pub disk_status: Option<Box<dyn Fn() -> DiskStatus + Send + Sync>>,
    pub build: Vec<(String, String)>,
    pub clock: Box<dyn Fn() -> i64 + Send + Sync>,
}

impl Panel {
    /// The current time in microseconds since the Unix epoch.
    pub fn now(&self) -> i64 {
        (self.clock)()
    }
}
