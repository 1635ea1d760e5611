//! The builder of the panel. The options are few and each has a default that works.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;
use axum::response::Response;
use logsearch::Counts;
use logsearch::Subscription;
use logsearch::embedded::DiskStatus;
use logsearch::filter::LevelControl;
use logsearch::query::Query;
use logsearch::store::LogStore;
use tokio::sync::Semaphore;

use crate::access::operator::Operator;
use crate::context::links::Links;
use crate::context::panel::{Panel, TrafficFilter};
use crate::host::{
    Alerts, Deploys, ErrorStates, Jobs, Moderation, Operators, Plans, SavedSearches,
};
use crate::metrics::Metrics;
use crate::{clock, routes};

/// Maximum number of concurrent live tails.
const STREAMS: usize = 64;

/// Builder of the panel.
#[must_use = "the panel does nothing until its router is merged into another"]
pub struct Admin {
    panel: Panel,
}

impl Admin {
    /// Creates a panel over this log store, mounted at `/admin`.
    pub fn new(store: Arc<dyn LogStore>) -> Self {
        let panel = Panel {
            links: Links::new("/admin"),
            store,
            service: "service".to_owned(),
            version: String::new(),
            logout: None,
            live: None,
            streams: Arc::new(Semaphore::new(STREAMS)),
            jobs: None,
            alerts: None,
            deploys: None,
            moderation: None,
            operators: None,
            metrics: None,
            external_links: Vec::new(),
            traffic_filter: TrafficFilter::new(String::new()),
            errors: None,
            plans: None,
            searches: None,
            levels: None,
            pipeline_counts: None,
            disk_status: None,
            build: Vec::new(),
            clock: Box::new(clock::now),
        };
        Self { panel }
    }

    /// Sets the prefix as browsers see it, such as `/ops/panel`. Merge the router at the root:
    /// nesting it would move the pages away from their links.
    pub fn at(mut self, prefix: &str) -> Self {
        self.panel.links = Links::new(prefix);
        self
    }

    /// Sets the name and version of the service, shown on every page.
    pub fn service(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.panel.service = name.into();
        self.panel.version = version.into();
        self
    }

    /// Sets the path to which the panel posts to sign out. Without it there is no sign-out button.
    pub fn logout(mut self, path: impl Into<String>) -> Self {
        self.panel.logout = Some(path.into());
        self
    }

    /// Sets the source of the live tail. Without it, a page that follows new records reloads every
    /// few seconds.
    pub fn live(
        mut self,
        subscribe: impl Fn(&Query) -> Subscription + Send + Sync + 'static,
    ) -> Self {
        self.panel.live = Some(Box::new(subscribe));
        self
    }

    /// Adds the host's scheduled jobs to System.
    pub fn jobs(mut self, jobs: Arc<dyn Jobs>) -> Self {
        self.panel.jobs = Some(jobs);
        self
    }

    /// Adds the host's alerts: the page Alerts with a page per rule, and bands on charts.
    pub fn alerts(mut self, alerts: Arc<dyn Alerts>) -> Self {
        self.panel.alerts = Some(alerts);
        self
    }

    /// Adds the host's deployments, marked on charts.
    pub fn deploys(mut self, deploys: Arc<dyn Deploys>) -> Self {
        self.panel.deploys = Some(deploys);
        self
    }

    /// Lets operators resolve errors; the host stores the states.
    pub fn errors(mut self, errors: Arc<dyn ErrorStates>) -> Self {
        self.panel.errors = Some(errors);
        self
    }

    /// Lets operators save searches; the host stores them.
    pub fn searches(mut self, searches: Arc<dyn SavedSearches>) -> Self {
        self.panel.searches = Some(searches);
        self
    }

    /// Shows the query plans of the host's own SQL statements.
    pub fn plans(mut self, plans: Arc<dyn Plans>) -> Self {
        self.panel.plans = Some(plans);
        self
    }

    /// Adds the pages Messages and Users.
    pub fn moderation(mut self, moderation: Arc<dyn Moderation>) -> Self {
        self.panel.moderation = Some(moderation);
        self
    }

    /// Adds the page Operators: accounts and sessions of the panel's users.
    pub fn operators(mut self, operators: Arc<dyn Operators>) -> Self {
        self.panel.operators = Some(operators);
        self
    }

    /// Adds the page Metrics. A [`Sampler`](crate::metrics::Sampler) fills the history.
    pub fn metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.panel.metrics = Some(metrics);
        self
    }

    /// Sets which requests the charts count, as a query: `-route:/ops/*` excludes the panel's own.
    /// By default, all requests count.
    pub fn traffic_filter(mut self, query: impl Into<String>) -> Self {
        self.panel.traffic_filter = TrafficFilter::new(query.into());
        self
    }

    /// Links to another tool that monitors the service, such as Grafana, by its URL for browsers.
    pub fn external_link(mut self, name: impl Into<String>, url: impl Into<String>) -> Self {
        self.panel.external_links.push((name.into(), url.into()));
        self
    }

    /// Lets operators change the log levels temporarily.
    pub fn levels(mut self, levels: LevelControl) -> Self {
        self.panel.levels = Some(levels);
        self
    }

    /// Sets the source of the pipeline's counters, shown on System: queued and dropped records by
    /// reason.
    pub fn pipeline_counts(mut self, counts: impl Fn() -> Counts + Send + Sync + 'static) -> Self {
        self.panel.pipeline_counts = Some(Box::new(counts));
        self
    }

    /// How an embedded store lies on its disk: partitions, limits, what is not fsynced. Shown on System.
    pub fn disk_status(mut self, status: impl Fn() -> DiskStatus + Send + Sync + 'static) -> Self {
        self.panel.disk_status = Some(Box::new(status));
        self
    }

    /// Adds a line to the build section of System, such as the compiler version, in the order of
    /// the calls.
    pub fn build_info(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.panel.build.push((name.into(), value.into()));
        self
    }

    /// Replaces the clock; it returns microseconds since the Unix epoch.
    pub fn clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.panel.clock = Box::new(clock);
        self
    }

    /// Builds the router with all pages, assets and streams behind the guard. The guard gets the
    /// request head and returns the operator, or a response of its own, such as a redirect to a
    /// sign-in page or a 401.
    pub fn router<S, G, F>(self, guard: G) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
        G: Fn(Parts) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Operator, Response>> + Send + 'static,
    {
        routes::router(Arc::new(self.panel), guard)
    }
}
